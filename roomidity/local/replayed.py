"""How far a state's data were replayed, as recorded by a demo and read by whoever serves the state."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from roomidity.domain.slots import format_moment, parse_time

__all__ = ["begin_replay", "end_replay", "is_replay", "replayed_to"]

_MARK: Final = "demo"


def is_replay(state: Path) -> bool:
    """Returns whether a demo left the state."""
    return (state / _MARK).exists()


def begin_replay(state: Path) -> None:
    """Marks a state as that of a demo."""
    (state / _MARK).touch()


def end_replay(state: Path, end: datetime) -> None:
    """Records the end of the data, which serves as their clock."""
    (state / _MARK).write_text(format_moment(end))


def replayed_to(state: Path) -> datetime | None:
    """Returns the end of the data replayed by a demo. None for other states, and if the demo was interrupted."""
    try:
        return parse_time((state / _MARK).read_text().strip())
    except (OSError, ValueError):
        return None
