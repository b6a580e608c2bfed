"""HOUSE and HOUSE/ROOM on the command line: read as names are kept, whoever typed them."""

from __future__ import annotations

from typing import Any, NamedTuple

import click

from roomidity.domain.names import kept_name

__all__ = ["HOUSE", "PLACE", "Place", "house_argument", "place_argument"]


class Place(NamedTuple):
    """A house, or a room of it."""

    house: str
    room: str | None = None

    def __str__(self) -> str:
        return self.house if self.room is None else f"{self.house}/{self.room}"


class _PlaceType(click.ParamType[Place]):
    """HOUSE or HOUSE/ROOM; ``HOUSE/`` is the house. Blanks around a name go, and its letters are NFC."""

    name = "house[/room]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        """The place that a text names; what is none is wrong usage."""
        if isinstance(value, Place):
            return value
        house, _, room = str(value).partition("/")
        place = Place(kept_name(house), kept_name(room, is_room=True) or None)
        if not place.house or "/" in (place.room or ""):
            self.fail(f"found {value!r}; expected HOUSE or HOUSE/ROOM, such as h1 or h1/kitchen", param, ctx)
        return place


class _HouseType(click.ParamType[str]):
    """HOUSE alone, kept as in :class:`_PlaceType`."""

    name = "house"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The house that a text names."""
        place = PLACE.convert(value, param, ctx)
        if place.room is not None:
            self.fail(f"found {value!r}, which is a room; expected a house, such as {place.house}", param, ctx)
        return place.house


PLACE = _PlaceType()
HOUSE = _HouseType()

house_argument = click.argument("house", type=HOUSE)
place_argument = click.argument("place", metavar="HOUSE[/ROOM]", type=PLACE)
