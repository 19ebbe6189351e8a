"""Ctrl-C is handled, also where Python drops what it raises."""

import os
import signal
import weakref

import pytest

from workers.ray import interruption
from workers.ray.interruption import handle_signals


class Held:
    """What a weak reference may lead to."""


def interrupt(_: object) -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_a_weak_reference_drops_is_raised_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interruption, "AGAIN_S", 0.05)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    passed = []

    def dropped_once() -> None:
        with handle_signals():
            held = Held()
            reference = weakref.ref(held, interrupt)
            del held
            passed.append(reference())
            signal.pause()

    with pytest.raises(KeyboardInterrupt):
        dropped_once()
    assert passed == [None]
    assert {number: signal.getsignal(number) for number in before} == before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_both_ways_of_ending_are_one(number: signal.Signals) -> None:
    def interrupted() -> None:
        with handle_signals():
            os.kill(os.getpid(), number)
            signal.pause()

    with pytest.raises(KeyboardInterrupt):
        interrupted()
