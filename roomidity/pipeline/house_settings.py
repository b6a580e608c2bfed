"""What a person sets of a house: its time zone, and of a room its name, unit and wall. Checked when set, and when read.

A stored setting that cannot be used never stops anything: it counts as not set, and is told (by logs and the doctor).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from roomidity.domain.aliases import rename
from roomidity.domain.comfort.mould import MATERIALS
from roomidity.domain.comfort.walls import DEFAULT_WALL, Wall
from roomidity.domain.houses import House
from roomidity.domain.position import Position
from roomidity.domain.quantities import Quantity
from roomidity.domain.units import RoomUnits, Unit, Units, parse_units
from roomidity.errors import ConfigurationError, InputError, NotFoundError
from roomidity.settings import check_timezone

__all__ = [
    "BadSetting",
    "bad_settings",
    "known_room",
    "log_bad_settings",
    "removed",
    "renamed",
    "units_of",
    "with_position",
    "with_timezone",
    "with_unit",
    "with_wall",
]

logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class BadSetting:
    """A stored setting that cannot be used: which, what stands there, what was expected, and the command that mends it.

    ``instead`` says what goes on in its place.
    """

    house: str
    setting: str
    found: Any
    expected: str
    instead: str
    mend: str

    def __str__(self) -> str:
        return f"{self.house}: its {self.setting} is {self.found!r:.80}; {self.instead}"


def known_room(home: House, name: str) -> str:
    """The present name of a house's room, by any name that it ever had.

    Raises
    ------
    NotFoundError
        If there is none such.
    """
    present = home.present(name)
    if present not in home.rooms:
        raise NotFoundError(f"room {name!r} of {home.name}", hint=f"rooms: {', '.join(sorted(home.rooms)) or 'none'}")
    return present


def renamed(home: House, old: str, new: str) -> House:
    """The house with its room ``old`` called ``new``, which keeps its past, its unit and its quarantine rules.

    Raises
    ------
    NotFoundError
        If there is no such room.
    InputError
        If ``new`` is no name, or is not free.
    """
    room = known_room(home, old)
    aliases = rename(home.aliases, home.rooms, room, new)
    rooms = {new if name == room else name: of for name, of in home.rooms.items()}
    settings = {**home.settings, "aliases": aliases}
    by_room = _plain(home.settings.get("rooms"))
    if room in by_room:
        settings["rooms"] = {new if name == room else name: of for name, of in by_room.items() if name != new}
    return replace(home, rooms=rooms, settings=settings, deliveries=home.deliveries.renamed(room, new))


def removed(home: House, room: str) -> House:
    """The house without a room, and without what was set of it: its former names are free again, its unit is gone.

    Readings that come by one of its names, the present or a former one, are those of a new room.
    """
    names = home.names_of(room)
    others = {of: setting for of, setting in _plain(home.settings.get("rooms")).items() if of not in names}
    left = {
        "aliases": {
            former: name for former, name in _plain(home.settings.get("aliases")).items() if former not in names
        },
        "rooms": others,
    }
    settings = {key: left.get(key, value) for key, value in home.settings.items()}
    return replace(home.without_room(room), settings={key: value for key, value in settings.items() if value != {}})


def with_timezone(home: House, zone: str) -> House:
    """The house with its time zone set; it is real then, whatever was heard of it.

    Raises
    ------
    ConfigurationError
        If there is no such zone.
    """
    return replace(home, timezone=check_timezone(zone, "the time zone"), trial=None)


def with_position(home: House, position: Position | None) -> House:
    """The house with where it is, for the weather ahead; None: it is not known."""
    settings = {key: value for key, value in home.settings.items() if key != "position"}
    return replace(home, settings=settings if position is None else settings | {"position": position.plain()})


def with_unit(home: House, room: str, units: Units | None) -> House:
    """The house with the units in which a room reports, beside those that are set of other quantities; None: none."""
    name = home.present(room)
    kept = dict(_units(home, name)) if units is not None else {}
    merged = kept | dict(units or {})
    text = ",".join(f"{quantity}:{unit}" for quantity, unit in sorted(merged.items()))
    return _with_room(home, name, {"unit": text or None})


def with_wall(home: House, room: str, *, f_rsi: float | None, material: str | None) -> House:
    """The house with what is known of a room's coldest surface; None leaves as it is.

    Raises
    ------
    InputError
        If a value cannot be.
    """
    given = {name: value for name, value in (("f_rsi", f_rsi), ("material", material)) if value is not None}
    Wall.from_plain(given)
    return _with_room(home, home.present(room), given)


def _with_room(home: House, name: str, changes: Mapping[str, Any]) -> House:
    """The house with settings of a room beside those that it has; None takes one out."""
    rooms = dict(_plain(home.settings.get("rooms")))
    changed = {key: value for key, value in {**_plain(rooms.pop(name, None)), **changes}.items() if value is not None}
    if changed:
        rooms[name] = changed
    settings = {key: value for key, value in home.settings.items() if key != "rooms"}
    return replace(home, settings=settings | {"rooms": rooms} if rooms else settings)


def units_of(homes: Iterable[House]) -> RoomUnits:
    """In which units rooms of some houses are known to report, under the rooms' present names."""
    return {
        (home.name, room): units
        for home in homes
        for room in _plain(home.settings.get("rooms"))
        if (units := _units(home, room))
    }


