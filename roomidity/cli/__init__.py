"""The command ``roomidity``."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; where its libraries are missing, say which extra brings them."""
    try:
        from roomidity.cli.app import roomidity  # noqa: PLC0415  # click comes with an extra
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich", "plotext"}:
            raise
        sys.exit(f"roomidity: the command line needs {error.name}; install it with: pip install 'roomidity[cli]'")
    roomidity(prog_name="roomidity")
