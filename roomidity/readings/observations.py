"""Observations: what a room's sensors measured in a slot, derived only from the slot's set and the quarantine rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from roomidity.domain.houses import Quarantine
from roomidity.domain.observations import Observation, Statistics
from roomidity.domain.quantities import CONTACT, QUANTITIES
from roomidity.domain.slots import SlotKey, to_epoch_ms
from roomidity.readings.contacts import contact_statistics
from roomidity.readings.robust import robust_values
from roomidity.readings.union import time_of, value_of

__all__ = ["derive"]

_ROOM: Final = ("house", "slot", "room", "quantity")


def derive(values: pl.DataFrame, rules: Mapping[str, Sequence[Quarantine]]) -> dict[SlotKey, Observation]:
    """Returns the observation in each slot of ``values``. It is empty if all values of the slot are quarantined.

    Parameters
    ----------
    values
        All values of the slots (schema ``SLOT_VALUES``).
    rules
        The quarantine rules by house.
    """
    slots = values.select("house", "slot").unique() if rules else None  # all of some may be quarantined
    for house, house_rules in rules.items():
        for rule in house_rules:
            values = values.filter(~((pl.col("house") == house) & _covered(rule)))
    has_contacts = bool((values["quantity"] == CONTACT).any())
    contacts = contact_statistics(values) if has_contacts else ()
    values = values.filter(pl.col("quantity") != CONTACT) if has_contacts else values
    value = pl.col("value")
    statistics = (
        values.select(*_ROOM, value_of("rank"))
        .group_by(_ROOM)
        .agg(value.sum().alias("sum"), value.min().alias("min"), value.max().alias("max"), pl.len().alias("count"))
        .with_columns(mean=pl.col("sum") / pl.col("count"))  # A sum of integers is the same in any order.
    )
    statistics = (
        statistics.join(robust_values(values, statistics), on=_ROOM, how="left")
        .sort(_ROOM)
        .with_columns((pl.col("mean", "min", "max", "robust") / 1000).round(3))
        .with_columns(pl.when(pl.col("robust") != pl.col("mean")).then("robust").alias("robust"))
    )
    observed: dict[SlotKey, Observation] = {} if slots is None else {SlotKey(*key): {} for key in slots.iter_rows()}
    owner = None
    # Python's own lists of the columns are read faster than rows of the frame.
    columns = (statistics[name].to_list() for name in (*_ROOM, "mean", "min", "max", "count", "robust"))
    for house, slot, room, code, mean, least, greatest, count, robust in zip(*columns, strict=True):
        if (house, slot) != owner:
            owner = house, slot
            rooms = observed.setdefault(SlotKey(house, slot), {})
        rooms.setdefault(room, {})[QUANTITIES[code]] = Statistics(mean, least, greatest, count, robust)
    for key, room, told in contacts:
        observed.setdefault(key, {}).setdefault(room, {})["contact"] = told
    return observed


def _covered(rule: Quarantine) -> pl.Expr:
    """Returns which values of the house the rule excludes, by the time of each value."""
    at = pl.col("slot") + time_of("rank")
    expression = at.is_between(to_epoch_ms(rule.start), to_epoch_ms(rule.end), closed="left")
    if rule.room is not None:
        expression &= pl.col("room") == rule.room
    if rule.sensor is not None:
        expression &= pl.col("sensor") == rule.sensor
    return expression
