"""Settings of a house made by people: its time zone, and a room's name, unit and wall.

They are checked when set and read.

A stored setting that cannot be used never stops anything. It counts as not set, and is reported in logs and by the
doctor.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from roomidity.domain.aliases import rename
from roomidity.domain.comfort.mould import MATERIALS
from roomidity.domain.comfort.walls import DEFAULT_WALL, Wall
from roomidity.domain.houses import House
from roomidity.domain.notices.words import LANGUAGES, Language
from roomidity.domain.position import Position
from roomidity.domain.quantities import Quantity
from roomidity.domain.units import RoomUnits, Unit, Units, parse_units
from roomidity.errors import ConfigurationError, InputError, NotFoundError
from roomidity.pipeline.advice_settings import bad_advice_settings
from roomidity.pipeline.bad_setting import BadSetting
from roomidity.settings import check_timezone

__all__ = [
    "MAX_NOTICES_A_DAY",
    "BadSetting",
    "bad_settings",
    "known_room",
    "language_of",
    "log_bad_settings",
    "notices_a_day_of",
    "removed",
    "renamed",
    "units_of",
    "with_notices",
    "with_position",
    "with_timezone",
    "with_unit",
    "with_wall",
]

logger: Final = logging.getLogger(__name__)

MAX_NOTICES_A_DAY: Final = 100
_NOTICES_A_DAY: Final = 6
"""More than that nobody reads."""


def known_room(home: House, name: str) -> str:
    """Returns the present name of a house's room, given any name that it ever had.

    Raises
    ------
    NotFoundError
        If there is no such room.
    """
    present = home.present(name)
    if present not in home.rooms:
        raise NotFoundError(f"room {name!r} of {home.name}", hint=f"rooms: {', '.join(sorted(home.rooms)) or 'none'}")
    return present


def renamed(home: House, old: str, new: str) -> House:
    """Returns the house with its room ``old`` renamed to ``new``. The room keeps its past, unit and quarantine rules.

    Raises
    ------
    NotFoundError
        If there is no such room.
    InputError
        If ``new`` is not a valid name, or is taken.
    """
    room = known_room(home, old)
    aliases = rename(home.aliases, home.rooms, room, new)
    rooms = {new if name == room else name: of for name, of in home.rooms.items()}
    settings = {**home.settings, "aliases": aliases}
    by_room = _plain(home.settings.get("rooms"))
    if room in by_room:
        settings["rooms"] = {new if name == room else name: of for name, of in by_room.items() if name != new}
    deliveries = home.deliveries.renamed(room, new)
    return replace(home, rooms=rooms, settings=settings, deliveries=deliveries, reread=None)


def removed(home: House, room: str) -> House:
    """Returns the house without a room and its settings. The room's former names become free.

    Readings that arrive under any of its names, present or former, then belong to a new room.
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
    settings = {key: value for key, value in settings.items() if value != {}}
    return replace(home.without_room(room), settings=settings, reread=None)


def with_timezone(home: House, zone: str) -> House:
    """Returns the house with its time zone set. The house is real from then on, whatever was heard of it.

    Raises
    ------
    ConfigurationError
        If there is no such zone.
    """
    return replace(home, timezone=check_timezone(zone, "the time zone"), trial=None)


def with_notices(home: House, *, language: Language | None, a_day: int | None) -> House:
    """The house with the language of its notices set, and how many a day are sent; None leaves as it is."""
    given = {name: value for name, value in (("language", language), ("notices_a_day", a_day)) if value is not None}
    return replace(home, settings={**home.settings, **given})


def language_of(home: House) -> Language:
    """The language that a house is spoken to in: English unless set."""
    stored = home.settings.get("language")
    return next((one for one in LANGUAGES if one == stored), LANGUAGES[0])


def notices_a_day_of(home: House) -> int:
    """How many notices people are sent on a day of the house's own clock: six unless set."""
    stored = home.settings.get("notices_a_day", _NOTICES_A_DAY)
    return int(stored) if _is_count(stored) else _NOTICES_A_DAY


def _is_count(stored: Any) -> bool:
    is_number = isinstance(stored, int | float | Decimal) and not isinstance(stored, bool)
    return is_number and 0 <= stored <= MAX_NOTICES_A_DAY and stored == int(stored)


def with_position(home: House, position: Position | None) -> House:
    """The house with where it is, for the weather ahead; None: it is not known."""
    settings = {key: value for key, value in home.settings.items() if key != "position"}
    return replace(home, settings=settings if position is None else settings | {"position": position.plain()})


