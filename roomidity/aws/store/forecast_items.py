"""Converts forecasts to items, and items of every format back to forecasts.

Format 2 stores numbers only at the model's knots. It takes one write unit if the names of house and room together have
at most 40 bytes. Format 1 stores all 96 slots and takes three.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from roomidity.aws.sizes import WRITE_UNIT_BYTES, item_bytes
from roomidity.aws.store.tables import FORECAST_FORMAT, ForecastItem
from roomidity.domain.damage import number_within
from roomidity.domain.fitting import fitted
from roomidity.domain.forecasts import QUANTILES, StoredForecast, room_id
from roomidity.domain.knots import KNOTS_TEXT, at_knots, knots_of, spread
from roomidity.domain.quantities import QUANTITIES, SPECS, Quantity
from roomidity.domain.slots import SLOT_S, SLOTS_A_DAY, format_slot, parse_slot, parse_time, to_epoch_ms
from roomidity.domain.weather import WeatherUsed
from roomidity.domain.weather_adds import WeatherAdds

__all__ = ["item_of", "stored_of"]

_MINUTE: Final = timedelta(minutes=1)
_MOST_OPEN_MIN: Final = 10_000

_NAMES_BYTES: Final = 40
"""Maximum bytes of both names up to which a forecast is rounded to fit into one write unit. With longer names it would
lose too much precision, so it takes two."""


def item_of(item: type[ForecastItem], forecast: StoredForecast, *, keep_s: int, write_format: int) -> ForecastItem:
    """Returns a forecast as an item of ``write_format`` that expires ``keep_s`` seconds after it was issued."""
    at = format_slot(forecast.issued_at)
    made = item(
        room_id=room_id(forecast.house, forecast.room),
        issued_at=at,
        first_slot=at,
        step_s=SLOT_S,
        grade=forecast.grade,
        notes=forecast.notes,
        data_through=format_slot(forecast.data_through) if forecast.data_through else None,
        model_version=forecast.model_version,
        v=write_format,
        expires_at=to_epoch_ms(forecast.issued_at) // 1000 + keep_s,
    )
    if write_format < FORECAST_FORMAT:
        _set_numbers(made, forecast, forecast.quantiles)
        return made
    made.knots = KNOTS_TEXT
    made.open_min = None if forecast.open_since is None else (forecast.issued_at - forecast.open_since) // _MINUTE
    if forecast.weather is not None:
        used = forecast.weather
        made.weather = {"issued_at": format_slot(used.issued_at), "age_h": round(used.age_h, 2)}
    if forecast.weather_adds:
        parts = (forecast.weather_adds.get(quantity) for quantity in QUANTITIES)
        made.weather_adds = ";".join(f"{one.begins},{one.peaks},{one.change}" if one else "" for one in parts)
    values = at_knots(
        np.stack([rows.round(spec.decimals) for rows, spec in zip(forecast.quantiles, SPECS, strict=True)])
    )
    if len((forecast.house + forecast.room).encode()) <= _NAMES_BYTES:
        _set_numbers(made, forecast, values[..., :0])
        fit = fitted(values, limit_bytes=WRITE_UNIT_BYTES - item_bytes(made.serialize()))
        _set_numbers(made, forecast, fit)
        if made.weather_adds and item_bytes(made.serialize()) > WRITE_UNIT_BYTES:  # numbers before words about them
            return item_of(item, replace(forecast, weather_adds={}), keep_s=keep_s, write_format=write_format)
        values = fit
    _set_numbers(made, forecast, values)
    return made


def _set_numbers(item: ForecastItem, forecast: StoredForecast, values: npt.NDArray[np.float64]) -> None:
    measured = forecast.quantities
    for quantity, rows in zip(QUANTITIES, values, strict=True):
        if quantity in measured:
            for name, row in zip(QUANTILES, rows + 0.0, strict=True):  # no -0
                setattr(item, f"{quantity}_{name}", row)


def stored_of(item: ForecastItem) -> StoredForecast:
    """Returns the forecast in an item of any known format, with all 96 slots.

    Raises
    ------
    ValueError
        If the format is newer, or a value is missing or impossible.
    """
    if item.v not in range(1, FORECAST_FORMAT + 1):
        raise ValueError(f"it has format {item.v!r}; this version reads 1 to {FORECAST_FORMAT}: update roomidity")
    house, room = item.room_id.split("/")
    quantiles = np.full((len(QUANTITIES), len(QUANTILES), SLOTS_A_DAY), np.nan)
    grade = dict(item.grade)
    if item.v > 1 and item.knots is None:
        raise ValueError("it has no knots")
    count = SLOTS_A_DAY if item.v == 1 else len(knots_of(item.knots))
    for place, spec in enumerate(SPECS):
        rows = [getattr(item, f"{spec.name}_{name}") for name in QUANTILES]
        if all(row is None for row in rows):
            continue
        if any(row is None or row.shape != (count,) for row in rows) or not isinstance(grade[spec.name], str):
            raise ValueError(f"its {spec.name} is not {len(QUANTILES)} times {count} numbers, with a grade")
        low, high = spec.plausible
        numbers = np.array(rows)
        for bound in (numbers.min(), numbers.max()):  # a sensor's range, extended by its width on either side
            number_within(float(bound), (2 * low - high, 2 * high - low))
        quantiles[place] = numbers if item.v == 1 else spread(numbers, item.knots, decimals=spec.decimals)
    if not isinstance(item.model_version, str):
        raise ValueError("it has no model_version")  # noqa: TRY004  # as for all other missing attributes
    return StoredForecast(
        house=house,
        room=room,
        issued_at=parse_slot(item.issued_at),
        quantiles=quantiles,
        grade=grade,
        data_through=parse_slot(item.data_through) if item.data_through else None,
        model_version=item.model_version,
        notes=item.notes or (),
        weather=_weather_of(item.weather),
        weather_adds=_weather_adds_of(item.weather_adds),
        open_since=None if item.open_min is None else _open_since(item),
    )


def _open_since(item: ForecastItem) -> datetime:
    return parse_slot(item.issued_at) - int(number_within(int(item.open_min), (0, _MOST_OPEN_MIN))) * _MINUTE


def _weather_of(used: Any) -> WeatherUsed | None:
    if used is None:
        return None
    return WeatherUsed(issued_at=parse_time(used["issued_at"]), age_h=number_within(float(used["age_h"]), (0, 10_000)))


def _weather_adds_of(text: str | None) -> dict[Quantity, WeatherAdds]:
    found: dict[Quantity, WeatherAdds] = {}
    for quantity, part in zip(QUANTITIES, text.split(";"), strict=True) if text else ():
        if part:
            begins, peaks, change = part.split(",")
            found[quantity] = WeatherAdds(
                begins=int(number_within(int(begins), (0, SLOTS_A_DAY))),
                peaks=int(number_within(int(peaks), (1, SLOTS_A_DAY))),
                change=number_within(float(change), (-500, 500)),
            )
    return found
