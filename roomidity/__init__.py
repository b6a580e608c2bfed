"""roomidity: for every room, how humid and how warm it will be over the next 24 hours."""

from __future__ import annotations

__all__ = ["__version__"]

__version__: str


def __getattr__(name: str) -> str:
    """The version, looked up when it is asked for: to look it up costs 15 ms, and most that is imported never asks."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  # it is these imports that cost

    try:
        return version("roomidity")
    except PackageNotFoundError:  # a checkout that was never installed
        return "0+unknown"
