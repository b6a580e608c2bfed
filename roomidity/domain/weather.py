"""Weather forecasts as they were issued, and which issue a room's forecast used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from roomidity.domain.quantities import HUMIDITY, SPECS, TEMPERATURE, QuantitySpec
from roomidity.domain.slots import SLOT_MS, format_moment, from_epoch_ms, is_present, to_epoch_ms
from roomidity.errors import InputError

__all__ = [
    "HOURS",
    "WeatherIssue",
    "WeatherUsed",
    "checked_issue",
    "covers_a_day",
    "house_place",
    "own_first",
    "too_many_an_hour",
]

MOST_AN_HOUR: Final = 4
"""Maximum number of issues an hour from a house's gateway, which is also how often its rooms are forecast."""

HOURS: Final = 49
"""Hourly values in an issue. They span two days, so that an issue that is a day old still covers the next 24 h."""

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(hours=24)
_COVERS_FOR: Final = timedelta(hours=HOURS - 1) - _DAY
"""How long after its first hour an issue still covers the next 24 h."""

_AHEAD: Final = timedelta(minutes=5)
"""How far an issuer's clock may be ahead of ours. Sensors are allowed the same."""

_APART: Final = timedelta(hours=48)
"""Maximum distance between issue and first hour. Some runs begin at midnight, and others are a day old."""

_DECIMALS: Final = 2
"""Finer than any weather forecast, yet small enough for an item to stay within 1 KB."""


@dataclass(frozen=True)
class WeatherIssue:
    """A forecast of the air outside at a place, as it was issued.

    Parameters
    ----------
    place
        `place:<lat>,<lon>`, rounded to .1 degree, for the issue of a provider, or `house:<name>` for one that came from
        a house's own gateway or an import.
    issued_at
        Aware time at which the forecast was made, by whoever made it.
    known_from
        Aware time from which it was known here. A forecast may use only issues with `known_from` at or before its own
        issue time. Any other would be look-ahead.
    first
        Aware time of the first value. The others follow an hour apart.
    temperature
        `HOURS` values in °C.
    humidity
        `HOURS` values in %RH.
    """

    place: str
    issued_at: datetime
    known_from: datetime
    first: datetime
    temperature: tuple[float, ...]
    humidity: tuple[float, ...]


@dataclass(frozen=True)
class WeatherUsed:
    """The weather issue behind a room's forecast: when it was issued, and its age in hours at the forecast's issue."""

    issued_at: datetime
    age_h: float


def house_place(house: str) -> str:
    """Returns the place under which a house's own issues are stored.

    >>> house_place("h1")
    'house:h1'
    """
    return f"house:{house}"


def checked_issue(issue: WeatherIssue) -> WeatherIssue:
    """Returns a valid issue as it is stored: `issued_at` in whole seconds, `known_from` in ms, values rounded to .01.

    Raises
    ------
    InputError
        If a quantity does not have `HOURS` finite values in the plausible range of a sensor, if the first hour is not
        the start of a slot or too far from the issue, or if the issue lies in the future.
    """
    for moment in (issue.issued_at, issue.known_from, issue.first):
        if moment.tzinfo is None or not is_present(moment):
            raise InputError(f"a time of the weather is {moment!r}; expected an aware one of the years 1970 to 9000")
    if issue.issued_at > issue.known_from + _AHEAD:
        raise InputError(
            f"the weather was issued at {format_moment(issue.issued_at)}, but came at "
            f"{format_moment(issue.known_from)}; expected one that was issued before it came"
        )
    if to_epoch_ms(issue.first) % SLOT_MS or abs(issue.first - issue.issued_at) > _APART:
        raise InputError(
            f"the weather's first hour is {format_moment(issue.first)}, of an issue of "
            f"{format_moment(issue.issued_at)}; expected a quarter of an hour within 48 h of it"
        )
    return replace(
        issue,
        issued_at=from_epoch_ms(to_epoch_ms(issue.issued_at) // 1000 * 1000),
        known_from=from_epoch_ms(to_epoch_ms(issue.known_from)),
        first=from_epoch_ms(to_epoch_ms(issue.first)),
        temperature=_checked(issue.temperature, SPECS[TEMPERATURE]),
        humidity=_checked(issue.humidity, SPECS[HUMIDITY]),
    )


def _checked(values: Sequence[float], spec: QuantitySpec) -> tuple[float, ...]:
    if len(values) != HOURS:
        raise InputError(f"the weather has {len(values)} values of {spec.name}; expected {HOURS}, an hour apart")
    low, high = spec.plausible
    for value in values:
        if not low <= value <= high:  # also true for NaN
            raise InputError(f"the weather has a {spec.name} of {value!r}; expected {low:g} to {high:g} {spec.unit}")
    return tuple(round(float(value), _DECIMALS) + 0.0 for value in values)  # no -0.0


def covers_a_day(issue: WeatherIssue, at: datetime) -> bool:
    """Returns whether an issue covers the 24 h that begin at ``at``."""
    return issue.first <= at <= issue.first + _COVERS_FOR


def own_first(own: Iterable[WeatherIssue], others: Iterable[WeatherIssue]) -> list[WeatherIssue]:
    """Returns a house's own issues merged with a provider's for its place, in order of `known_from`.

    A provider's issue is left out if an own issue that was known earlier covers the 24 h after it. Later issues have no
    influence on this choice, so there is no look-ahead.
    """
    chosen = sorted(own, key=lambda issue: issue.known_from)
    kept: list[WeatherIssue] = []
    place = 0
    covered_until: datetime | None = None
    for issue in sorted(others, key=lambda issue: issue.known_from):
        while place < len(chosen) and chosen[place].known_from <= issue.known_from:
            until = chosen[place].first + _COVERS_FOR
            covered_until = until if covered_until is None else max(covered_until, until)
            place += 1
        if covered_until is None or covered_until < issue.known_from:
            kept.append(issue)
    return sorted([*chosen, *kept], key=lambda issue: issue.known_from)


def too_many_an_hour(known: Iterable[datetime], at: datetime) -> bool:
    """Returns whether an issue at ``at`` would make more than `MOST_AN_HOUR` within any hour.

    >>> from roomidity.domain.slots import parse_time
    >>> known = [parse_time(f"2026-03-14T10:{minute}:00Z") for minute in ("00", "20", "40", "50")]
    >>> [too_many_an_hour(known, parse_time(f"2026-03-14T{text}:00Z")) for text in ("10:59", "11:00", "09:55")]
    [True, False, True]
    """
    moments = sorted([*known, at])
    place = moments.index(at)
    first = max(place - MOST_AN_HOUR, 0)
    around = moments[first : place + MOST_AN_HOUR + 1]
    return any(last - begin < _HOUR for begin, last in zip(around, around[MOST_AN_HOUR:], strict=False))
