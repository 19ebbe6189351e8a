"""The contract suite: every check of a token mixer, by name."""

from collections.abc import Callable, Iterator

import torch

from nas.builder import ContractCheck
from nas.errors import NasError
from search_spaces.contract import behaviour, deployment
from search_spaces.contract.subject import ContractError, Subject
from search_spaces.model import mixer_class

CHECKS: tuple[Callable[[Subject], None], ...] = (
    deployment.states_its_properties,
    behaviour.keeps_the_shape,
    behaviour.learns_every_parameter,
    behaviour.repeats_by_seed_and_state,
    behaviour.mixes_as_far_as_stated,
    behaviour.keeps_images_apart,
    behaviour.takes_any_memory_format,
    behaviour.runs_under_bf16_autocast,
    deployment.grows_as_stated,
    deployment.runs_in_onnx_runtime,
    deployment.folds_in_every_block,
)


def check_contract(name: str) -> Iterator[ContractCheck]:
    """Put a mixer to every check (nas.builder.Builder). Raises UnknownNameError or PluginError before the first."""
    subject = Subject(name, mixer_class(name))
    return (_result(check, subject) for check in CHECKS)


def _result(check: Callable[[Subject], None], subject: Subject) -> ContractCheck:
    violation = None
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        try:
            check(subject)
        except (ContractError, NasError) as error:
            violation = str(error)
        # The mixer is another's code, which may fail in any way.
        except Exception as error:
            violation = f"{type(error).__name__}: {next(iter(str(error).splitlines()), 'no message')}"
    return ContractCheck(check.__name__.replace("_", " "), violation)
