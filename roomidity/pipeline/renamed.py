"""Reads what is stored by room under every name that the room had, as one series under its present name.

If there is something for the same time under several names, the one under the present name counts, since it is the
newest.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Protocol

from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House
from roomidity.forecasting.evaluation.accuracy import DayAccuracy
from roomidity.pipeline.ports import Accuracy, Forecasts

__all__ = ["LatestForecasts", "accuracy_between", "forecasts_between", "latest_forecast"]


class LatestForecasts(Protocol):
    """Access to the newest forecast of a room."""

    def latest(self, house: str, room: str, *, now: datetime) -> StoredForecast | None:
        """Returns a room's newest forecast issued by ``now``, or None."""


def latest_forecast(forecasts: LatestForecasts, home: House, room: str, *, now: datetime) -> StoredForecast | None:
    """Returns a room's newest forecast issued by ``now``, or None."""
    found = [forecasts.latest(home.name, name, now=now) for name in home.names_of(room)]
    newest = max((one for one in found if one is not None), key=lambda one: one.issued_at, default=None)
    return None if newest is None else replace(newest, room=room)


def forecasts_between(
    forecasts: Forecasts, home: House, room: str, first: datetime, last: datetime
) -> list[StoredForecast]:
    """Returns a room's forecasts issued from ``first`` to ``last``, both included, in order of time."""
    by_time = {
        one.issued_at: replace(one, room=room)
        for name in reversed(home.names_of(room))
        for one in forecasts.between(home.name, name, first, last)
    }
    return [by_time[issued_at] for issued_at in sorted(by_time)]


def accuracy_between(accuracy: Accuracy, home: House, room: str, first: date, last: date) -> list[DayAccuracy]:
    """Returns a room's rows of the days from ``first`` to ``last``, both included, in order of time."""
    by_day = {
        row.day: replace(row, room=room)
        for name in reversed(home.names_of(room))
        for row in accuracy.between(home.name, name, first, last)
    }
    return [by_day[day] for day in sorted(by_day)]
