"""Energy counters of the hardware: the processor's packages on Linux, a GPU through NVIDIA's library."""

from collections.abc import Callable
from pathlib import Path

from nas.errors import ParameterError
from workers.latency.measurement_lock import MACHINE

POWERCAP = Path("/sys/class/powercap")
# Gives the millijoules so far, which only grow.
Counter = Callable[[], float]


def energy_counter(lock_domain: str, folder: Path = POWERCAP) -> Counter:
    """The counter of a target's lock domain: its machine, or its GPU.

    Raises ParameterError, with the reason, where the hardware or the system does not report energy.
    """
    return _packages(folder) if lock_domain == MACHINE else _gpu(lock_domain.removeprefix("gpu-"))


def _packages(folder: Path) -> Counter:
    # `intel-rapl:0` is a package, `intel-rapl:0:1` a part of it; AMD's processors are listed under the same name.
    # A `psys` domain, beside them, holds all of the machine.
    zones = [path for path in sorted(folder.glob("*-rapl:*")) if path.name.count(":") == 1]
    try:
        files = [zone / "energy_uj" for zone in zones if (zone / "name").read_text().startswith("package")]
        limits = {file: int((file.parent / "max_energy_range_uj").read_text()) for file in files}
        before = {file: int(file.read_text()) for file in files}
    except OSError as error:
        raise ParameterError(
            f"--objective energy: {error.filename} cannot be read ({error.strerror}); its owner is root on many systems"
        ) from error
    if not files:
        raise ParameterError(f"--objective energy: this machine reports no energy (no counter in {folder})")
    consumed_uj = dict.fromkeys(files, 0)

    def read() -> float:
        for file in files:
            now = int(file.read_text())
            # A counter restarts at zero when it is full.
            consumed_uj[file] += (now - before[file]) % (limits[file] + 1)
            before[file] = now
        return sum(consumed_uj.values()) / 1000.0

    return read


def _gpu(uuid: str) -> Counter:
    try:
        import pynvml

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except ImportError as error:
        raise ParameterError("--objective energy: on a GPU it needs the package nvidia-ml-py") from error
    except pynvml.NVMLError as error:
        raise ParameterError(f"--objective energy: GPU {uuid} reports no energy ({error})") from error
    return lambda: float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle))
