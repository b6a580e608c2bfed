"""Observations: what a room's sensors measured in a slot, derived only from the slot's set and the quarantine rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from roomidity.domain.houses import Quarantine
from roomidity.domain.observations import Observation, Statistics
from roomidity.domain.quantities import CONTACT, QUANTITIES
from roomidity.domain.slots import SlotKey, to_epoch_ms
from roomidity.readings.contacts import contact_statistics
from roomidity.readings.robust import robust_values
from roomidity.readings.union import time_of, value_of

__all__ = ["derive"]


def derive(values: pl.DataFrame, rules: Mapping[str, Sequence[Quarantine]]) -> dict[SlotKey, Observation]:
    """Returns the observation in each slot of ``values``. It is empty if all values of the slot are quarantined.

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
            values = values.filter(~((pl.col("house") == house) & _covered(rule)))
    has_contacts = bool((values["quantity"] == CONTACT).any())
    contacts = contact_statistics(values) if has_contacts else ()
    values = values.filter(pl.col("quantity") != CONTACT) if has_contacts else values
    value = pl.col("value")
    statistics = (
        values.select("house", "slot", "room", "quantity", value_of("rank"))
        .group_by("house", "slot", "room", "quantity")
        .agg(value.sum().alias("sum"), value.min().alias("min"), value.max().alias("max"), pl.len().alias("count"))
        .with_columns(mean=pl.col("sum") / pl.col("count"))  # A sum of integers is the same in any order.
    )
    statistics = (
        statistics.join(robust_values(values, statistics), on=["house", "slot", "room", "quantity"], how="left")
        .sort("house", "slot", "room", "quantity")
        .with_columns((pl.col("mean", "min", "max", "robust") / 1000).round(3))
        .with_columns(pl.when(pl.col("robust") != pl.col("mean")).then("robust").alias("robust"))
    )
    key = None
    for *owner, room, code, mean, least, greatest, count, robust in statistics.select(
        "house", "slot", "room", "quantity", "mean", "min", "max", "count", "robust"
    ).iter_rows():
        if owner != key:
            key, rooms = owner, observed[SlotKey(*owner)]
        rooms.setdefault(room, {})[QUANTITIES[code]] = Statistics(mean, least, greatest, count, robust)
    for slot, room, told in contacts:
        observed[slot].setdefault(room, {})["contact"] = told
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
