"""roomidity: for every room, how humid and how warm it will be over the next 24 hours."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("roomidity")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+unknown"
