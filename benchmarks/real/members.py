"""The members of the table: half drawn at random, half from fronts of short searches by several samplers."""

import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import nas
from benchmarks.real.rows import Member
from nas import plugins
from nas.architecture import ModelInput, total_cost
from nas.space import SearchSpace

SPACE, SIZE_PX = "hybrid", 32
INPUT = ModelInput(3, SIZE_PX, SIZE_PX, 10)
# Members of more MACs take longer than the slowest known network of benchmarks/ship, 45 million.
MAX_MACS = 45_000_000
# Searches whose fronts are taken: their trainings are short, and their own latency limit is that of MAX_MACS or so.
SAMPLERS = ("ehvi", "tpe", "nsga2", "random")
BUDGET, IMAGES, EPOCHS, MAX_LATENCY_MS = 40, 2000, 5, 0.6
SEED = 0


def space() -> SearchSpace:
    return nas.load_space(SPACE).for_pictures(INPUT)


def drawn(count: int) -> list[Member]:
    """Draw `count` members of at most MAX_MACS; every longer draw begins with the shorter one."""
    builder, generator = plugins.load(plugins.BUILDERS, plugins.BUILDER), random.Random(SEED)
    members: dict[str, Member] = {}
    while len(members) < count:
        architecture = space().sample(generator)
        if total_cost(builder, architecture, INPUT).macs <= MAX_MACS:
            members.setdefault(architecture.key, Member("random", architecture))
    return list(members.values())


def searched(data_dir: Path, count: int) -> list[Member]:
    """Search with each sampler and take its front's members by turns, the most accurate first."""
    with tempfile.TemporaryDirectory() as scratch:
        fronts = {name: _front(name, data_dir, f"sqlite:///{scratch}/{name}.db") for name in SAMPLERS}
    return list(_by_turns(fronts))[:count]


def _front(sampler: str, data_dir: Path, storage: str) -> list[Member]:
    study = nas.search(
        SPACE,
        dataset=f"imagefolder:{data_dir / 'cifar10-small'}",
        input_size_px=SIZE_PX,
        budget=BUDGET,
        train_size=IMAGES,
        epochs=EPOCHS,
        sampler=sampler,
        targets=("onnxruntime",),
        max_latency_ms=MAX_LATENCY_MS,
        baselines=("none",),
        confirm=0,
        early_stopping=False,
        seed=SEED,
        storage=storage,
        progress=False,
    )
    front = sorted(study.front, key=lambda member: -member.accuracy)
    return [Member(sampler, member.architecture) for member in front]


def _by_turns(fronts: dict[str, list[Member]]) -> Iterator[Member]:
    seen: set[str] = set()
    waiting: Sequence[list[Member]] = list(fronts.values())
    while waiting := [front for front in waiting if front]:
        for front in waiting:
            member = front.pop(0)
            if member.architecture.key not in seen:
                seen.add(member.architecture.key)
                yield member
