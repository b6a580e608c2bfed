"""How far a state's data were replayed: written by a demo beside what it leaves, and read by who serves it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from roomidity.domain.slots import format_moment, parse_time

__all__ = ["begin_replay", "end_replay", "is_replay", "replayed_to"]

_MARK: Final = "demo"


def is_replay(state: Path) -> bool:
    """Whether a demo left the state."""
    return (state / _MARK).exists()


def begin_replay(state: Path) -> None:
    """Mark a state as a demo's."""
    (state / _MARK).touch()


def end_replay(state: Path, end: datetime) -> None:
    """Keep the end of the data: the clock that goes with them."""
    (state / _MARK).write_text(format_moment(end))


def replayed_to(state: Path) -> datetime | None:
    """The end of the data that a demo replayed; None of other states, and where the demo did not come to its end."""
    try:
        return parse_time((state / _MARK).read_text().strip())
    except (OSError, ValueError):
        return None
