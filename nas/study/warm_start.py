"""Where a search may start from: architectures that are known to be good, and what finished studies know of others."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from nas.architecture import Architecture
from nas.errors import ParameterError
from nas.export.published import published_models
from nas.export.source import source_of
from nas.results.front import front, results
from nas.samplers.setting import ArchitectureMetric
from nas.space import Space
from nas.store.store import Store

PUBLISHED = "published"
# A finished study with fewer results informs nothing.
FEWEST = 16


@dataclass(frozen=True)
class WarmStart:
    """`architectures` to try first; `priors` tell samplers that look at them what to expect of any member."""

    architectures: tuple[Architecture, ...] = ()
    priors: tuple[ArchitectureMetric, ...] = ()


def warm_start(names: Sequence[str], store: Store, space: Space, own: str) -> WarmStart:
    """Of studies in the store (their fronts), configs, exported folders, published models, or `published` for all.

    `own` is the study that starts. Raises ParameterError for a name that is none of these, for `own`, and where none of
    a name's architectures is a member of the space.
    """
    architectures: dict[str, Architecture] = {}
    priors: list[ArchitectureMetric] = []
    studies = {record.name: record for record in store.studies()}
    for name in names:
        if name == own:
            raise ParameterError(f"--start-from {name!r} is the study itself, which goes on by itself")
        if name in studies and name != PUBLISHED:
            record = studies[name]
            found = results(store.trials(record.study_id), record.settings)
            known = [(each.trial.architecture, each.expected_accuracy) for each in found]
            inside = [(member, accuracy) for member, accuracy in known if _is_member(space, member)]
            offered = [each.trial.architecture for each in front(found)]
            if len(inside) >= FEWEST:
                from nas.samplers.ehvi.prior import prior

                priors.append(prior(space, inside))
        else:
            offered = _named(name, studies)
        members = [member for member in offered if _is_member(space, member)]
        if not members:
            raise ParameterError(
                f"--start-from {name!r}: none of its {len(offered)} architectures is a member of space {space.name!r}"
            )
        architectures |= {member.key: member for member in members}
    return WarmStart(tuple(architectures.values()), tuple(priors))


def _named(name: str, studies: Collection[str]) -> list[Architecture]:
    if name == PUBLISHED:
        return [model.architecture for model in published_models().values()]
    try:
        return [source_of(name).config.architecture]
    except ParameterError as error:
        raise ParameterError(
            f"--start-from {name!r} is no study here ({', '.join(studies) or 'none'}), not {PUBLISHED!r}, and {error}"
        ) from error


def _is_member(space: Space, architecture: Architecture) -> bool:
    try:
        space.encode(architecture)
    except ParameterError:
        return False
    return space.allows(architecture)
