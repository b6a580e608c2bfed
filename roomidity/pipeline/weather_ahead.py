"""The weather forecasts known for a house at a given time: its own first, otherwise a provider's for its place."""

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
"""A week shows a provider's mean error, and the issue that covers its first hours is up to a day older."""

_MOST: Final = 200
"""Maximum number of issues read for a forecast: one an hour over the days looked back."""

_MOST_OF_HISTORY: Final = 10_000
"""Maximum number of issues of a place read for a training: one an hour for 400 days, 9 MB to read, 30 MB in memory."""

_AGAIN: Final = timedelta(hours=24)
"""The last hours are read again, because an issue that waited in the queue is stored under the time it was sent."""

_HELD: Final = 32
"""Maximum number of places held in memory, at about 600 KB each if issues are hourly."""


@dataclass(frozen=True)
class _Held:
    since: datetime
    until: datetime
    issues: tuple[WeatherIssue, ...]


@dataclass
class HeldWeather:
    """Keeps issues by place between forecasts, so that houses at the same place read them once a tick."""

    held: MutableMapping[tuple[str, int], _Held] = field(default_factory=dict)

    def read(self, weather: Weather, place: str, life: int, *, until: datetime) -> Sequence[WeatherIssue]:
        """Returns the newest issues of a place known by ``until``, reading only what is not held or recent.

        ``life`` is that of the house if the issues are its own, so that nothing outlives a deletion, and 0 otherwise.
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
    """Returns the places whose issues a house uses: its own, and that of its position if one is set."""
    position = Position.of_settings(home.settings)
    own = house_place(home.name)
    return (own,) if position is None else (own, position.place)


def weather_known(weather: Weather, home: House, held: HeldWeather, *, until: datetime) -> tuple[WeatherIssue, ...]:
    """Returns the issues that a forecast at ``until`` may use, oldest first. Empty if the table does not answer.

    A forecast without the weather ahead is worse than one with it, but better than none.
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
    """Returns the window of a forecast with the issues known at its end."""
    return replace(window, issues=weather_known(weather, home, held, until=window.end))


def with_weather_history(window: Window, weather: Weather, home: House) -> Window:
    """Returns a window of the past with the newest 10,000 issues of each place that were known at any time in it.

    Readers of the window have to choose by `known_from`, so that no forecast sees a later issue.

    Raises
    ------
    StoreError
        If the table does not answer. A training must not miss the weather by accident, or it would learn wrong weights.
    """
    own, *others = places_of(home)
    since, until = window.start - _LOOKED_BACK, window.end
    found = weather.issues([own], since=since, until=until, most=_MOST_OF_HISTORY)
    provided = weather.issues(others, since=since, until=until, most=_MOST_OF_HISTORY)
    return replace(window, issues=tuple(own_first(found, provided)))
