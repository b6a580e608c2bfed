"""Take out of installed packages what no function runs: ``python3 prune.py FOLDER``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

__all__: list[str] = []

_SOURCES: Final = {".pyi", ".pyx", ".pxd", ".pxi", ".tp", ".h", ".hpp", ".c", ".cpp", ".a"}
"""What there is to compile, or to check types against."""


def prune(top: Path) -> None:
    """Prune the packages in ``top``: console scripts, tests, sources."""
    for folder in [top / "bin", *sorted(top.rglob("tests/"))]:
        shutil.rmtree(folder, ignore_errors=True)  # within one that is gone by now, or none
    for file in [path for path in top.rglob("*") if path.suffix in _SOURCES and path.is_file()]:
        file.unlink()


if __name__ == "__main__":
    prune(Path(sys.argv[1]))
