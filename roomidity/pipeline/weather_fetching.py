"""Fetches weather forecasts from a provider: one a place, within a daily budget, stopping when the provider fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from roomidity.domain.houses import House
from roomidity.domain.position import Position
from roomidity.domain.weather import WeatherIssue
from roomidity.errors import ProviderError, WeatherError
from roomidity.pipeline.backoff import BackOff
from roomidity.pipeline.ports import Houses, Weather

__all__ = ["Fetched", "Provider", "WeatherPorts", "fetch_weather"]

logger: Final = logging.getLogger(__name__)

_ATTEMPTS: Final = 3
_GIVES_UP_AFTER: Final = 5
"""After this many failed places in a row, the provider is assumed to be down. The others wait for the next run."""

_LAST_S: Final = 45.0
"""No place is started with less time left, which is what three attempts of 15 s take."""

_LONGEST_WAIT_S: Final = 10.0


class Provider(Protocol):
    """A service that forecasts the weather."""

    def fetch(self, position: Position, *, issued_at: datetime, known: Callable[[], datetime]) -> WeatherIssue:
        """Returns the issue for a position, with the time of its arrival as `known_from`.

        Raises
        ------
        ProviderError
            If there is no usable answer.
        """


@dataclass(frozen=True)
class WeatherPorts:
    """The ports that fetching needs. ``calls_a_day`` is the daily budget of calls, including repeated attempts."""

    houses: Houses
    weather: Weather
    provider: Provider
    calls_a_day: int
    backoff: BackOff


@dataclass
class Fetched:
    """Counts of places by outcome, and of calls.

    Parameters
    ----------
    places
        All places of active houses. Each is counted once in ``stored``, ``fresh``, ``failed`` or ``left``.
    fresh
        Places that already had an issue of this time.
    left
        Places left for the next run.
    why
        Reason for the last failure, or for stopping early.
    """

    places: int = 0
    stored: int = 0
    fresh: int = 0
    failed: int = 0
    left: int = 0
    calls: int = 0
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Returns the counts as plain values, for logs and answers."""
        return dict(vars(self))


def fetch_weather(
    ports: WeatherPorts, *, now: datetime, known: Callable[[], datetime], remaining_s: Callable[[], float]
) -> Fetched:
    """Fetch and store the weather forecast for each place with an active house.

    Places whose newest issue is oldest come first, so that none starves on a small budget. If run again for the same
    time, only places without an issue of that time are fetched.

    Parameters
    ----------
    now
        The time of issue: an aware UTC slot start.
    known
        Returns the current time, at which an answer has arrived.
    remaining_s
        Returns how many seconds are left for the run.

    Raises
    ------
    WeatherError
        If a place still has no new issue. Those of all other places are stored.
    """
    positions = {position for home in ports.houses.all() if (position := _position(home, now)) is not None}
    fetched = Fetched(places=len(positions))
    newest = {position: _newest(ports.weather, position, now) for position in positions}
    waiting = sorted((at, str(position), position) for position, at in newest.items() if at < now)
    fetched.fresh = fetched.places - len(waiting)
    in_a_row = 0
    for number, (_, _, position) in enumerate(waiting):
        if remaining_s() < _LAST_S or in_a_row >= _GIVES_UP_AFTER:
            fetched.left = len(waiting) - number
            fetched.why = fetched.why or "there was no time for all of them"
            break
        try:
            issue = _fetch(ports, position, fetched, now=now, known=known)
        except ProviderError as error:
            logger.warning("a place has no new weather", extra={"place": position.place, "why": str(error)})
            fetched.failed += 1
            fetched.why, in_a_row = str(error), in_a_row + 1
            continue
        if issue is None:
            fetched.left = len(waiting) - number
            fetched.why = f"the budget of {ports.calls_a_day:,} calls a day is spent"
            break
        in_a_row = 0
        ports.weather.put_many([issue])
        fetched.stored += 1
    logger.info("weather", extra=fetched.as_dict())
    if fetched.failed or fetched.left:
        raise WeatherError(failed=fetched.failed, left=fetched.left, places=fetched.places, why=fetched.why)
    return fetched


def _position(home: House, now: datetime) -> Position | None:
    return Position.of_settings(home.settings) if home.is_active(now) and not home.is_forgotten else None


def _newest(weather: Weather, position: Position, now: datetime) -> datetime:
    """Returns when the newest issue for a position was fetched, or a day ago if there is none since."""
    since = now - timedelta(days=1)
    found = weather.issues([position.place], since=since, until=now + timedelta(hours=1), most=1)
    return found[-1].issued_at if found else since


def _fetch(
    ports: WeatherPorts, position: Position, fetched: Fetched, *, now: datetime, known: Callable[[], datetime]
) -> WeatherIssue | None:
    """Returns the issue for a position, retrying after passing errors, or None once the budget is spent."""
    for attempt in range(_ATTEMPTS):
        if not ports.weather.take_call(known().date(), at_most=ports.calls_a_day):
            return None
        fetched.calls += 1
        try:
            return ports.provider.fetch(position, issued_at=now, known=lambda: max(known(), now))
        except ProviderError as error:
            if not error.is_passing or attempt == _ATTEMPTS - 1:
                raise
            wait_s = min(error.wait_s if error.wait_s is not None else 2.0**attempt, _LONGEST_WAIT_S)
            ports.backoff.sleep(wait_s)
    raise AssertionError("the last attempt returns or raises")
