"""The test of a front's networks: each is judged once on the data set's test part, when its search is over."""

from collections.abc import Callable, Sequence

from nas.architecture import Architecture
from nas.errors import DataError
from nas.evaluation import Say
from nas.results.front import Result
from nas.study.study import Study


def test_members(
    study: Study, members: Sequence[Result], accuracy: Callable[[Architecture, bytes], float], say: Say
) -> None:
    """Judge the members that were trained at the target and not tested yet, and record their accuracies."""
    for member in members:
        final = member.final
        if final is None or final.test_accuracy is not None:
            continue
        weights = study.weights(member.trial.number)
        if weights is None:
            continue
        try:
            study.put_test_accuracy(member.trial.number, final, accuracy(member.trial.architecture, weights))
        except DataError as error:
            say("warning", {"message": f"the front's networks are not tested: {error}"})
            return
