"""Measures the peak memory of this process."""

from __future__ import annotations

import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_mb() -> float:
    """Returns the peak memory of this process in MB, since its start or the last `forget_peak`.

    On Linux it is read from `VmHWM`. `getrusage` would include the process that started this one, so that a child of a
    large process would always look large.
    """
    if STATUS.exists():
        (line,) = (line for line in STATUS.read_text("utf-8").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1_024
    import resource  # noqa: PLC0415  # nowhere but where there is no /proc, and not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1_024)


def forget_peak() -> None:
    """Reset the peak on Linux. On other systems, it remains that since the start of the process."""
    if (own := Path("/proc/self/clear_refs")).exists():
        own.write_text("5", "utf-8")
