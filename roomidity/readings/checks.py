"""Checks at the edge: past them a frame of readings has a strict schema, and no code defends itself again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from roomidity.domain.names import is_name
from roomidity.domain.quantities import QUANTITIES, SPECS, VALUE_DECIMALS, QuantitySpec
from roomidity.domain.slots import SLOT_MS, parse_time, to_epoch_ms
from roomidity.readings.reasons import Reason
from roomidity.readings.wire import Decoded

__all__ = ["LIMITS", "Checked", "Limits", "check"]

_SECONDS_BELOW: Final = 1e11  # an epoch below is in seconds (until the year 5138), above in milliseconds (from 1973)
_LAST_MS: Final = 253_402_300_799_999  # the end of the year 9999
_DAY_MS: Final = 86_400_000
_PLAIN: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
"""The form of ISO 8601 that most senders write."""


@dataclass(frozen=True)
class Limits:
    """How far from now a reading may lie."""

    future_ms: int = 300_000
    retention_days: int = 400


LIMITS: Final = Limits()


@dataclass(frozen=True)
class Checked:
    """Readings told apart.

    ``accepted`` has the columns message, position, house, room, sensor, slot (ms since 1970 of its start), time_ms
    (since the slot's start), temperature and humidity (thousandths, null where absent), late; ``rejected`` has message,
    position, house (null where it is no name) and reason.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame


def check(decoded: Decoded, *, now: datetime, limits: Limits = LIMITS) -> Checked:
    """Each reading either accepted or rejected with the first reason that applies.

    Parameters
    ----------
    decoded
        The readings as they came.
    now
        The issue time, an aware UTC slot start: tells what is too old and what is late.
    limits
        How far from ``now`` readings may lie.
    """
    sent = pl.Series("sent", [message.sent_ms for message in decoded.messages], dtype=pl.Int64)
    now_ms = to_epoch_ms(now)
    oldest_slot = now_ms - limits.retention_days * _DAY_MS
    rows = decoded.rows.with_columns(
        pl.col("sensor").fill_null(""),
        _epoch_ms(decoded.rows["ts"]).alias("at"),
        sent.gather(decoded.rows["message"]).alias("sent"),
    )
    names_hold = pl.all_horizontal(
        _holds(rows["house"], is_name), _holds(rows["room"], is_name), _holds(rows["sensor"], _is_sensor_name)
    )
    rows = rows.with_columns(names_hold.alias("named"), pl.col("at").floordiv(SLOT_MS).mul(SLOT_MS).alias("slot"))
    reason = pl.coalesce(
        _when("malformed", pl.col("fault") == "malformed"),
        _when("bad_name", (pl.col("fault") == "bad_name") | ~pl.col("named")),
        _when("bad_time", (pl.col("fault") == "bad_time") | pl.col("at").is_null()),
        _when("bad_value", pl.col("fault") == "bad_value"),
        _when("no_value", pl.all_horizontal(pl.col(*QUANTITIES).is_null())),
        _when("implausible", pl.any_horizontal(_outside(spec) for spec in SPECS)),
        _when("future", pl.col("at") > pl.col("sent") + limits.future_ms),
        _when("too_old", pl.col("slot") < oldest_slot),
    )
    rows = rows.with_columns(reason.alias("reason"))
    accepted = rows.filter(pl.col("reason").is_null()).select(
        "message",
        "position",
        "house",
        "room",
        "sensor",
        "slot",
        (pl.col("at") - pl.col("slot")).cast(pl.Int32).alias("time_ms"),
        *(pl.col(name).mul(10**VALUE_DECIMALS).round().cast(pl.Int32) for name in QUANTITIES),
        (pl.col("slot") + SLOT_MS < now_ms - SLOT_MS).alias("late"),
    )
    rejected = rows.filter(pl.col("reason").is_not_null()).select(
        "message", "position", pl.when("named").then("house").alias("house"), "reason"
    )
    return Checked(accepted=accepted, rejected=rejected)


def _is_sensor_name(name: str) -> bool:
    return name == "" or is_name(name)


def _holds(names: pl.Series, rule: Callable[[str], bool]) -> pl.Series:
    """The rule applied to each different name once, then spread over the rows; null does not hold."""
    different = names.unique().drop_nulls()
    verdicts = pl.Series([rule(name) for name in different], dtype=pl.Boolean)
    if verdicts.all():
        return names.is_not_null()
    return names.replace_strict(different, verdicts, default=False, return_dtype=pl.Boolean)


def _when(reason: Reason, applies: pl.Expr) -> pl.Expr:
    return pl.when(applies).then(pl.lit(reason))


def _outside(spec: QuantitySpec) -> pl.Expr:
    """Whether a value is there and no sensor can report it; NaN is none."""
    return ~pl.col(spec.name).is_between(*spec.plausible) | pl.col(spec.name).is_nan()


def _epoch_ms(texts: pl.Series) -> pl.Series:
    """Milliseconds since 1970 of ISO 8601 texts with an offset, or of epochs in s or ms; null where neither."""
    if texts.str.contains(_PLAIN).all():  # read in a quarter of the time
        iso = texts.str.to_datetime("%Y-%m-%dT%H:%M:%SZ", strict=False, time_unit="ms")
    else:
        iso = texts.str.to_datetime(
            "%Y-%m-%dT%H:%M:%S%.f%#z", strict=False, time_unit="ms", time_zone="UTC", ambiguous="null"
        )
    moments = iso.cast(pl.Int64)
    if moments.null_count() == 0:
        return moments
    number = texts.cast(pl.Float64, strict=False)
    in_ms = pl.when(number.abs() < _SECONDS_BELOW).then(number * 1000).otherwise(number).round()
    epoch = pl.when(in_ms.is_between(0, _LAST_MS)).then(in_ms).cast(pl.Int64)
    moments = pl.select(pl.coalesce(moments, epoch)).to_series()
    rest = texts.filter(moments.is_null()).unique().drop_nulls()
    if len(rest) == 0:
        return moments
    read = pl.Series([_other_iso_ms(text) for text in rest], dtype=pl.Int64)
    return pl.select(
        pl.coalesce(moments, texts.replace_strict(rest, read, default=None, return_dtype=pl.Int64))
    ).to_series()


def _other_iso_ms(text: str) -> int | None:
    """The forms of ISO 8601 that are seldom sent: no seconds, a blank for the T, a comma, week dates."""
    try:
        return to_epoch_ms(parse_time(text))
    except (ValueError, OverflowError):
        return None
