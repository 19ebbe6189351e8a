"""The name of this machine's processor."""

import platform
from pathlib import Path

# Fields that name the processor, by preference: on ARM the model of the board, and the core's designer and number.
CORE = ("CPU implementer", "CPU part")
NAMES = (("model name",), ("Model", *CORE), ("Hardware", *CORE), CORE)


def processor_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The maker's name of the processor, or its numbers, or its architecture where the system says nothing."""
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    # The first core's fields, which each further core repeats.
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in reversed(lines))}
    for names in NAMES:
        if all(fields.get(name) for name in names):
            return " ".join(fields[name] for name in names)
    return platform.processor() or platform.machine()