def with_unit(home: House, room: str, units: Units | None) -> House:
    """Returns the house with a room's units set, in addition to those set for other quantities.

    None removes all units.
    """
    name = home.present(room)
    kept = dict(_units(home, name)) if units is not None else {}
    merged = kept | dict(units or {})
    text = ",".join(f"{quantity}:{unit}" for quantity, unit in sorted(merged.items()))
    return _with_room(home, name, {"unit": text or None})


def with_wall(home: House, room: str, *, f_rsi: float | None, material: str | None) -> House:
    """Returns the house with properties of a room's coldest surface set. None leaves a property unchanged.

    Raises
    ------
    InputError
        If a value is not valid.
    """
    given = {name: value for name, value in (("f_rsi", f_rsi), ("material", material)) if value is not None}
    Wall.from_plain(given)
    return _with_room(home, home.present(room), given)


def _with_room(home: House, name: str, changes: Mapping[str, Any]) -> House:
    """Returns the house with settings of a room changed. A value of None removes a setting."""
    rooms = dict(_plain(home.settings.get("rooms")))
    changed = {key: value for key, value in {**_plain(rooms.pop(name, None)), **changes}.items() if value is not None}
    if changed:
        rooms[name] = changed
    settings = {key: value for key, value in home.settings.items() if key != "rooms"}
    return replace(home, settings=settings | {"rooms": rooms} if rooms else settings)


def units_of(homes: Iterable[House]) -> RoomUnits:
    """Returns the units that were set for the houses' rooms, under the rooms' present names."""
    return {
        (home.name, room): units
        for home in homes
        for room in _plain(home.settings.get("rooms"))
        if (units := _units(home, room))
    }


def _units(home: House, room: str) -> dict[Quantity, Unit]:
    """Returns the units that were set for a room, or none if the stored setting is not valid."""
    stored = _plain(_plain(home.settings.get("rooms")).get(room)).get("unit")
    try:
        return parse_units(stored) if isinstance(stored, str) else {}
    except InputError:
        return {}


def _has_wall(setting: Mapping[str, Any]) -> bool:
    """Returns whether the settings of a room's wall, if any, can be used."""
    try:
        Wall.from_plain(setting)
    except InputError:
        return False
    return True


def bad_settings(home: House) -> Iterator[BadSetting]:
    """Yields the stored settings of a house that cannot be used. They were written by hand or by another version."""
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
    language, a_day = home.settings.get("language", LANGUAGES[0]), home.settings.get("notices_a_day", _NOTICES_A_DAY)
    if language not in LANGUAGES:
        mend = f"roomidity house {home.name} --language {LANGUAGES[0]}"
        yield BadSetting(
            home.name, "language", language, f"one of {', '.join(LANGUAGES)}", f"{LANGUAGES[0]} stands in for it", mend
        )
    if not _is_count(a_day):
        mend = f"roomidity house {home.name} --notices-a-day {_NOTICES_A_DAY}"
        expected = f"a whole number, 0 to {MAX_NOTICES_A_DAY}"
        instead = f"{_NOTICES_A_DAY} stands in for it"
        yield BadSetting(home.name, "number of notices a day", a_day, expected, instead, mend)
    yield from bad_advice_settings(home)
    for former, name in _entries(home, "aliases"):
        if former not in home.aliases:
            expected = "a former name that leads to a room's present one"
            mend = f"take {former!r} out of settings.aliases in the house's item; then roomidity room {home.name}/ROOM "
            mend += "--rename NEW"
            yield BadSetting(home.name, f"alias {former!r}", name, expected, "it leads nowhere", mend)


def log_bad_settings(home: House) -> None:
    """Log which settings of a house are ignored."""
    for bad in bad_settings(home):
        logger.warning(
            "a setting cannot be used, %s",
            bad.instead,
            extra={"house": bad.house, "setting": bad.setting, "found": f"{bad.found!r:.80}", "mend": bad.mend},
        )


def _entries(home: House, name: str) -> Iterator[tuple[str, Any]]:
    """Yields the (key, value) pairs set under a name. If a stored value is not a map, yields the value itself."""
    stored = home.settings.get(name, {})
    yield from sorted(stored.items()) if isinstance(stored, Mapping) else [(name, stored)]


def _plain(stored: Any) -> Mapping[str, Any]:
    return stored if isinstance(stored, Mapping) else {}
