"""Timing of ONNX Runtime calls in a new process: `python -m workers.latency.subprocess_timing FOLDER` is that process.

What a session takes depends on where its memory happens to lie. In a process that had exported 45 networks before,
looks at one network differed by 1 to 2%, and by up to 8% from what new processes agree on to half a percent.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from workers.latency.estimate import Effort, Estimate, Estimating
from workers.latency.onnx_network import OnnxNetwork
from workers.latency.timing import InProcessTiming

REFERENCE, NETWORK = "reference", "network"
# It says so when what it is asked for can be done at once.
READY = "ready"


class SubprocessTiming:
    """The part of a target that times; its figures are of a process that does nothing else."""

    placed_alone: ClassVar = False

    @contextmanager
    def ready(self, run: OnnxNetwork, reference: OnnxNetwork) -> Iterator[Estimating]:
        with _process({REFERENCE: reference, NETWORK: run}) as asked:
            yield lambda effort, recorded_ms: asked({"effort": asdict(effort), "recorded_ms": recorded_ms})

    def calibrate(self, reference: OnnxNetwork, warm_up_s: float, limit_s: float) -> Estimate:
        with _process({REFERENCE: reference}) as asked:
            return asked({"warm_up_s": warm_up_s, "limit_s": limit_s})


@contextmanager
def _process(networks: Mapping[str, OnnxNetwork]) -> Iterator[Callable[[Mapping[str, Any]], Estimate]]:
    """A process that has called each network once, and does the job that it is asked for, one for its whole life.

    Raises RuntimeError with the process's last words where it fails.
    """
    with tempfile.TemporaryDirectory(prefix="nas-onnx-") as name:
        folder = Path(name)
        for role, network in networks.items():
            network.save(folder / role)
        how, words = networks[REFERENCE], folder / "said"
        with (
            words.open("w") as stderr,
            subprocess.Popen(  # noqa: S603 - this program itself
                [sys.executable, "-m", __name__, name, str(how.threads), how.provider],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                # Of Ray's runtime environments this process alone may know.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            ) as process,
        ):

            def answer(job: Mapping[str, Any]) -> Estimate:
                # Its input stays open until it has answered: at its end the process would take us for gone.
                process.stdin.write(json.dumps(job) + "\n")  # type: ignore[union-attr]
                process.stdin.flush()  # type: ignore[union-attr]
                found = json.loads(line_of(process, words))
                return Estimate(**{**found, "samples_ms": tuple(found["samples_ms"])})

            try:
                line_of(process, words)
                yield answer
            finally:
                process.kill()


def line_of(process: "subprocess.Popen[str]", words: Path) -> str:
    """The process's next line. Raises RuntimeError with the last of its `words` where it ends instead."""
    line = process.stdout.readline()  # type: ignore[union-attr]
    if not line:
        last = [f"its process ended with exit code {process.wait()}", *words.read_text().strip().splitlines()][-1]
        raise RuntimeError(f"ONNX Runtime: {last}")
    return line


def main(folder: Path, threads: int, provider: str) -> None:
    roles = [role for role in (REFERENCE, NETWORK) if (folder / role).exists()]
    networks = {role: OnnxNetwork.saved(folder / role, threads, provider) for role in roles}
    for network in networks.values():
        network()
    say(READY)
    asked = sys.stdin.readline()
    if not asked:
        shutil.rmtree(folder, ignore_errors=True)
        return
    threading.Thread(target=end_with_who_asked, args=(folder,), daemon=True).start()
    job = json.loads(asked)
    if NETWORK in networks:
        with InProcessTiming().ready(networks[NETWORK], networks[REFERENCE]) as estimating:
            found = estimating(Effort(**job["effort"]), job["recorded_ms"])
    else:
        found = InProcessTiming().calibrate(networks[REFERENCE], **job)
    say(json.dumps(asdict(found)))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def end_with_who_asked(folder: Path) -> None:
    """Nobody is left to hear the figures, and the machine is not to be kept busy for them."""
    os.read(sys.stdin.fileno(), 1)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
