"""What the weather ahead adds to a room's forecast, and that in words: drier air from noon: -6 %RH by 15:00."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from roomidity.domain.knots import KNOTS
from roomidity.domain.notices.words import Language
from roomidity.domain.quantities import Quantity
from roomidity.domain.slots import SLOT

__all__ = ["WeatherAdds", "weather_adds", "weather_words"]

_LEAST: Final[Mapping[Quantity, float]] = {"humidity": 1.0, "temperature": 0.3}
"""%RH and °C that are worth a word."""

_BEGUN: Final = 0.3
"""Of the most that it adds, what makes it have begun."""

_DECIMALS: Final[Mapping[Quantity, int]] = {"humidity": 0, "temperature": 1}

_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "humidity-": "drier",
        "humidity+": "moister",
        "temperature-": "colder",
        "temperature+": "warmer",
        "now": "now",
        "12:00": "noon",
        "00:00": "midnight",
        "tomorrow": "{time} tomorrow",
        "humidity": "%RH",
        "temperature": "°C",
        "point": ".",
        "all": "{kind} air from {begins}: {change} {unit} by {peaks}",
    },
    "de": {
        "humidity-": "trockenere",
        "humidity+": "feuchtere",
        "temperature-": "kältere",
        "temperature+": "wärmere",
        "now": "jetzt",
        "12:00": "Mittag",
        "00:00": "Mitternacht",
        "tomorrow": "morgen {time}",
        "humidity": "% Luftfeuchte",
        "temperature": "°C",
        "point": ",",
        "all": "{kind} Luft ab {begins}: {change} {unit} bis {peaks}",
    },
}


@dataclass(frozen=True)
class WeatherAdds:
    """What the weather ahead adds most to the median of a forecast of a quantity.

    Parameters
    ----------
    begins, peaks
        Slots after the issue time at which it has begun, and at which it is most. From the issue time on, ``begins`` is
        0.
    change
        How much it then is, in %RH or °C, rounded to 0.1.
    """

    begins: int
    peaks: int
    change: float


def weather_adds(added: npt.NDArray[np.float64], quantity: Quantity) -> WeatherAdds | None:
    """Returns from when and by when the weather ahead adds most to a forecast; None if that is next to nothing.

    Parameters
    ----------
    added
        Change of the forecast's median at the knots, (knots,), in the quantity's unit; NaN where it adds nothing.
    quantity
        Which one.

    Examples
    --------
    >>> weather_adds(np.where(KNOTS < 24, 0.0, -6.04), "humidity")
    WeatherAdds(begins=24, peaks=24, change=-6.0)
    >>> weather_adds(np.where(KNOTS < 24, 0.0, 0.2), "temperature")
    """
    known = np.nan_to_num(added)
    most = int(np.abs(known).argmax())
    if abs(known[most]) < _LEAST[quantity]:
        return None
    begun = int(np.argmax(known * np.sign(known[most]) >= _BEGUN * abs(known[most])))
    begins = int(KNOTS[begun]) if begun else 0
    return WeatherAdds(begins=begins, peaks=int(KNOTS[most]), change=round(float(known[most]), 1))


def weather_words(
    adds: WeatherAdds, quantity: Quantity, *, issued_at: datetime, zone: str, language: Language = "en"
) -> str:
    """Returns what the weather ahead adds to a forecast of ``issued_at`` in words, by the clock of a time zone.

    Examples
    --------
    >>> from roomidity.domain.slots import parse_slot
    >>> adds, issued_at = WeatherAdds(begins=24, peaks=36, change=-6.0), parse_slot("2026-03-02T06:00Z")
    >>> weather_words(adds, "humidity", issued_at=issued_at, zone="Etc/UTC")
    'drier air from noon: -6 %RH by 15:00'
    >>> weather_words(adds, "temperature", issued_at=issued_at, zone="Europe/Berlin", language="de")
    'kältere Luft ab 13:00: -6,0 °C bis 16:00'
    """
    words, here = _WORDS[language], ZoneInfo(zone)
    today = issued_at.astimezone(here).date()
    begin, end = ((issued_at + slots * SLOT).astimezone(here) for slots in (adds.begins, adds.peaks))
    since, until = f"{begin:%H:%M}", f"{end:%H:%M}"
    begins = words["now"] if adds.begins == 0 else words.get(since, since)
    if adds.begins and begin.date() != today:
        begins = words["tomorrow"].format(time=begins)
    same_day = begin.date() == end.date() and adds.begins
    return words["all"].format(
        kind=words[f"{quantity}{'+' if adds.change > 0 else '-'}"],
        begins=begins,
        change=f"{adds.change:+.{_DECIMALS[quantity]}f}".replace(".", words["point"]),
        unit=words[quantity],
        peaks=until if end.date() == today or same_day else words["tomorrow"].format(time=until),
    )
