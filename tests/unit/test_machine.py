"""The cores and the memory that a container leaves, by made-up folders of both versions of control groups."""

import multiprocessing
import os
from pathlib import Path

import psutil
import pytest

from nas.errors import ParameterError
from nas.evaluation import Resources
from nas.latency.machine import available_bytes, available_cores
from workers.latency.load import load_target
from workers.ray.runner import RayTuneRunner

CORES = len(os.sched_getaffinity(0))
GIB = 2**30
# What version 1 says where there is no limit.
UNLIMITED_V1 = 9223372036854771712


def write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name.replace("__", ".")).write_text(f"{value}\n")


def membership(folder: Path, *lines: str) -> Path:
    file = folder / "membership"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", CORES), ("50000 100000", 1), ("100000 100000", 1), ("150000 100000", 2)]
)
def test_a_quota_of_version_2_counts(quota: str, cores: int, tmp_path: Path) -> None:
    write(tmp_path, cpu__max=quota)
    assert available_cores(tmp_path) == min(CORES, cores)


@pytest.mark.parametrize(("quota_us", "cores"), [(-1, CORES), (50_000, 1), (100_000, 1), (150_000, 2)])
def test_a_quota_of_version_1_counts(quota_us: int, cores: int, tmp_path: Path) -> None:
    write(tmp_path / "cpu", cpu__cfs_quota_us=quota_us, cpu__cfs_period_us=100_000)
    assert available_cores(tmp_path) == min(CORES, cores)


def test_without_control_groups_the_machine_counts(tmp_path: Path) -> None:
    assert available_cores(tmp_path, tmp_path / "none") == CORES
    assert available_bytes(tmp_path, tmp_path / "none") == pytest.approx(psutil.virtual_memory().available, rel=0.2)


@pytest.mark.parametrize("limited", ["", "outer", "outer/inner"])
def test_each_group_around_a_process_limits_it(limited: str, tmp_path: Path) -> None:
    second = membership(tmp_path, "0::/outer/inner")
    write(tmp_path / "outer" / "inner", cpu__max="max 100000", memory__max="max", memory__current=0)
    write(tmp_path / limited, cpu__max="100000 100000", memory__max=GIB // 4, memory__current=GIB // 8)
    assert available_cores(tmp_path, second) == 1
    assert available_bytes(tmp_path, second) == GIB // 8
    folder = tmp_path / "first"
    first = membership(tmp_path, "4:memory:/outer/inner", "1:cpu,cpuacct:/outer/inner", "0::/")
    write(folder / "cpu" / "outer" / "inner", cpu__cfs_quota_us=-1, cpu__cfs_period_us=100_000)
    write(folder / "cpu" / limited, cpu__cfs_quota_us=100_000, cpu__cfs_period_us=100_000)
    write(folder / "memory", memory__limit_in_bytes=UNLIMITED_V1, memory__usage_in_bytes=GIB)
    write(folder / "memory" / limited, memory__limit_in_bytes=GIB // 4, memory__usage_in_bytes=GIB // 8)
    assert available_cores(folder, first) == 1
    assert available_bytes(folder, first) == GIB // 8


@pytest.mark.parametrize("path", ["/docker/4f2a", "/../outside"])
def test_a_container_that_sees_only_its_own_group_finds_it_at_the_top(path: str, tmp_path: Path) -> None:
    write(tmp_path / "cpu", cpu__cfs_quota_us=100_000, cpu__cfs_period_us=100_000)
    write(tmp_path / "memory", memory__limit_in_bytes=1100, memory__usage_in_bytes=100)
    inside = membership(tmp_path, f"4:memory:{path}", f"1:cpu,cpuacct:{path}", f"0::{path}")
    assert available_cores(tmp_path, inside) == 1
    assert available_bytes(tmp_path, inside) == 1000


def test_cached_files_count_as_free(tmp_path: Path) -> None:
    write(tmp_path, memory__max=1100, memory__current=600, memory__stat="anon 200\ninactive_file 400\nactive_file 0")
    assert available_bytes(tmp_path) == 900
    write(tmp_path, memory__max=500, memory__current=600, memory__stat="anon 600\ninactive_file 0")
    assert available_bytes(tmp_path) == 0


def on_one_core() -> tuple[int, str]:
    """The workers of a search, and what is said of a target of two threads, where one core is allowed."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    with pytest.raises(ParameterError) as refused:
        load_target("cpu:threads=2")
    return RayTuneRunner(Resources(), "cpu").workers, str(refused.value)


def test_one_core_is_one_worker_and_no_target_of_two_threads() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        workers, refusal = pool.apply(on_one_core)
    assert workers == 1
    assert "option threads '2' of target 'cpu' is more than the 1 cores that this process may use" in refusal
