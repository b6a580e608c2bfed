"""The weather ahead of a house, as it was known: its own issues first, else a provider's for its place."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from roomidity.domain.houses import House
from roomidity.domain.position import Position
from roomidity.domain.weather import WeatherIssue, house_place, own_first
from roomidity.errors import StoreError
from roomidity.forecasting import Window
from roomidity.pipeline.ports import Weather

__all__ = ["HeldWeather", "places_of", "weather_known", "with_weather", "with_weather_history"]

logger: Final = logging.getLogger(__name__)

_LOOKED_BACK: Final = timedelta(days=8)
"""Before a forecast: over a week it shows how far a provider is off, and the oldest of it was issued the day before."""

_MOST: Final = 200
"""Issues before a forecast: one an hour over the days looked back."""

_MOST_OF_HISTORY: Final = 10_000
"""Of a place over all that is trained on: one an hour for 400 days takes 9 MB of reads and 30 MB of memory."""

_AGAIN: Final = timedelta(hours=24)
"""How far back is read again what is held: an issue that waited in the queue is stored under the time it was sent."""

_HELD: Final = 32
"""Places of which issues are held, some 600 KB each where they come by the hour."""


@dataclass(frozen=True)
class _Held:
    since: datetime
    until: datetime
    issues: tuple[WeatherIssue, ...]


@dataclass
class HeldWeather:
    """Issues that were read, by place, from forecast to forecast: houses of one place read them once a tick."""

    held: MutableMapping[tuple[str, int], _Held] = field(default_factory=dict)

    def read(self, weather: Weather, place: str, life: int, *, until: datetime) -> Sequence[WeatherIssue]:
        """The newest issues of a place that were known by ``until``; of what is held only the newest is read again.

        ``life`` is that of the house whose own they are, so that nothing is held beyond a deletion; else 0.
        """
        since = until - _LOOKED_BACK
        held = self.held.pop((place, life), None)
        if held is None or held.since > since or until < held.until - _LOOKED_BACK:
            held = _Held(since, until, tuple(weather.issues([place], since=since, until=until, most=_MOST)))
        elif until > held.until:
            again = held.until - _AGAIN
            found = weather.issues([place], since=again, until=until, most=_MOST)
            kept = [issue for issue in held.issues if since <= issue.known_from < again]
            held = _Held(since, until, (*kept, *found))
        self.held[place, life] = held
        while len(self.held) > _HELD:
            self.held.pop(next(iter(self.held)))
        return [issue for issue in held.issues if since <= issue.known_from <= until]


def places_of(home: House) -> tuple[str, ...]:
    """The places of a house's issues: its own, and its position's where one is set."""
    position = Position.of_settings(home.settings)
    own = house_place(home.name)
    return (own,) if position is None else (own, position.place)


def weather_known(weather: Weather, home: House, held: HeldWeather, *, until: datetime) -> tuple[WeatherIssue, ...]:
    """The issues a forecast at ``until`` may rest on, oldest first; none where the table does not answer.

    A forecast without the weather ahead is worse than one with it, and better than none.
    """
    own, *others = places_of(home)
    try:
        found = held.read(weather, own, home.life, until=until)
        provided = [issue for place in others for issue in held.read(weather, place, 0, until=until)]
    except StoreError:
        logger.exception("the weather ahead cannot be read; the forecast goes without", extra={"house": home.name})
        return ()
    return tuple(own_first(found, provided))


def with_weather(window: Window, weather: Weather, home: House, held: HeldWeather) -> Window:
    """The window of a forecast with the issues that were known at its end."""
    return replace(window, issues=weather_known(weather, home, held, until=window.end))


def with_weather_history(window: Window, weather: Weather, home: House) -> Window:
    """A window of the past with the issues that were known at any time in it, of those the newest 10,000.

    Who reads from it chooses by `known_from`, so that no later issue changes what was forecast earlier.

    Raises
    ------
    StoreError
        If the table does not answer: what is learnt without the weather by accident would be learnt wrong.
    """
    own, *others = places_of(home)
    since, until = window.start - _LOOKED_BACK, window.end
    found = weather.issues([own], since=since, until=until, most=_MOST_OF_HISTORY)
    provided = weather.issues(others, since=since, until=until, most=_MOST_OF_HISTORY)
    return replace(window, issues=tuple(own_first(found, provided)))
