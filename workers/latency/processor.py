"""The processor that a figure was taken on."""

import platform
from pathlib import Path

# What names it, the first that the system tells: on ARM a model of board, and who designed which core.
CORE = ("CPU implementer", "CPU part")
NAMES = (("model name",), ("Model", *CORE), ("Hardware", *CORE), CORE)


def processor_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """As its maker calls it, or by its numbers, or its architecture where the system says nothing."""
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    # Of the first core: a name is told again for each.
    told = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in reversed(lines))}
    for names in NAMES:
        if all(told.get(name) for name in names):
            return " ".join(told[name] for name in names)
    return platform.processor() or platform.machine()
