"""What people set about a house and its rooms for advice: set, checked, shown, and reported where it cannot be used."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from roomidity.domain.advice.settings import DEFAULT_HOUSE, DEFAULT_ROOM, DayHours, HouseAdvice, RoomAdvice
from roomidity.domain.houses import House
from roomidity.errors import InputError
from roomidity.pipeline.bad_setting import BadSetting

__all__ = [
    "HOUSE_SETTINGS",
    "ROOM_SETTINGS",
    "bad_advice_settings",
    "option_of",
    "plain_settings",
    "with_house_advice",
    "with_room_advice",
]

HOUSE_SETTINGS: Final = tuple(one.name for one in dataclasses.fields(HouseAdvice))
ROOM_SETTINGS: Final = tuple(one.name for one in dataclasses.fields(RoomAdvice) if one.name != "wall")
"""Names of what is set for advice. A room's wall is set for mould, too, and by itself."""


def with_house_advice(home: House, given: Mapping[str, Any]) -> House:
    """Returns the house with settings of advice changed; the others stay, and a value of None takes one out.

    Raises
    ------
    InputError
        If they cannot be used, alone or with those that stay.
    """
    settings = _changed(home.settings, given)
    HouseAdvice.from_plain(settings)
    return replace(home, settings=settings)


def with_room_advice(home: House, named: str, given: Mapping[str, Any]) -> House:
    """Returns the house with a room's settings of advice changed, as :func:`with_house_advice` does."""
    room = home.present(named)
    stored = home.settings.get("rooms")
    rooms = dict(stored) if isinstance(stored, Mapping) else {}
    before = rooms.pop(room, {})
    changed = _changed(before if isinstance(before, Mapping) else {}, given)
    RoomAdvice.from_plain(changed)
    if changed:
        rooms[room] = changed
    settings = {name: value for name, value in home.settings.items() if name != "rooms"}
    return replace(home, settings=settings | {"rooms": rooms} if rooms else settings)


def plain_settings(settings: HouseAdvice | RoomAdvice) -> dict[str, Any]:
    """Returns settings of advice as plain values by name."""
    names = HOUSE_SETTINGS if isinstance(settings, HouseAdvice) else ROOM_SETTINGS
    values = {name: getattr(settings, name) for name in names}
    return {name: str(value) if isinstance(value, DayHours) else value for name, value in values.items()}


def bad_advice_settings(home: House) -> Iterator[BadSetting]:
    """Yields the stored settings of advice that cannot be used: of a house, and of its rooms."""
    try:
        HouseAdvice.from_plain(home.settings)
    except InputError as error:
        found = {name: home.settings[name] for name in HOUSE_SETTINGS if name in home.settings}
        default = plain_settings(DEFAULT_HOUSE)
        mend = " ".join(f"{_option(name)} {_shown(default[name])}" for name in found)
        yield BadSetting(
            home.name,
            "advice",
            found,
            str(error),
            "the defaults stand in for it",
            f"roomidity house {home.name} {mend}",
        )
    stored = home.settings.get("rooms")
    for room, setting in sorted(stored.items()) if isinstance(stored, Mapping) else ():
        found = (
            {name: setting[name] for name in ROOM_SETTINGS if name in setting} if isinstance(setting, Mapping) else {}
        )
        try:
            RoomAdvice.from_plain(found)
        except InputError as error:
            default = plain_settings(DEFAULT_ROOM)
            mend = " ".join(f"{_option(name)} {_shown(default[name])}" for name in found)
            yield BadSetting(
                home.name, f"advice of room {room}", found, str(error), "the defaults stand in for it",
                f"roomidity room {home.name}/{room} {mend}",
            )  # fmt: skip


def option_of(name: str) -> str:
    """Returns the option of a command that sets it, which leaves out the unit.

    >>> option_of("heat_eur_kwh"), option_of("min_temperature_c"), option_of("kind")
    ('heat-price', 'min-temperature', 'kind')
    """
    for unit, instead in (("_eur_kwh", "_price"), ("_min", ""), ("_c", ""), ("_m3", ""), ("_w", "")):
        if name.endswith(unit):
            return (name.removesuffix(unit) + instead).replace("_", "-")
    return name.replace("_", "-")


def _changed(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**stored, **given}.items() if value is not None or name not in given}


def _option(name: str) -> str:
    return "--" + option_of(name)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
