"""Forecasts from Open-Meteo (https://open-meteo.com/en/docs), or from a server of the user's own that runs its code.

``hourly`` holds lists of ``time``, ``temperature_2m`` (°C) and ``relative_humidity_2m`` (%), an hour apart. The answer
does not state when the forecast was computed, so it counts as issued at the time of the request.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

from roomidity.domain.names import visible
from roomidity.domain.position import Position
from roomidity.domain.slots import from_epoch_ms
from roomidity.domain.weather import HOURS, WeatherIssue, checked_issue
from roomidity.errors import InputError, ProviderError
from roomidity.providers.http import Asker, check_url

__all__ = ["ATTRIBUTION", "FREE_HOST", "FREE_URL", "OpenMeteo", "is_free", "read_answer"]

FREE_HOST: Final = "api.open-meteo.com"
FREE_URL: Final = f"https://{FREE_HOST}/v1/forecast"
"""Needs no key, and allows 10,000 calls a day for non-commercial use."""

ATTRIBUTION: Final = "Weather data by Open-Meteo.com (https://open-meteo.com/), CC BY 4.0"

_AGENT: Final = "roomidity (weather ahead, one call a place)"
_VARIABLES: Final = ("temperature_2m", "relative_humidity_2m")
_UNITS: Final = ({"°C"}, {"%"})
_LONGEST_REASON: Final = 200


def is_free(url: str) -> bool:
    """Returns whether an address is that of the free service.

    >>> is_free(FREE_URL), is_free("https://customer-api.open-meteo.com/v1/forecast")
    (True, False)
    """
    return urlsplit(url).hostname == FREE_HOST


@dataclass(frozen=True)
class OpenMeteo:
    """Fetches forecasts for one place at a time.

    Parameters
    ----------
    url
        The server's address, without the query.
    read_key
        Reads the key of a paid plan, or None if there is no key. It is called once, on first use, and the key is used
        only in requests.
    asker
        Sends the requests. By default one for ``url``.
    """

    url: str
    read_key: Callable[[], str] | None = None
    asker: Asker | None = None

    def fetch(self, position: Position, *, issued_at: datetime, known: Callable[[], datetime]) -> WeatherIssue:
        """Returns the forecast for a position. ``known`` is called after the answer and gives its `known_from`.

        Raises
        ------
        ProviderError
            If there is no answer, or no usable one.
        ConfigurationError
            If the address is not valid.
        """
        query = {
            "latitude": str(position.latitude),
            "longitude": str(position.longitude),
            "hourly": ",".join(_VARIABLES),
            "forecast_hours": str(HOURS),
            "timezone": "UTC",
            "timeformat": "unixtime",
        }
        url = check_url(self.url, has_key=self.read_key is not None)
        if self._key is not None:
            query["apikey"] = self._key
        try:
            body = (self.asker or Asker(url, _AGENT)).get(query)
        except ProviderError as error:
            raise error.saying(_reason(error.body)) from None
        return read_answer(body, position=position, issued_at=issued_at, known_from=known())

    @cached_property
    def _key(self) -> str | None:
        return None if self.read_key is None else self.read_key()


def read_answer(body: bytes, *, position: Position, issued_at: datetime, known_from: datetime) -> WeatherIssue:
    """Returns the issue in an answer: 49 hours, beginning with the hour in which it was issued.

    Raises
    ------
    ProviderError
        If the answer contains no such issue.
    """
    try:
        content = json.loads(body)
        hourly, units = content["hourly"], content["hourly_units"]
        times = [_time(one, content) for one in hourly["time"]]
        first = next(place for place, time in enumerate(times) if time > issued_at - timedelta(hours=1))
        chosen = times[first : first + HOURS]
        if len(chosen) < HOURS or any(
            one != chosen[0] + place * timedelta(hours=1) for place, one in enumerate(chosen)
        ):
            raise InputError(f"found {len(chosen)} hours from {issued_at:%H:%M} on; expected {HOURS}, an hour apart")
        for name, known_units in zip(_VARIABLES, _UNITS, strict=True):
            if units[name] not in known_units:
                raise InputError(f"{name} is in {units[name]!r:.20}; expected {', '.join(known_units)}")
        temperature, humidity = (tuple(map(_number, hourly[name][first : first + HOURS])) for name in _VARIABLES)
        return checked_issue(WeatherIssue(position.place, issued_at, known_from, chosen[0], temperature, humidity))
    except InputError as error:
        raise ProviderError(f"its answer cannot be used: {visible(str(error))[:_LONGEST_REASON]}") from None
    except (ValueError, TypeError, KeyError, StopIteration, OverflowError, RecursionError) as error:
        said = f"{type(error).__name__}: {visible(str(error))[:_LONGEST_REASON]}"
        raise ProviderError(f"its answer is no forecast in Open-Meteo's form ({said})") from None


def _time(value: Any, content: Mapping[str, Any]) -> datetime:
    """Returns a time from the answer: epoch seconds, or text in the answer's time zone, which has to be UTC."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise InputError(f"a time is {value!r:.40}")
    if content.get("utc_offset_seconds", 0) != 0:
        raise InputError("its times are local; expected UTC")
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return from_epoch_ms(round(value * 1000))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"a value is {value!r:.40}; expected a number")
    return float(value)


def _reason(body: bytes) -> str:
    """Returns the reason that an error of Open-Meteo gives: ``{"error": true, "reason": "..."}``."""
    try:
        reason = json.loads(body)["reason"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return visible(reason)[:_LONGEST_REASON].replace("\n", " ") if isinstance(reason, str) else ""
