"""ONNX Runtime's calls, timed in a new process each time: `python -m workers.latency.apart FOLDER` is that process.

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
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from workers.latency.estimate import Effort, Estimate
from workers.latency.onnx_network import OnnxNetwork
from workers.latency.timing import TimedHere

JOB, REFERENCE, NETWORK = "job.json", "reference", "network"


class TimedApart:
    """The part of a target that times; its figures are of a process that does nothing else."""

    placed_alone: ClassVar = False

    def estimate(self, run: OnnxNetwork, reference: OnnxNetwork, effort: Effort, recorded_ms: float | None) -> Estimate:
        return _timed({REFERENCE: reference, NETWORK: run}, {"effort": asdict(effort), "recorded_ms": recorded_ms})

    def calibrate(self, reference: OnnxNetwork, warm_up_s: float, limit_s: float) -> Estimate:
        return _timed({REFERENCE: reference}, {"warm_up_s": warm_up_s, "limit_s": limit_s})


def _timed(networks: Mapping[str, OnnxNetwork], job: Mapping[str, Any]) -> Estimate:
    """Raises RuntimeError with the process's last words where it fails."""
    with tempfile.TemporaryDirectory(prefix="nas-onnx-") as name:
        folder = Path(name)
        for role, network in networks.items():
            network.save(folder / role)
        how = networks[REFERENCE]
        (folder / JOB).write_text(json.dumps({**job, "threads": how.threads, "provider": how.provider}))
        # It closes when this process is gone, killed or not.
        until_gone, held = os.pipe()
        try:
            done = subprocess.run(  # noqa: S603 - this program itself
                [sys.executable, "-m", __name__, name],
                stdin=until_gone,
                capture_output=True,
                text=True,
                # Of Ray's runtime environments this process alone may know.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                check=False,
            )
        finally:
            os.close(until_gone)
            os.close(held)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise RuntimeError(f"ONNX Runtime cannot run the network: {said[-1]}")
    found = json.loads(done.stdout)
    return Estimate(**{**found, "samples_ms": tuple(found["samples_ms"])})


def end_with_who_asked(folder: Path) -> None:
    """Nobody is left to hear the figures, and the machine is not to be kept busy for them."""
    os.read(sys.stdin.fileno(), 1)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def main(folder: Path) -> None:
    threading.Thread(target=end_with_who_asked, args=(folder,), daemon=True).start()
    job = json.loads((folder / JOB).read_text())
    how = {"threads": job["threads"], "provider": job["provider"]}
    reference = OnnxNetwork.saved(folder / REFERENCE, **how)
    if (folder / NETWORK).exists():
        network = OnnxNetwork.saved(folder / NETWORK, **how)
        found = TimedHere().estimate(network, reference, Effort(**job["effort"]), job["recorded_ms"])
    else:
        found = TimedHere().calibrate(reference, job["warm_up_s"], job["limit_s"])
    sys.stdout.write(json.dumps(asdict(found)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
