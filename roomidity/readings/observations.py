"""Observations: what the sensors of a room said in a slot, derived from (set, quarantine rules) and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import polars as pl

from roomidity.readings.sets import QUANTITIES, SlotKey, time_of, value_of
from roomidity.slots import to_epoch_ms

__all__ = ["Observation", "Origin", "Quarantine", "Statistics", "derive"]


@dataclass(frozen=True)
class Quarantine:
    """A rule of a house: values of a room (None: all), of a sensor (None: all), in [start, end), do not count."""

    start: datetime
    end: datetime
    room: str | None = None
    sensor: str | None = None

    @property
    def id(self) -> str:
        """A short name, the same for the same rule.

        >>> from roomidity.slots import parse_slot
        >>> Quarantine(parse_slot("2026-01-05T00:00Z"), parse_slot("2026-01-06T00:00Z"), room="bath").id
        'd7f652'
        """
        facts = (to_epoch_ms(self.start), to_epoch_ms(self.end), self.room, self.sensor)
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:6]

    def covers(self) -> pl.Expr:
        """Which values of the house the rule keeps out, by the time of each."""
        at = pl.col("slot") + time_of("rank")
        expression = at.is_between(to_epoch_ms(self.start), to_epoch_ms(self.end), closed="left")
        if self.room is not None:
            expression &= pl.col("room") == self.room
        if self.sensor is not None:
            expression &= pl.col("sensor") == self.sensor
        return expression


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of the values of a quantity in a room and a slot, in °C or %RH, rounded to 0.001.

    ``fault`` says what the slots around it give away of the sensor. It is not derived from the set: verification adds
    it, and what is derived anew does not have it.
    """

    mean: float
    min: float
    max: float
    count: int
    fault: str | None = None


Observation = dict[str, dict[str, Statistics]]
"""room -> quantity -> statistics."""


class Origin(NamedTuple):
    """What an observation was derived from: the version of its set, and the number of the house's rules."""

    version: int
    rules: int = 0

    def covers(self, other: Origin) -> bool:
        """Whether nothing newer went into ``other``; neither may cover the other: a newer set, under older rules."""
        return self.version >= other.version and self.rules >= other.rules


def derive(values: pl.DataFrame, rules: Mapping[str, Sequence[Quarantine]]) -> dict[SlotKey, Observation]:
    """What was observed in each slot of ``values``; a slot whose every value is quarantined has an empty observation.

    Parameters
    ----------
    values
        All values of the slots (schema ``SLOT_VALUES``).
    rules
        The quarantine rules by house.
    """
    observed: dict[SlotKey, Observation] = {
        SlotKey(*key): {} for key in values.select("house", "slot").unique().iter_rows()
    }
    for house, house_rules in rules.items():
        for rule in house_rules:
            values = values.filter(~((pl.col("house") == house) & rule.covers()))
    value = pl.col("value")
    statistics = (
        values.select("house", "slot", "room", "quantity", value_of("rank"))
        .group_by("house", "slot", "room", "quantity")
        .agg(value.sum().alias("sum"), value.min().alias("min"), value.max().alias("max"), pl.len().alias("count"))
        .sort("house", "slot", "room", "quantity")
        .with_columns(mean=pl.col("sum") / pl.col("count"))  # a sum of whole numbers: in any order the same
        .with_columns((pl.col("mean", "min", "max") / 1000).round(3))
    )
    key = None
    for *owner, room, code, mean, least, greatest, count in statistics.select(
        "house", "slot", "room", "quantity", "mean", "min", "max", "count"
    ).iter_rows():
        if owner != key:
            key, rooms = owner, observed[SlotKey(*owner)]
        rooms.setdefault(room, {})[QUANTITIES[code]] = Statistics(mean, least, greatest, count)
    return observed
