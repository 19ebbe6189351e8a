"""Warm starts of a search: architectures that are known to be good, and priors from finished studies."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from nas.architecture import Architecture
from nas.errors import ParameterError
from nas.exports.published import published_models
from nas.exports.source import source_of
from nas.results.front import front, results
from nas.samplers.setting import ArchitectureMetric
from nas.space import Space
from nas.store.store import Store

PUBLISHED = "published"
# A finished study with fewer results in the space gives no prior.
MIN_RESULTS_FOR_PRIOR = 16


@dataclass(frozen=True)
class WarmStart:
    """The `architectures` to try first, and `priors`: expected losses of any member, for samplers that use them."""

    architectures: tuple[Architecture, ...] = ()
    priors: tuple[ArchitectureMetric, ...] = ()


def warm_start(names: Sequence[str], store: Store, space: Space, own: str) -> WarmStart:
    """Collect architectures from studies in the store (their fronts), configs, exported folders and published models,
    or `published` for all of these.

    `own` is the study that starts. Raises ParameterError for a name that is none of these, for `own`, and where none of
    a name's architectures is a member of the space.
    """
    architectures: dict[str, Architecture] = {}
    priors: list[ArchitectureMetric] = []
    studies = {record.name: record for record in store.studies()}
    for name in names:
        if name == own:
            raise ParameterError(f"--start-from {name!r} is the study itself, which resumes without it")
        if name in studies and name != PUBLISHED:
            record = studies[name]
            earlier = results(store.trials(record.study_id), record.settings)
            known = [(result.trial.architecture, result.expected_accuracy) for result in earlier]
            inside = [(member, accuracy) for member, accuracy in known if _is_member(space, member)]
            offered = [member.trial.architecture for member in front(earlier)]
            if len(inside) >= MIN_RESULTS_FOR_PRIOR:
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
