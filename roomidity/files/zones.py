"""The time zone that a file states in a column. It applies to the file's local times and changes no setting."""

from __future__ import annotations

from typing import Final

import polars as pl

from roomidity.files.roles import Roles
from roomidity.settings import is_timezone

__all__ = ["told_zone"]

_NAMES: Final = ("timezone", "time_zone", "time zone", "tz", "zeitzone")


def told_zone(roles: Roles) -> tuple[str | None, tuple[str, ...]]:
    """Returns the zone if a column states a single valid one for all rows, else None, with notes for the user.

    Readings never set a house's zone, because whoever sends them may not live there.
    """
    name = next((name for name in roles.columns if name.strip().lower() in _NAMES), None)
    if name is None or roles.rows.schema[name] != pl.String:
        return None, ()
    said = roles.rows[name].drop_nulls().unique(maintain_order=True)
    zone = said[0] if len(said) == 1 and is_timezone(said[0]) else None
    if zone is None:
        return None, ()
    setting = f"to set the house's own zone: roomidity house HOUSE --timezone {zone}"
    return zone, (f"{name!r} in the file: times without an offset are read as those of {zone}; {setting}",)
