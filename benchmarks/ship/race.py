"""One case with one seed: the pieces in the order in which a user would do them, each kept when it is finished."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import timing
from benchmarks.kept import Kept
from benchmarks.report import PACKAGES, conditions
from benchmarks.ship import plain
from benchmarks.ship.cases import Case, Pictures, pictures
from benchmarks.ship.known import BASELINES
from benchmarks.ship.product import Product
from benchmarks.ship.verdict import Race, Shipped, chosen_limits

# Factor on the slowest limit up to which the search may train: its clock is another one.
MAX_OVER_SLOWEST = 1.05


@dataclass(frozen=True)
class Runner:
    """Runner of a case with a seed. `folder` holds the networks; `search_options` are further ones of `nas search`."""

    case: Case
    seed: int
    dataset: str
    folder: Path
    kept: Kept
    search_options: Sequence[str] = ()

    def race(self) -> Race:
        """Run the pieces that are not kept yet. Raises CommandError when a command of ours fails."""
        data = pictures(self.dataset, self.case.size_px)
        channels, height, width = data.train.images.shape[1:]
        shape_CHW = (channels, height, width)
        hardware = self._once("conditions", lambda: conditions((*PACKAGES, "onnxruntime")))
        known = {name: self._baseline(name, data, shape_CHW) for name in BASELINES}
        accuracies = {name: baseline["accuracy"] for name, baseline in known.items()}
        paths = {name: Path(baseline["path"]) for name, baseline in known.items()}
        before = self._once("latency of baselines", lambda: timing.latencies(paths, shape_CHW))
        limits = chosen_limits(_baselines(accuracies, before))
        ours = self._ours(limits, paths, before, shape_CHW)
        paths |= {network["key"]: Path(network["path"]) for network in ours.values()}
        # All by the clock of one moment: the limits too are the baselines' latencies then.
        ms = self._once_by_us("latency", lambda: timing.latencies(paths, shape_CHW))
        shipped = [
            Shipped(f"trial {network['trial']}", network["accuracy"], *_runtimes_ms(ms[network["key"]]), limit)
            for limit, network in ours.items()
        ]
        baselines = _baselines(accuracies, ms)
        return Race(self.case.name, self.seed, len(data.test.labels), limits, baselines, shipped, hardware)

    def _baseline(self, name: str, data: Pictures, shape_CHW: tuple[int, int, int]) -> dict[str, Any]:
        path = self.folder / "baselines" / name.replace(" ", "_")

        def work() -> dict[str, Any]:
            print(f"{self.case.name}, seed {self.seed}: training {name}", flush=True)
            model, figures = plain.shipped(BASELINES[name], data, self.case.final_s, self.case.flip, self.seed)
            timing.deploy(model, shape_CHW, path)
            return {**figures, "path": str(path)}

        result: dict[str, Any] = self._once("baseline", work, network=name)
        return result

    def _ours(
        self,
        limits: Sequence[str],
        baselines: dict[str, Path],
        before: dict[str, dict[str, float]],
        shape_CHW: tuple[int, int, int],
    ) -> dict[str, dict[str, Any]]:
        """Train the network that ships for each limit for which a member of the front is fast enough."""
        folder = "-".join(("product", *re.findall(r"[\w.]+", " ".join(self.search_options))))
        product = Product(self.folder / folder, self.dataset, self.case.size_px, self.seed, self.search_options)
        slowest_ms = MAX_OVER_SLOWEST * max(before[limit][timing.ONNX] for limit in limits)
        print(f"{self.case.name}, seed {self.seed}: searching", flush=True)
        search = self._once_by_us("search", lambda: product.search(self.case.search_s, slowest_ms))
        front = search["front"]
        front_ms = self._once_by_us(
            "latency of front", lambda: timing.latencies({**product.deployed_front(front), **baselines}, shape_CHW)
        )
        ours = {}
        for number, limit in enumerate(limits):
            limit_ms = front_ms[limit][timing.ONNX]
            fast = [member["latency_ms"] for member in front if front_ms[str(member["trial"])][timing.ONNX] <= limit_ms]
            if fast:
                pick = partial(product.pick, max(fast), f"limit-{number}")
                picked = self._once_by_us("pick", pick, limit=limit)
                ours[limit] = {**picked, **self._final(product, picked, shape_CHW)}
        return ours

    def _final(self, product: Product, picked: dict[str, Any], shape_CHW: tuple[int, int, int]) -> dict[str, Any]:
        print(f"{self.case.name}, seed {self.seed}: final training of trial {picked['trial']}", flush=True)
        result: dict[str, Any] = self._once_by_us(
            "final",
            lambda: product.retrain(picked["config"], self.case.final_s, shape_CHW),
            network=picked["key"],
        )
        return result

    def _once(self, piece: str, work: Callable[[], Any], **fields: str) -> Any:
        key: dict[str, str | int | float] = {
            "piece": piece,
            "case": self.case.name,
            "search_s": self.case.search_s,
            "final_s": self.case.final_s,
            "seed": self.seed,
            **fields,
        }
        return self.kept.once(key, work)

    def _once_by_us(self, piece: str, work: Callable[[], Any], **fields: str) -> Any:
        return self._once(piece, work, options=" ".join(self.search_options), **fields)


def _runtimes_ms(ms: dict[str, float]) -> tuple[float, float]:
    return ms[timing.ONNX], ms[timing.TORCH]


def _baselines(accuracies: dict[str, float], ms: dict[str, dict[str, float]]) -> list[Shipped]:
    return [Shipped(name, accuracy, *_runtimes_ms(ms[name])) for name, accuracy in accuracies.items()]
