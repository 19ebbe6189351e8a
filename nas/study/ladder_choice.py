"""The choice of a search's ladder: the target training that its budget or time has room for, and the rungs below it."""

import math

from nas.errors import OptionError
from nas.evaluation import Evaluation
from nas.results.ladder import Ladder
from nas.study.promotion import MAX_FINALS
from nas.study.search_options import FULL, NO_TARGET, SearchOptions
from nas.trial import Fidelity

# The trainings at the target are as many as this share of the trials, and at least MIN_FINALS; they take FINALS_SHARE
# of the time of all trials if each is trained to its end.
FINALS_PER_TRIAL, MIN_FINALS, FINALS_SHARE = 0.05, 6, 0.4
# The same within `--time`, which is as long for them as for the trials.
TIMED_FINALS_PER_TRIAL, MIN_TIMED_FINALS, TIMED_FINALS_SHARE = 0.2, 3, 0.9
# A target that presents fewer images than this many times those of a trial would tell little more than that trial.
MIN_RATIO = 2.0
# From each rung to the next a training presents about this many times the images.
RUNG_RATIO = 3.2


def has_ladder(options: SearchOptions, evaluation: Evaluation) -> bool:
    """Whether a new study with these options has a ladder where its trials leave room for one.

    Raises OptionError where a target is asked for beside what excludes it.
    """
    asked = {name: getattr(options, name) for name in ("target_epochs", "target_train_size")}
    given = next((name for name, value in asked.items() if value is not None), None)
    if given is None and options.target_training == FULL:
        given = "target_training"
    if given is not None:
        if evaluation.reaching is None:
            raise OptionError(
                f"{{{given}}} {{}} with {{evaluator}} {{}}: all its trainings are alike",
                getattr(options, given),
                options.evaluator,
            )
        if options.target_training == NO_TARGET:
            raise OptionError(
                f"{{{given}}} {{}} with {{target_training}} {{}}: give one of the two",
                getattr(options, given),
                NO_TARGET,
            )
        if options.confirm:
            raise OptionError(
                f"{{{given}}} {{}} with {{confirm}} {{}}: a confirmation is as short as a trial; give one of the two",
                getattr(options, given),
                options.confirm,
            )
        return True
    return evaluation.reaching is not None and options.target_training != NO_TARGET and options.confirm is None


def chosen_ladder(options: SearchOptions, evaluation: Evaluation, trials: int) -> Ladder | None:
    """Choose the ladder of a new study of about `trials` trials; None where their own trainings judge the front.

    Raises OptionError for a target that cannot be, or is no longer than a trial.
    """
    worthwhile = evaluation.worthwhile
    if not has_ladder(options, evaluation) or worthwhile is None:
        return None
    base = Fidelity(evaluation.facts.train_size or worthwhile.images, evaluation.facts.epochs)
    if options.target_train_size is not None and options.target_train_size > worthwhile.images:
        raise OptionError(
            "{target_train_size} {} is more than the {} training images that are not held out to judge networks by",
            options.target_train_size,
            worthwhile.images,
        )
    is_timed = options.time_s is not None
    share = TIMED_FINALS_SHARE if is_timed else FINALS_SHARE
    target = target_within(base, worthwhile, share * trials / finals(trials, is_timed=is_timed))
    if options.target_training == FULL:
        target = worthwhile
    if options.target_epochs is not None or options.target_train_size is not None:
        images = options.target_train_size or worthwhile.images
        target = Fidelity(images, options.target_epochs or (worthwhile if target is None else target).epochs)
        if target.images < base.images or target.presented <= base.presented:
            name = "target_train_size" if options.target_epochs is None else "target_epochs"
            raise OptionError(
                f"{{{name}}} {{}}: a target training of {{}} is none for trials of {{}}: it has no fewer images, and "
                "presents more",
                getattr(options, name),
                target,
                base,
            )
    return None if target is None or target.presented <= base.presented else ladder_of(base, target)


def check_recorded(options: SearchOptions, evaluation: Evaluation, study: str, ladder: Ladder | None) -> None:
    """Raise OptionError where the options ask for another target training than that of a study on record."""
    target = None if ladder is None else ladder.target
    text = "without a target training" if target is None else f"with a target training of {target}"
    differs = {
        "target_epochs": options.target_epochs is not None
        and (target is None or target.epochs != options.target_epochs),
        "target_train_size": options.target_train_size is not None
        and (target is None or target.images != options.target_train_size),
        "target_training": (options.target_training == FULL and target != evaluation.worthwhile)
        or (options.target_training == NO_TARGET and target is not None),
        "confirm": bool(options.confirm) and target is not None,
    }
    name = next((name for name, is_other in differs.items() if is_other), None)
    if name is not None:
        message = f"{{{name}}} {{}}: study {{!r}} was begun {{}}; name another {{study}}"
        raise OptionError(message, getattr(options, name), study, text)


def finals(trials: int, *, is_timed: bool) -> int:
    """The number of trainings at the target in a search of so many trials."""
    share, least = (TIMED_FINALS_PER_TRIAL, MIN_TIMED_FINALS) if is_timed else (FINALS_PER_TRIAL, MIN_FINALS)
    return min(MAX_FINALS, max(least, round(share * trials)))


def target_within(base: Fidelity, worthwhile: Fidelity, ratio: float) -> Fidelity | None:
    """The target that presents `ratio` times the images of the fidelity `base`, but no more than the worthwhile one."""
    presented = min(ratio * base.presented, worthwhile.presented)
    if presented < MIN_RATIO * base.presented:
        return None
    images = min(worthwhile.images, max(base.images, round(presented / base.epochs)))
    return Fidelity(images, max(1, round(presented / images)))


def ladder_of(base: Fidelity, target: Fidelity) -> Ladder:
    """The ladder from the trials' fidelity to the target's: first with more images, then with more epochs."""
    steps = max(1, round(math.log(target.presented / base.presented) / math.log(RUNG_RATIO)))
    ratio = (target.presented / base.presented) ** (1 / steps)
    between = []
    for step in range(1, steps):
        presented = base.presented * ratio**step
        images = min(target.images, max(base.images, round(presented / base.epochs)))
        between.append(Fidelity(images, max(1, round(presented / images))))
    return Ladder((base, *between, target))
