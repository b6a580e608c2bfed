"""Checks readings at the edge. After this a frame of readings has a strict schema, and later code relies on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

import polars as pl

from roomidity.domain.names import is_name, kept_name
from roomidity.domain.quantities import MEASURED, SPECS, VALUE_DECIMALS, QuantitySpec
from roomidity.domain.slots import SLOT_MS, parse_time, to_epoch_ms
from roomidity.domain.units import RoomUnits
from roomidity.readings.judging import Past, in_units
from roomidity.readings.reasons import Reason
from roomidity.readings.renaming import HouseAliases, rooms_by_present_names
from roomidity.readings.units import clamp
from roomidity.readings.wire import Decoded

__all__ = ["LIMITS", "Checked", "Limits", "check"]

_EPOCHS: Final = ((1e11, 1e3), (1e14, 1.0), (1e17, 1e-3))
"""Upper limits of epochs in s (until the year 5138), ms (from 1973) and µs (from 1973), with the ms per unit.

Larger epochs are in ns.
"""

_LAST_MS: Final = 253_402_300_799_999  # End of the year 9999.
_DAY_MS: Final = 86_400_000
_PLAIN: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
"""The form of ISO 8601 that most senders use."""


@dataclass(frozen=True)
class Limits:
    """How far from now a reading may lie."""

    future_ms: int = 300_000
    retention_days: int = 400


LIMITS: Final = Limits()


@dataclass(frozen=True)
class Checked:
    """Readings separated into accepted and rejected ones.

    ``accepted`` has the columns message, position, house, room, sensor, slot (its start in ms since 1970), time_ms
    (since the slot's start), temperature and humidity (in thousandths, null if missing) and late. ``rejected`` has
    message, position, house and room (null if invalid), at (ms since 1970, null if unreadable) and reason.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame


def check(
    decoded: Decoded,
    *,
    now: datetime,
    limits: Limits = LIMITS,
    units: RoomUnits = MappingProxyType({}),
    past: Past = lambda _house, _room, _quantity: None,
    aliases: HouseAliases = MappingProxyType({}),
) -> Checked:
    """Returns each reading as accepted, or as rejected with the first reason that applies.

    Parameters
    ----------
    decoded
        The readings as received.
    now
        The issue time, an aware UTC slot start. It determines what is too old and what is late.
    limits
        How far from ``now`` readings may lie.
    units
        The units that a room is known to use, by (house, room). Its values are converted and not judged.
    past
        Returns a room's recent values. Called only if its values look as if they were in another unit.
    aliases
        Former names of rooms. A reading under a former name belongs to the room under its present name. ``units`` and
        ``past`` use present names.
    """
    sent = pl.Series("sent", [message.sent_ms for message in decoded.messages], dtype=pl.Int64)
    now_ms = to_epoch_ms(now)
    oldest_slot = now_ms - limits.retention_days * _DAY_MS
    names, hold = zip(
        _kept(decoded.rows["house"], is_name),
        _kept(decoded.rows["room"], is_name, are_rooms=True),
        _kept(decoded.rows["sensor"].fill_null(""), _is_sensor_name),
        strict=True,
    )
    rows = decoded.rows.with_columns(
        *names,
        pl.all_horizontal(hold).alias("named"),
        _epoch_ms(decoded.rows["ts"]).alias("at"),
        sent.gather(decoded.rows["message"]).alias("sent"),
    )
    rows = in_units(rooms_by_present_names(rows, aliases), units, past).with_columns(
        pl.col("at").floordiv(SLOT_MS).mul(SLOT_MS).alias("slot"),
        *(clamp(pl.col(spec.name), spec) for spec in SPECS),
    )
    reason = pl.coalesce(
        _when("malformed", pl.col("fault") == "malformed"),
        _when("unmapped", pl.col("fault") == "unmapped"),
        _when("bad_name", (pl.col("fault") == "bad_name") | ~pl.col("named")),
        _when("house_conflict", pl.col("fault") == "house_conflict"),
        _when("bad_time", (pl.col("fault") == "bad_time") | pl.col("at").is_null()),
        _when("bad_value", pl.col("fault") == "bad_value"),
        _when("no_value", pl.all_horizontal(pl.col(*MEASURED).is_null())),
        _when("unit", pl.col("other_unit").is_not_null()),
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
        *(pl.col(name).mul(10**VALUE_DECIMALS).round().cast(pl.Int32) for name in MEASURED),
        (pl.col("slot") + SLOT_MS < now_ms - SLOT_MS).alias("late"),
    )
    rejected = rows.filter(pl.col("reason").is_not_null()).select(
        "message", "position", *(pl.when("named").then(name).alias(name) for name in ("house", "room")), "at", "reason"
    )
    return Checked(accepted=accepted, rejected=rejected)


def _is_sensor_name(name: str) -> bool:
    return name == "" or is_name(name)


def _kept(names: pl.Series, rule: Callable[[str], bool], *, are_rooms: bool = False) -> tuple[pl.Series, pl.Series]:
    """Returns the names as stored, and whether the rule holds for each. Each distinct name is examined once."""
    different = names.unique().drop_nulls()
    kept = pl.Series([kept_name(name, is_room=are_rooms) for name in different], dtype=pl.String)
    verdicts = pl.Series([rule(name) for name in kept], dtype=pl.Boolean)
    if verdicts.all():
        hold = names.is_not_null()
    else:
        hold = names.replace_strict(different, verdicts, default=False, return_dtype=pl.Boolean)
    return (names if kept.equals(different) else names.replace_strict(different, kept, default=None)), hold


def _when(reason: Reason, applies: pl.Expr) -> pl.Expr:
    return pl.when(applies).then(pl.lit(reason))


def _outside(spec: QuantitySpec) -> pl.Expr:
    """Returns whether a value is present that no sensor can report. NaN is such a value."""
    return ~pl.col(spec.name).is_between(*spec.plausible) | pl.col(spec.name).is_nan()


def _epoch_ms(texts: pl.Series) -> pl.Series:
    """Returns ms since 1970 for ISO 8601 texts with an offset or epochs in s, ms, µs or ns, else null."""
    if texts.str.contains(_PLAIN).all():  # A fixed format is parsed in a quarter of the time.
        iso = texts.str.to_datetime("%Y-%m-%dT%H:%M:%SZ", strict=False, time_unit="ms", cache=False)
    else:
        iso = texts.str.to_datetime(
            "%Y-%m-%dT%H:%M:%S%.f%#z", strict=False, time_unit="ms", time_zone="UTC", ambiguous="null", cache=False
        )
    moments = iso.cast(pl.Int64)
    if moments.null_count() == 0:
        return moments
    number = texts.cast(pl.Float64, strict=False)
    unit = pl.lit(1e-6)
    for below, ms in reversed(_EPOCHS):
        unit = pl.when(number.abs() < below).then(ms).otherwise(unit)
    in_ms = (number * unit).round()
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
    """Returns ms since 1970 for rare forms of ISO 8601 (no seconds, blank for T, comma, week dates), or None."""
    try:
        return to_epoch_ms(parse_time(text))
    except (ValueError, OverflowError):
        return None
