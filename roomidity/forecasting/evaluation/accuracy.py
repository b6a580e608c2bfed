"""How good a room's forecasts of one day were: a row that travels from the nightly run to tables and people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from roomidity.forecasting.evaluation.scores import STORED_SUMS, Score

__all__ = ["DayAccuracy"]

_DECIMALS: Final = 3
"""Of a sum; the smallest ones are of 16 slots, whose mean then is good to 0.0001."""

_COUNTS: Final = ("count", "covered")


@dataclass(frozen=True)
class DayAccuracy:
    """How good the forecasts were that were issued for a room on one day (UTC).

    Parameters
    ----------
    day
        The day of issue; the slots that were forecast reach into the next.
    forecasts
        How many issue times there are, whether or not anything was measured after them.
    complete
        Whether the 24 h of all of them are over.
    scores
        Sums by lead hour, each of shape (24,), by quantity; one that was not forecast is absent.
    six_hourly
        The same of the issue times 00, 06, 12 and 18 UTC that a backtest would count.
    rests_on
        Identifies what was measured of which the scores were made, and how they were; None in older rows.
    """

    house: str
    room: str
    day: date
    forecasts: int
    complete: bool
    scores: Mapping[str, Score]
    six_hourly: Mapping[str, Score]
    rests_on: str | None = None

    def plain(self) -> dict[str, Any]:
        """Returns plain numbers, rounded to 0.001: what is stored, and what tells a row from another."""
        return {
            "forecasts": self.forecasts,
            "complete": self.complete,
            **{quantity: _plain(score) for quantity, score in self.scores.items()},
            "six_hourly": {quantity: _plain(score) for quantity, score in self.six_hourly.items()},
            "rests_on": self.rests_on,
        }


def _plain(score: Score) -> dict[str, list[float]]:
    """Returns a list of each sum, by the name under which it is stored."""
    plain: dict[str, list[float]] = {}
    for name, stored in STORED_SUMS.items():
        sums = getattr(score, name)
        plain[stored] = sums.astype(int).tolist() if name in _COUNTS else sums.round(_DECIMALS).tolist()
    return plain
