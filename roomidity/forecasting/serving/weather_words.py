"""What the weather ahead adds to a forecast, in words: drier air from noon: -6 %RH by 15:00."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from roomidity.domain.quantities import Quantity
from roomidity.domain.slots import SLOT
from roomidity.forecasting.serving.features import KNOTS
from roomidity.forecasting.window import FloatArray

__all__ = ["weather_words"]

_LESS_AND_MORE: Final = {"humidity": ("drier", "moister"), "temperature": ("colder", "warmer")}
_SHOWN: Final = {"humidity": ("%RH", 0, 1.0), "temperature": ("°C", 1, 0.3)}
"""Unit, decimals, and what is worth a word."""

_BEGUN: Final = 0.3
"""Of the most that it adds, what makes it have begun."""


def weather_words(added: FloatArray, quantity: Quantity, *, issued_at: datetime, timezone: str) -> str | None:
    """Returns from when and by when the weather ahead adds most to a forecast; None if that is next to nothing.

    Parameters
    ----------
    added
        Change of the forecast's median at the knots, (knots,), in the quantity's unit.
    quantity
        Which one.
    issued_at
        Aware issue time.
    timezone
        IANA name of the house's clock.

    Examples
    --------
    >>> from datetime import UTC
    >>> added = np.where(KNOTS < 24, 0.0, -6.0)
    >>> weather_words(added, "humidity", issued_at=datetime(2026, 3, 2, 6, tzinfo=UTC), timezone="Etc/UTC")
    'drier air from noon: -6 %RH by 12:00'
    """
    most = int(np.abs(added).argmax())
    unit, decimals, least = _SHOWN[quantity]
    if not abs(added[most]) >= least:
        return None
    begun = int(np.argmax(added * np.sign(added[most]) >= _BEGUN * abs(added[most])))
    zone = ZoneInfo(timezone)
    today = issued_at.astimezone(zone).date()
    begin, end = ((issued_at + int(KNOTS[place]) * SLOT).astimezone(zone) for place in (begun, most))
    since = "now" if begun == 0 else _time(begin, named=True)
    tomorrow = " tomorrow" if end.date() != today else ""
    kind = _LESS_AND_MORE[quantity][int(added[most] > 0)]
    return f"{kind} air from {since}: {added[most]:+.{decimals}f} {unit} by {_time(end, named=False)}{tomorrow}"


def _time(moment: datetime, *, named: bool) -> str:
    told = f"{moment:%H:%M}"
    return {"12:00": "noon", "00:00": "midnight"}.get(told, told) if named else told
