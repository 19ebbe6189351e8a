"""Measuring on another node of a Ray cluster: two nodes on this machine, of which one serves a target."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from nas.trial import TrialState
from tests.conftest import run_nas
from tests.integration.searching import QUICK, RunningSearch, done, trials

# A head without the target, and a node that advertises it. Ends with its standard input.
CLUSTER = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
cluster.add_node(num_cpus=1, resources={"target:phone": 1})
print("ADDRESS", cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    # Of the cluster, and of the commands that join it.
    os.environ["RAY_AUTH_MODE"] = "disabled"
    cluster = subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
        cwd=tmp_path_factory.mktemp("cluster"),
    )
    for line in cluster.stdout:
        if line.startswith("ADDRESS"):
            yield line.split()[1]
            break
    cluster.communicate(input="")
    del os.environ["RAY_AUTH_MODE"]


def test_measurements_go_to_the_node_that_serves_the_target(address: str, tmp_path: Path) -> None:
    elsewhere = ("--target", "cpu:batch=2@phone", "--ray-address", address)
    search = RunningSearch(tmp_path, *QUICK, "--budget", "3", *elsewhere)
    search.wait_until(lambda: len(done(tmp_path)) >= 1, timeout_s=480)
    # Another process takes the place of the one that measures.
    for process in psutil.process_iter(["cmdline"]):
        if (process.info["cmdline"] or [""])[0].startswith("ray::MeterHost"):
            process.kill()
    code, _, err = search.finish()
    assert code == 0, err
    measured = trials(tmp_path)
    assert [trial.state for trial in measured] == [TrialState.COMPLETE] * 3
    assert {trial.outcome.latency.fingerprint["batch"] for trial in measured} == {2}
    assert all(trial.outcome.latency.median > 0 for trial in measured)
    told = run_nas(["latency", "compare", "poolformerv2_s12", "poolformerv2_s12", "--target", "cpu:size=64@phone",
                    "--ray-address", address, "--time-limit", "0.1"], tmp_path)  # fmt: skip
    assert told.code == 0, told.err


def test_without_such_a_node_nothing_is_trained(address: str, tmp_path: Path) -> None:
    for target, named in (("cpu@watch", "valid: phone"), ("cpu:threads=1000@phone", "more than the")):
        refused = run_nas([*QUICK, "--target", target, "--ray-address", address], tmp_path)
        assert refused.code == 2, refused.err
        assert named in refused.err
        assert len(refused.err.strip().splitlines()) == 1, refused.err
    assert not (tmp_path / "nas.db").exists()


def test_a_node_needs_a_cluster(tmp_path: Path) -> None:
    refused = run_nas([*QUICK, "--target", "cpu@phone"], tmp_path)
    assert refused.code == 2
    assert "needs --ray-address" in refused.err
    refused = run_nas([*QUICK, "--target", "cpu@phone", "--ray-address", "127.0.0.1:1"], tmp_path)
    assert refused.code == 2, refused.err
    assert "'127.0.0.1:1' is no Ray cluster" in refused.err
