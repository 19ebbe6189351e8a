"""Our side, by the commands that a user has: `nas search --time`, `nas front`, `nas export`, `nas retrain --time`."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import nas
from benchmarks import timing

TARGET = "onnxruntime"
# Factor on latencies in the study's own milliseconds that covers their rounding.
ROUNDING_FACTOR = 1.0001


class CommandError(Exception):
    """A command of ours failed; its last lines are the message."""


@dataclass(frozen=True)
class Product:
    """One case of one seed in a folder. `search_options` are the user's further options of `nas search`."""

    folder: Path
    dataset: str
    size_px: int
    seed: int
    search_options: Sequence[str] = ()

    @property
    def _storage(self) -> tuple[str, str]:
        return "--storage", f"sqlite:///{(self.folder / 'study.db').resolve()}"

    @property
    def _data(self) -> tuple[str, ...]:
        size = () if self.dataset == "digits" else ("--input-size", str(self.size_px))
        return "--dataset", self.dataset, *size

    def search(self, seconds: float, max_latency_ms: float) -> dict[str, Any]:
        """Search from nothing for `seconds`; return the front and more."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        options = ["search", *self._data, *self._storage, "--target", TARGET, "--time", f"{seconds:g}s"]
        options += ["--seed", str(self.seed), "--max-latency", f"{max_latency_ms:.4f}", *self.search_options]
        started = time.monotonic()
        output = _run(*options)
        wall_s = time.monotonic() - started
        (self.folder / "search.log").write_text(output, encoding="utf-8")
        trials = json.loads(_run("studies", "--json", *self._storage))
        return {"wall_s": round(wall_s, 1), "command": " ".join(options), "studies": trials, "front": self._front()}

    def _front(self) -> list[dict[str, Any]]:
        front: list[dict[str, Any]] = json.loads(_run("front", "--json", *self._storage))
        return front

    def deployed_front(self, front: Sequence[Mapping[str, Any]]) -> dict[str, Path]:
        """Export the members of the front as ONNX files, untrained, to be timed; return their paths by trial."""
        paths = {str(member["trial"]): self.folder / "front" / str(member["trial"]) for member in front}
        for number, path in paths.items():
            path.parent.mkdir(exist_ok=True)
            output = str(path.with_suffix(f".{timing.ONNX}"))
            _run("export", *self._storage, "--pick", f"trial:{number}", "--format", "onnx", "--output", output)
        return paths

    def pick(self, max_latency_ms: float, name: str) -> dict[str, Any]:
        """Export the most accurate within the latency, in the study's own milliseconds; return its key and config."""
        path = self.folder / f"{name}.yaml"
        limit = f"{max_latency_ms * ROUNDING_FACTOR:.6f}"
        output = _run("export", *self._storage, "--pick", "accuracy", "--max-latency", limit, "--output", str(path))
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        provenance = config["provenance"]
        return {
            "config": path.name,
            "told": output.strip(),
            "key": provenance["key"],
            "trial": provenance["trial"],
            "architecture": config["architecture"],
        }

    def retrain(self, config: str, seconds: float, shape_CHW: tuple[int, int, int]) -> dict[str, Any]:
        """Train finally by `nas retrain --time`, from nothing; deploy the network beside its folder."""
        output = self.folder / f"{Path(config).stem}-trained"
        shutil.rmtree(output, ignore_errors=True)
        started = time.monotonic()
        options = [*self._data, "--time", f"{max(1, round(seconds))}s", "--seed", str(self.seed)]
        options += ["--output", str(output)]
        report = json.loads(_run("retrain", str(self.folder / config), *options, "--json").splitlines()[-1])
        wall_s = time.monotonic() - started
        file = output.with_suffix(f".{timing.ONNX}")
        # The baselines' files take normalised images, too.
        _run("export", str(output), "--format", "onnx", "--raw-input", "--output", str(file))
        timing.freeze(nas.load(output, folded=True), shape_CHW, output)
        return {"accuracy": report["test_accuracy"], "wall_s": round(wall_s, 1), "path": str(output)}


def _nas() -> str:
    return str(Path(sys.executable).with_name("nas"))


def _run(*arguments: str) -> str:
    """Run the command and return its standard output. Raises CommandError."""
    completed = subprocess.run([_nas(), *arguments], capture_output=True, text=True)
    if completed.returncode != 0:
        raise CommandError(f"nas {' '.join(arguments)}: {_last_lines(completed.stderr)}")
    return completed.stdout


def _last_lines(text: str) -> str:
    return " | ".join(text.strip().splitlines()[-5:])
