"""Converts Home Assistant's hourly forecast, as published by an automation, to a message for the queue.

The payload is an object with ``forecast``, the hourly answer of `weather.get_forecasts` (``datetime``, ``temperature``,
``humidity``), and the entity's present values: ``temperature``, ``humidity`` and ``temperature_unit``. Some services
forecast 48 hours that begin with the next one. The present values then supply the first of 49.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from roomidity.domain.slots import format_moment, parse_time
from roomidity.domain.weather import HOURS, house_place
from roomidity.errors import InputError
from roomidity.readings.issues import read_issue

__all__ = ["weather_body"]

_HOUR: Final = timedelta(hours=1)
_UNITS: Final[Mapping[str, tuple[float, float]]] = {
    "°C": (0.0, 1.0),
    "C": (0.0, 1.0),
    "°F": (32.0, 1.8),
    "F": (32.0, 1.8),
}
"""For each unit, the value of 0 °C and the size of one degree Celsius."""


def weather_body(payload: bytes, *, house: str, received: datetime) -> str:
    """Returns the body to queue for a forecast that was received at ``received``.

    Raises
    ------
    InputError
        If the payload is not a forecast of 49 hours, so that the drain would reject it.
    """
    try:
        content = json.loads(payload)
        unit = _UNITS[content.get("temperature_unit", "°C")]
        hours = {parse_time(one["datetime"]): _values(one, unit) for one in content["forecast"]}
        first = min(hours)
        if content.get("temperature") is not None and content.get("humidity") is not None:
            present = received.replace(minute=0, second=0, microsecond=0)
            hours = ({present: _values(content, unit)} if first == present + _HOUR else {}) | hours
            first = min(hours)
        issued_at = parse_time(content["issued_at"]) if "issued_at" in content else received
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(
            f"found no forecast of Home Assistant's ({type(error).__name__}); expected an object with forecast, a list "
            "by the hour of datetime, temperature and humidity (docs/bridge.md)"
        ) from error
    times = [first + number * _HOUR for number in range(HOURS)]
    missing = [time for time in times if time not in hours]
    if missing:
        found = f"{len(hours)} hours from {format_moment(first)} on"
        raise InputError(f"found {found}, and none of {format_moment(missing[0])}; expected {HOURS}, an hour apart")
    weather = {
        "issued_at": format_moment(issued_at),
        "times": [format_moment(time) for time in times],
        "temperature": [hours[time][0] for time in times],
        "humidity": [hours[time][1] for time in times],
    }
    read_issue(weather, place=house_place(house), known_from=received)
    return json.dumps({"house": house, "weather": weather}, separators=(",", ":"))


def _values(one: Mapping[str, Any], unit: tuple[float, float]) -> tuple[float, float]:
    """Returns temperature in °C and humidity in %RH."""
    zero, degree = unit
    return round((float(one["temperature"]) - zero) / degree, 2), round(float(one["humidity"]), 2)
