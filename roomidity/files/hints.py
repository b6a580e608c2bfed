"""What a person states alongside a file: names, zone, units and the map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from roomidity.domain.names import kept_name
from roomidity.domain.quantities import Quantity
from roomidity.domain.units import Unit, Units, parse_units
from roomidity.files.mapping import EntityMap

__all__ = ["Hints", "read_units"]


@dataclass(frozen=True)
class Hints:
    """States what a file does not.

    ``timezone`` applies to times without an offset. ``units`` has the units by room, with those of all other rooms
    under None. ``day_first`` is the order of day and month if the file leaves it open.
    """

    house: str | None = None
    room: str | None = None
    timezone: str | None = None
    units: Mapping[str | None, Units] = field(default_factory=dict)
    entities: EntityMap = field(default_factory=EntityMap)
    day_first: bool | None = None

    def units_of(self, room: str) -> Units:
        """Returns the units stated for a room."""
        return {**self.units.get(None, {}), **self.units.get(room, {})}


def read_units(given: Iterable[str]) -> dict[str | None, Units]:
    """Returns the units given by ``--unit`` options, each of the form UNIT or ROOM=UNIT.

    >>> read_units(["f", "bath=share"])
    {None: {'temperature': 'f'}, 'bath': {'humidity': 'share'}}

    Raises
    ------
    InputError
        If a unit is unknown.
    """
    found: dict[str | None, dict[Quantity, Unit]] = {}
    for one in given:
        room, equals, unit = one.rpartition("=")
        found.setdefault(kept_name(room, is_room=True) if equals else None, {}).update(parse_units(unit))
    return dict(found)
