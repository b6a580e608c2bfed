"""The accuracy of the forecasts of a house's rooms, by the day on which they were issued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

from roomidity.api.asked import Asked
from roomidity.api.cursors import cursor_of, place_of
from roomidity.domain.houses import OUTDOOR
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.rounding import rounded
from roomidity.forecasting.evaluation.accuracy import DayAccuracy
from roomidity.forecasting.evaluation.scores import Score

__all__ = ["accuracy"]

_MAX_ROWS: Final = 400
"""Maximum rows in one response, which takes four calls at 4 KB a row."""

_DECIMALS: Final = 4


def accuracy(
    asked: Asked, rooms: Sequence[str], days: tuple[date, date], *, cursor: str | None = None
) -> dict[str, Any]:
    """Returns the response: one row per room and scored day, in order of day, and a cursor if it was cut short."""
    first = date.fromisoformat(place_of(asked.query, cursor)) if cursor else days[0]
    forecast = [room for room in rooms if room != OUTDOOR]
    at_once = max(1, _MAX_ROWS // max(1, len(asked.names_of(forecast))))
    last = min(days[1], first + timedelta(days=at_once - 1))
    wanted = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    rows: dict[tuple[date, str], DayAccuracy] = {}
    for row in asked.ports.accuracy.of_days(asked.home.name, asked.names_of(forecast), wanted):
        room = asked.home.present(row.room)
        # If a room has rows under two names, the one under its present name counts.
        if (row.day, room) not in rows or row.room == room:
            rows[row.day, room] = replace(row, room=room)
    return asked.head | {
        "days": [_plain(rows[key]) for key in sorted(rows)],
        "cursor": cursor_of(asked.query, (last + timedelta(days=1)).isoformat()) if last < days[1] else None,
    }


def _plain(row: DayAccuracy) -> dict[str, Any]:
    return {
        "room": row.room,
        "day": row.day.isoformat(),
        "complete": row.complete,
        "forecasts": row.forecasts,
        **{quantity: _score(row.scores[quantity]) if quantity in row.scores else None for quantity in QUANTITIES},
    }


def _score(score: Score) -> dict[str, Any]:
    total = score.total()
    return {
        "slots": int(score.count.sum()),
        **{
            name: rounded(getattr(total, name)[0], _DECIMALS) for name in ("mae", "rmse", "persistence_mae", "coverage")
        },
        "mae_by_lead_hour": [rounded(one, _DECIMALS) for one in score.mae],
        "persistence_mae_by_lead_hour": [rounded(one, _DECIMALS) for one in score.persistence_mae],
    }
