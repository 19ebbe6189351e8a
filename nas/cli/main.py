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
# Allocations between two garbage collections. Imports make a million objects that stay; collecting after every 700, the
# default, takes a fifth of the time until a search begins.
GC_THRESHOLD = 200_000
# A command's module is imported only when the command is run, so that `nas --help` and `nas front` start at once.
COMMANDS = {
    "search": "Search a space for the Pareto front of accuracy against measured latency.",
    "front": "Show a study's Pareto front as a table, JSON or an HTML page.",
    "export": "Export one architecture: config, weights, ONNX or Python code; or a study as a table.",
    "features": "Show how well training-free features rank a study's architectures.",
    "fidelity": "Show what a study's short trainings were worth, by rung of its ladder.",
    "studies": "List a database's studies; delete, archive, rename or annotate them.",
    "status": "Show running searches: workers, trials per hour, failures, the last error.",
    "datasets": "List the data sets, or inspect one: pictures, sizes and what is skipped, by class.",
    "spaces": "List the search spaces, show one, or check a space file of your own.",
    "retrain": "Train an architecture in full, with checkpoints and resume.",
    "predict": "Predict the classes of pictures by a trained network: a folder or an ONNX file.",
    "targets": "List the latency targets and whether they work on this machine.",
    "latency": "Measure networks on a target, compare two, list recorded measurements.",
    "dashboard": "Serve studies and fronts in the browser, a REST API and Prometheus metrics.",
    "db": "Upgrade, check, back up, restore, prune and vacuum a database; copy its studies.",
    "supernet": "Train one network for a whole space, evaluate members with it, list recorded ones.",
    "simulate": "Compare samplers by simulated searches on a table of recorded results.",
    "mixers": "Compare token mixers on this machine: parameters, MACs, latency.",
    "models": "List the published MetaFormers, show one, or check our implementations of them.",
}


class LazyGroup(click.Group):
    """Group that imports a command's module when it is run; help needs only the one-line descriptions."""

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
    """Run `main` in a process of its own, which a Ctrl-C after the command's end terminates without a message."""
    gc.set_threshold(GC_THRESHOLD)
    try:
        main()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: with 0 on success, 2 for a wrong request, 130 after Ctrl-C."""
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