def _units(home: House, room: str) -> dict[Quantity, Unit]:
    """The units that are set of a room; none where what stands there is none."""
    stored = _plain(_plain(home.settings.get("rooms")).get(room)).get("unit")
    try:
        return parse_units(stored) if isinstance(stored, str) else {}
    except InputError:
        return {}


def _has_wall(setting: Mapping[str, Any]) -> bool:
    """Whether what is set of a room's wall, if anything, can be used."""
    try:
        Wall.from_plain(setting)
    except InputError:
        return False
    return True


def bad_settings(home: House) -> Iterator[BadSetting]:
    """What a house has of stored settings that cannot be used; written by hand, or by another version."""
    try:
        check_timezone(home.timezone, "timezone")
    except ConfigurationError as error:
        meant = error.expected.rpartition(" ")[2]
        mend = f"roomidity house {home.name} --timezone {meant}"
        yield BadSetting(
            home.name, "timezone", home.timezone, error.expected, f"{home.default_timezone} stands in for it", mend
        )
    if "position" in home.settings and Position.of_settings(home.settings) is None:
        yield BadSetting(
            home.name,
            "position",
            home.settings["position"],
            "latitude and longitude in degrees",
            "no provider is asked for its weather",
            f"roomidity house {home.name} --position LAT,LON",
        )
    for room, setting in _entries(home, "rooms"):
        stored = _plain(setting).get("unit")
        if not isinstance(setting, Mapping) or ("unit" in setting and not _units(home, room)):
            expected = "a unit such as f, share or temperature:hundredths"
            mend = f"roomidity room {home.name}/{room} --unit UNIT, or --unit none to have its values judged"
            found = stored if isinstance(setting, Mapping) else setting
            yield BadSetting(home.name, f"unit of room {room}", found, expected, "its values are judged", mend)
        if isinstance(setting, Mapping) and not _has_wall(setting):
            found = {key: setting[key] for key in ("f_rsi", "material") if key in setting}
            expected = f"f_rsi from 0.2 to 1, and material one of {', '.join(MATERIALS)}"
            mend = f"roomidity room {home.name}/{room} --f-rsi {DEFAULT_WALL.f_rsi} --material {DEFAULT_WALL.material}"
            yield BadSetting(home.name, f"wall of room {room}", found, expected, "the default stands in for it", mend)
    for former, name in _entries(home, "aliases"):
        if former not in home.aliases:
            expected = "a former name that leads to a room's present one"
            mend = f"take {former!r} out of settings.aliases in the house's item; then roomidity room {home.name}/ROOM "
            mend += "--rename NEW"
            yield BadSetting(home.name, f"alias {former!r}", name, expected, "it leads nowhere", mend)


def log_bad_settings(home: House) -> None:
    """Say in the log which settings of a house are not heeded."""
    for bad in bad_settings(home):
        logger.warning(
            "a setting cannot be used, %s",
            bad.instead,
            extra={"house": bad.house, "setting": bad.setting, "found": f"{bad.found!r:.80}", "mend": bad.mend},
        )


def _entries(home: House, name: str) -> Iterator[tuple[str, Any]]:
    """What is set under a name; where that is no map, the one thing that stands there."""
    stored = home.settings.get(name, {})
    yield from sorted(stored.items()) if isinstance(stored, Mapping) else [(name, stored)]


def _plain(stored: Any) -> Mapping[str, Any]:
    return stored if isinstance(stored, Mapping) else {}
