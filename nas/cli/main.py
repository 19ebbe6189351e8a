"""The console script `nas`: its commands, and errors as one line."""

import gc
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from nas.cli.passwords import hide_passwords, without_passwords
from nas.errors import NasError

INTERRUPTED = 130
# Imports make a million objects that stay: looking for garbage among them after each 700 new ones, as is usual, takes a
# fifth of the time until a search begins.
GARBAGE_AFTER = 200_000
# A command's module is imported when it is called for, so that `nas --help` and `nas front` start at once.
COMMANDS = {
    "search": "Search a space for the Pareto front of accuracy against measured latency.",
    "front": "Show a study's Pareto front as a table, JSON or an HTML page.",
    "export": "Write an architecture's config.",
    "features": "Show how well what needs no training ranks a study's architectures.",
    "studies": "List the studies in a database.",
    "status": "Show the searches that run: workers, trials per hour, failures, the last error.",
    "spaces": "List the search spaces, show one, or check a file of your own.",
    "retrain": "Train an architecture in full, with checkpoints and resume.",
    "targets": "List what latency can be measured on, and what works on this machine.",
    "latency": "Measure networks on a target, compare two, list what is on record.",
    "dashboard": "Serve studies, fronts, Optuna's dashboard and Prometheus metrics.",
    "db": "Bring a database's schema up to date, check it, copy its studies.",
    "supernet": "Train one network for a whole space, judge members by it, list those on record.",
    "simulate": "Compare samplers by whole searches on a table of recorded results.",
    "mixers": "Compare token mixers on this machine: parameters, MACs, latency.",
    "models": "List the published MetaFormers, show one, or check ours against them.",
}


class LazyGroup(click.Group):
    """The commands by name; help needs only their one-line descriptions."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"nas.cli.{name}").command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hybrid-nas", prog_name="nas")
@click.pass_context
def cli(context: click.Context) -> None:
    """Neural architecture search over hybrid token-mixer layouts."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def console_script() -> None:
    """`main`, in a process of its own: a Ctrl-C after the command's end ends the process, and nothing is told of it."""
    gc.set_threshold(GARBAGE_AFTER)
    try:
        main()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 when it went well, 2 when the request was wrong, 130 after Ctrl-C."""
    hide_passwords(sys.argv)
    try:
        code = cli.main(args=arguments, prog_name="nas", standalone_mode=False)
    except NasError as error:
        _fail(str(error), error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), 2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> None:
    click.echo(f"nas: error: {without_passwords(' '.join(message.split()))}", err=True)
    sys.exit(code)
