"""Explains a forecast's notes to people: what was found, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from roomidity.domain.forecasts import StoredForecast

__all__ = ["FOUND", "remedy", "told"]

FOUND: Final = {
    "stuck": "a value stands still for longer than its sensor ever rests; the one before it is forecast on, and what "
    "stood still is neither scored nor learnt",
    "spiking": "values of the last day were wild; they are left out",
    "dead": "a sensor is silent for longer than it ever is, while others of the house report",
    "late": "most readings come after their slot was forecast",
    "clock": "the times of the readings are steadily off",
    "zone": "the times of the readings are off by a time zone: local time, sent as UTC",
    "unit": "readings were refused: their values are in another unit",
    "rejected": "many readings are refused",
}
"""What was found, by code."""

_REMEDIES: Final = {
    "stuck": "restart the sensor; if it stays, replace it",
    "spiking": "check its battery, plug and contacts; if it goes on, replace it",
    "dead": "check its battery and its distance from the gateway",
    "late": "check how often the gateway sends, and its network",
    "clock": "set the gateway's clock by NTP",
    "zone": "send times with their offset (2026-11-22T08:14:55+01:00); if they have one, set the gateway's clock",
    "unit": "say which unit it is, and send them again: roomidity room {house}/{room} --unit f; roomidity replay",
    "rejected": "see why: roomidity rejects",
}


def remedy(code: str, *, house: str, room: str) -> str:
    """Returns what to do about a note. Notes written by a newer version are unknown."""
    return _REMEDIES.get(code, "a newer version of roomidity knows this note").format(house=house, room=room)


def told(forecasts: Iterable[StoredForecast]) -> Iterator[tuple[str, str, str]]:
    """Yields for each note its room and code (``bath: stuck``), what was found, and what to do."""
    for one in forecasts:
        for code in one.notes:
            yield f"{one.room}: {code}", FOUND.get(code, "unknown"), remedy(code, house=one.house, room=one.room)
