"""How much memory a process took at most."""

from __future__ import annotations

import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_mb() -> float:
    """Returns the most memory that this process held at once, in MB, since it began or since `forget_peak`.

    Linux says it of the program that runs (`VmHWM`). What `getrusage` says there counts the process that started it,
    too: a child of a large process would never be small.
    """
    if STATUS.exists():
        (line,) = (line for line in STATUS.read_text("utf-8").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1_024
    import resource  # noqa: PLC0415  # nowhere but where there is no /proc, and not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1_024)


def forget_peak() -> None:
    """Count anew from now on, on Linux; elsewhere the peak stays that of the whole process."""
    if (own := Path("/proc/self/clear_refs")).exists():
        own.write_text("5", "utf-8")
