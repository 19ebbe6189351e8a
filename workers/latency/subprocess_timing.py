"""Timing of ONNX Runtime calls in a new process, which is `main`.

A session's time depends on where its memory happens to lie. In a process that had exported 45 networks before, repeats
of one network differed by 1 to 2%, and by up to 8% from the figure that new processes agree on to half a percent.
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

import hybrid_nas
from workers.latency.estimate import Effort, Estimate, Estimating
from workers.latency.onnx_network import OnnxNetwork
from workers.latency.timing import InProcessTiming

REFERENCE, NETWORK = "reference", "network"
# The process writes this when it can do its job at once.
READY = "ready"


class SubprocessTiming:
    """The timing part of a target, in a process that does nothing else."""

    placed_alone: ClassVar = False

    @contextmanager
    def ready(self, run: OnnxNetwork, reference: OnnxNetwork) -> Iterator[Estimating]:
        with _process({REFERENCE: reference, NETWORK: run}) as answer:
            yield lambda effort, recorded_ms: answer({"effort": asdict(effort), "recorded_ms": recorded_ms})

    def calibrate(self, reference: OnnxNetwork, warm_up_s: float, limit_s: float) -> Estimate:
        with _process({REFERENCE: reference}) as answer:
            return answer({"warm_up_s": warm_up_s, "limit_s": limit_s})


@contextmanager
def _process(networks: Mapping[str, OnnxNetwork]) -> Iterator[Callable[[Mapping[str, Any]], Estimate]]:
    """Start a process that calls each network once, and yield a function that gives it a job: one in its whole life.

    Raises RuntimeError with the last line of the process's standard error where it fails.
    """
    with tempfile.TemporaryDirectory(prefix="nas-onnx-") as name:
        folder = Path(name)
        for role, network in networks.items():
            network.save(folder / role)
        reference, stderr_file = networks[REFERENCE], folder / "stderr"
        with (
            stderr_file.open("w") as stderr,
            subprocess.Popen(  # noqa: S603 - this program itself
                hybrid_nas.command(f"{__name__}:main", name, str(reference.threads), reference.provider),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                # The import path of Ray's runtime environments, which only this process may know.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            ) as process,
        ):

            def answer(job: Mapping[str, Any]) -> Estimate:
                # Its input stays open until it has answered: the process ends at the end of its input.
                process.stdin.write(json.dumps(job) + "\n")  # type: ignore[union-attr]
                process.stdin.flush()  # type: ignore[union-attr]
                fields = json.loads(line_of(process, stderr_file))
                return Estimate(**{**fields, "samples_ms": tuple(fields["samples_ms"])})

            try:
                line_of(process, stderr_file)
                yield answer
            finally:
                process.kill()


def line_of(process: "subprocess.Popen[str]", stderr_file: Path) -> str:
    """The process's next line. Raises RuntimeError with the last line of its standard error where it ends instead."""
    line = process.stdout.readline()  # type: ignore[union-attr]
    if not line:
        messages = stderr_file.read_text().strip().splitlines()
        messages.insert(0, f"its process ended with exit code {process.wait()}")
        raise RuntimeError(f"ONNX Runtime: {messages[-1]}")
    return line


def main() -> None:
    """Call the networks in a folder once, then time them as the job on standard input says."""
    folder, threads, provider = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    roles = [role for role in (REFERENCE, NETWORK) if (folder / role).exists()]
    networks = {role: OnnxNetwork.saved(folder / role, threads, provider) for role in roles}
    for network in networks.values():
        network()
    say(READY)
    line = sys.stdin.readline()
    if not line:
        shutil.rmtree(folder, ignore_errors=True)
        return
    threading.Thread(target=end_with_parent, args=(folder,), daemon=True).start()
    job = json.loads(line)
    if NETWORK in networks:
        with InProcessTiming().ready(networks[NETWORK], networks[REFERENCE]) as estimating:
            estimate = estimating(Effort(**job["effort"]), job["recorded_ms"])
    else:
        estimate = InProcessTiming().calibrate(networks[REFERENCE], **job)
    say(json.dumps(asdict(estimate)))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def end_with_parent(folder: Path) -> None:
    """End when the parent process has ended: nobody would read the figures, and the machine is to be left idle."""
    os.read(sys.stdin.fileno(), 1)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)
