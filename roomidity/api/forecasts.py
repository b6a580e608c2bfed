"""The newest forecasts of a house's rooms, or those issued at a given time, with each room's newest measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from roomidity.api.asked import Asked
from roomidity.api.derived import Derivation
from roomidity.domain.aliases import in_present_names
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import OUTDOOR, House
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT, SLOT_S, floor_slot, format_moment, format_slot
from roomidity.domain.weather_adds import weather_words
from roomidity.pipeline.house_settings import language_of
from roomidity.pipeline.openings import opening_words
from roomidity.pipeline.remedies import FOUND, remedy
from roomidity.pipeline.renamed import latest_forecast

__all__ = ["forecasts", "forecasts_at", "newest_forecasts"]

_LOOKED_AT: Final = 2
"""How many of the newest issue times are read in one call for all rooms. A room without a forecast there is looked up
separately.
"""

_KEPT: Final = timedelta(days=400)
"""After this time without readings, nothing of a room is stored any more."""

Newest = dict[str, dict[str, Any]]


def forecasts(asked: Asked, rooms: Sequence[str], *, issued_at: datetime | None = None) -> dict[str, Any]:
    """Returns the response: each room's newest values and its forecast (the newest, or that of ``issued_at``)."""
    issued = newest_forecasts(asked, rooms) if issued_at is None else forecasts_at(asked, rooms, [issued_at])
    by_room = {one.room: one for one in issued}
    newest = newest_values(asked, {*rooms, OUTDOOR} & asked.home.rooms.keys())
    active = set(asked.home.rooms_to_forecast(asked.now))
    derivation = Derivation.of(asked, newest.get(OUTDOOR, {})) if issued_at is None else None
    return asked.head | {
        "rooms": [
            {
                "room": room,
                "outdoor": room == OUTDOOR,
                "active": room in active,
                **{quantity: newest.get(room, {}).get(quantity) for quantity in QUANTITIES},
                "forecast": _plain(by_room[room], asked.home) if room in by_room else None,
                "derived": derivation.room(room, newest.get(room, {}), by_room.get(room)) if derivation else {},
            }
            for room in rooms
        ]
    }


def newest_forecasts(asked: Asked, rooms: Sequence[str]) -> list[StoredForecast]:
    """Returns the newest forecast of each room, in one call for all and one more for each room without a recent one."""
    wanted = [room for room in rooms if room != OUTDOOR and asked.home.rooms[room].last_seen > asked.now - _KEPT]
    slot = floor_slot(asked.now)
    recent = forecasts_at(asked, wanted, [slot - back * SLOT for back in range(_LOOKED_AT)])
    newest = {one.room: one for one in recent}  # later issue times overwrite earlier ones
    for room in wanted:
        if room not in newest:
            older = latest_forecast(asked.ports.forecasts, asked.home, room, now=asked.now)
            if older is not None:
                newest[room] = older
    return list(newest.values())


def forecasts_at(asked: Asked, rooms: Sequence[str], moments: Sequence[datetime]) -> list[StoredForecast]:
    """Returns the forecasts of the given rooms that were issued at the given times, in order of time.

    They carry the rooms' present names.
    """
    found = asked.ports.forecasts.issued(asked.home.name, asked.names_of(rooms), moments, now=asked.now)
    kept: dict[tuple[datetime, str], StoredForecast] = {}
    for one in found:
        room = asked.home.present(one.room)
        # If a room has forecasts under two names, the one under its present name counts.
        if (one.issued_at, room) not in kept or one.room == room:
            kept[one.issued_at, room] = replace(one, room=room)
    return [kept[key] for key in sorted(kept)]


def newest_values(asked: Asked, rooms: set[str]) -> dict[str, Newest]:
    """Returns by room and quantity the mean of the slot in which it was last measured, in one call for all.

    Measurement times ahead of the clock count as now.
    """
    measured = {
        (room, quantity): when
        for room in rooms
        for quantity, when in asked.home.rooms[room].measured.items()
        if when > asked.now - _KEPT
    }
    slots = {min(floor_slot(when), floor_slot(asked.now)) for when in measured.values()}
    if not slots:
        return {}
    means = {
        slot: in_present_names(by_room, asked.home.aliases)
        for slot, by_room in asked.ports.observations.newest_means(asked.home.name, sorted(slots))
    }
    newest: dict[str, Newest] = {}
    for (room, quantity), when in sorted(measured.items()):
        slot = min(floor_slot(when), floor_slot(asked.now))
        value = means.get(slot, {}).get(room, {}).get(quantity)
        if value is not None:
            newest.setdefault(room, {})[quantity] = {
                "value": value,
                "slot": format_slot(slot),
                "measured_at": format_moment(min(when, asked.now)),
            }
    return newest


def _plain(one: StoredForecast, home: House) -> dict[str, Any]:
    numbers = one.quantities
    return {
        "issued_at": format_slot(one.issued_at),
        "first_slot": format_slot(one.issued_at),
        "step_s": SLOT_S,
        "grade": {quantity: one.grade[quantity] for quantity in numbers},
        "notes": [
            {
                "code": code,
                "found": FOUND.get(code, "a newer version of roomidity knows this note"),
                "remedy": remedy(code, house=one.house, room=one.room),
            }
            for code in one.notes
        ],
        "data_through": format_slot(one.data_through) if one.data_through else None,
        "model_version": one.model_version,
        "weather": one.weather and {"issued_at": format_moment(one.weather.issued_at), "age_h": one.weather.age_h},
        "weather_adds": {
            quantity: {
                "begins": format_slot(one.issued_at + adds.begins * SLOT),
                "peaks": format_slot(one.issued_at + adds.peaks * SLOT),
                "change": adds.change,
                "text": weather_words(
                    adds, quantity, issued_at=one.issued_at, zone=home.zone, language=language_of(home)
                ),
            }
            for quantity, adds in one.weather_adds.items()
        },
        "window": one.open_since
        and {
            "open_since": format_moment(one.open_since),
            "text": opening_words(one.open_since, issued_at=one.issued_at, zone=home.zone, language=language_of(home)),
        },
        **{
            quantity: {name: values.tolist() for name, values in numbers[quantity].items()}
            if quantity in numbers
            else None
            for quantity in QUANTITIES
        },
    }
