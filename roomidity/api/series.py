"""Flat rows of forecast and measured values, which Grafana can chart without a transformation.

A past slot uses the newest forecast issued at 00, 06, 12 or 18 UTC at least ``lead_h`` hours before it. A future slot
uses the newest forecast there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from roomidity.api.asked import MAX_BYTES, Asked
from roomidity.api.cursors import cursor_of, place_of
from roomidity.api.forecasts import forecasts_at, newest_forecasts
from roomidity.api.observations import actual_values
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT, SLOTS_A_DAY, floor_slot, format_slot, parse_slot

__all__ = ["series"]

_ISSUED_EVERY: Final = timedelta(hours=6)
_ROW_BYTES: Final = 220
"""Allows for a room name of 64 characters, most of which take two bytes."""

_MAX_DAYS: Final = 31
"""Limit of one response, which is 124 issue times a room."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def series(
    asked: Asked,
    rooms: Sequence[str],
    span: tuple[datetime, datetime],
    *,
    quantities: Sequence[str] = QUANTITIES,
    lead_h: int = 0,
    every: int = 1,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Returns the response: one row for each room, quantity and ``every``-th slot with a forecast or measured value.

    It has a cursor if it was cut short.
    """
    start = parse_slot(place_of(asked.query, cursor)) if cursor else span[0]
    fit = max(1, MAX_BYTES // (_ROW_BYTES * max(1, len(rooms) * len(quantities)))) * every
    end = min(span[1], start + min(fit, _MAX_DAYS * SLOTS_A_DAY) * SLOT)
    slots = [start + number * SLOT for number in range(0, (end - start) // SLOT, every)]
    actual = actual_values(asked, rooms, start, end)
    bands = _bands(asked, rooms, slots, timedelta(hours=lead_h))
    rows = []
    for slot in slots:
        for room in rooms:
            for quantity in quantities:
                band = bands.get((room, slot), {}).get(quantity)
                value = actual.get((room, quantity, slot))
                if band is not None or value is not None:
                    p10, p50, p90 = band or (None, None, None)
                    rows.append(
                        {
                            "time": format_slot(slot),
                            "room": room,
                            "quantity": quantity,
                            "p10": p10,
                            "p50": p50,
                            "p90": p90,
                            "actual": value,
                        }
                    )
    return asked.head | {"rows": rows, "cursor": cursor_of(asked.query, format_slot(end)) if end < span[1] else None}


def _bands(
    asked: Asked, rooms: Sequence[str], slots: Sequence[datetime], lead: timedelta
) -> dict[tuple[str, datetime], dict[str, tuple[float, float, float]]]:
    """Returns the forecast quantiles (p10, p50, p90) of each quantity, by room and slot."""
    ahead_from = floor_slot(asked.now)
    past = [slot for slot in slots if slot < ahead_from]
    ahead = [slot for slot in slots if slot >= ahead_from]
    issue_times = sorted({_issue_time(slot, lead) for slot in past})
    found = {(one.room, one.issued_at): one for one in forecasts_at(asked, rooms, issue_times)} if past else {}
    newest = {one.room: one for one in newest_forecasts(asked, rooms)} if ahead else {}
    bands = {}
    for room in rooms:
        for slot in past:
            bands[room, slot] = _at(found.get((room, _issue_time(slot, lead))), slot)
        for slot in ahead:
            bands[room, slot] = _at(newest.get(room), slot)
    return bands


def _issue_time(slot: datetime, lead: timedelta) -> datetime:
    return _EPOCH + (slot - lead - _EPOCH) // _ISSUED_EVERY * _ISSUED_EVERY


def _at(forecast: StoredForecast | None, slot: datetime) -> dict[str, tuple[float, float, float]]:
    if forecast is None:
        return {}
    number = (slot - forecast.issued_at) // SLOT
    if not 0 <= number < SLOTS_A_DAY:
        return {}
    return {
        quantity: (float(of["p10"][number]), float(of["p50"][number]), float(of["p90"][number]))
        for quantity, of in forecast.quantities.items()
    }
