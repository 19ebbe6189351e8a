"""`nas simulate` leaves no process behind, whatever ends it."""

import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import nas_script

TABLE = Path(__file__).parents[2] / "benchmarks/tables/fashion_hybrid.csv"


@pytest.mark.parametrize(
    ("how", "code", "workers_at_work"),
    [(signal.SIGINT, 130, False), (signal.SIGINT, 130, True), (signal.SIGTERM, -15, True), (signal.SIGKILL, -9, True)],
)
def test_it_ends_with_its_processes(how: signal.Signals, code: int, workers_at_work: bool, tmp_path: Path) -> None:
    words = [nas_script(), "simulate", "--table", str(TABLE), "--budget", "120", "--seeds", "50", "--sampler", "ehvi"]
    running = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    parent = psutil.Process(running.pid)
    while len(found := parent.children(recursive=True)) < 2:
        time.sleep(0.02)
    if workers_at_work:
        while not any(each.cpu_times().user > 4 for each in found):
            time.sleep(0.05)
            found = parent.children(recursive=True)
    running.send_signal(how)
    said, _ = running.communicate(timeout=240)
    assert running.returncode == code
    assert "Traceback" not in said
    _, alive = psutil.wait_procs(found, timeout=30)
    assert alive == []
