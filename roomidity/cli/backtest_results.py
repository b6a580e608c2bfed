"""What a backtest found, as tables and as rows; and what it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from rich.table import Table

from roomidity.cli.output import UNITS
from roomidity.domain.quantities import QUANTITIES, TEMPERATURE, Quantity
from roomidity.forecasting import LEVELS, STEPS, Window
from roomidity.forecasting.evaluation.protocol import Cadence

if TYPE_CHECKING:
    from roomidity.forecasting.backtest import Replay, Summary

__all__ = ["method_table", "persistence_of", "room_table", "temperature_only_rooms", "tidy", "yesterday_of"]


def temperature_only_rooms(replays: Mapping[str, Replay]) -> dict[str, Summary]:
    """The figures for temperature of rooms without a hygrometer, which the protocol leaves out."""
    from roomidity.forecasting.backtest import summary_of  # noqa: PLC0415

    return {
        f"{house}/{room.rooms[0]}": summary_of([room], TEMPERATURE)
        for house, one in replays.items()
        for room in replace(one, counted=one.temperature_only).by_room()
    }


def persistence_of(one: Replay) -> Replay:
    """The same forecasts made by persistence: the last value goes on."""
    median = np.broadcast_to(one.last[:, :, :, None, None], one.quantiles.shape)
    return replace(one, quantiles=median)


def yesterday_of(house: Window, one: Replay) -> Replay:
    """The same forecasts made by the day before."""
    from roomidity.forecasting.backtest import seasonal_naive  # noqa: PLC0415
    from roomidity.forecasting.window import slot_number  # noqa: PLC0415

    median = seasonal_naive(house, [slot_number(moment) for moment in one.issued_at])
    return replace(one, quantiles=np.broadcast_to(median[:, :, :, None], one.quantiles.shape))


def tidy(replays: Mapping[str, Replay]) -> pl.DataFrame:
    """A row for each forecast value: house, room, issued_at, lead, variable, p10 to p90."""
    names = [f"p{round(level * 100)}" for level in LEVELS]
    parts = []
    for house, one in replays.items():
        issued = pl.Series(one.issued_at, dtype=pl.Datetime("ms", "UTC"))
        for room, quantiles in zip(one.rooms, one.quantiles, strict=True):
            for row, variable in enumerate(QUANTITIES):
                levels = quantiles[:, row].swapaxes(1, 2).reshape(-1, len(LEVELS))
                part = pl.DataFrame(levels, schema=names).with_columns(
                    pl.lit(house).alias("house"),
                    pl.lit(room).alias("room"),
                    issued.gather(np.repeat(np.arange(len(issued)), STEPS)).alias("issued_at"),
                    pl.Series("lead", np.tile(np.arange(1, STEPS + 1), len(issued)), dtype=pl.Int32),
                    pl.lit(variable).alias("variable"),
                )
                parts.append(part.filter(pl.col("p50").is_finite()))
    return pl.concat(parts).select("house", "room", "issued_at", "lead", "variable", *names)


def method_table(quantity: str, summaries: Mapping[str, Summary], cadence: Cadence) -> Table:
    """Returns what the methods were worth for a quantity, a row each."""
    first = next(iter(summaries.values()))
    title = f"{quantity}, {UNITS[quantity]}: {first.rooms} rooms, {first.origins} forecasts"
    if cadence != "15min":
        title += f"; NOT the protocol: {cadence} readings, shares are of the slots in which one is expected"
    table = Table("", title=title, title_justify="left")
    for heading in ("MAE", "skill", "RMSE", *(f"at {hours} h" for hours in first.by_lead), "pinball", "in p10–p90"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, one in summaries.items():
        cells = [f"{one.mae:.4f}", f"{one.skill:+.3f}", f"{one.rmse:.3f}"]
        cells += [f"{error:.3f}" for error in one.by_lead.values()]
        probabilistic = [f"{one.pinball:.4f}", f"{one.coverage:.3f}"] if name == "roomidity" else ["–", "–"]
        table.add_row(name, *cells, *probabilistic)
    return table


def room_table(rooms: Mapping[str, Mapping[Quantity, Summary]]) -> Table:
    """Returns the mean errors of rooms, a row each."""
    table = Table("room", title="roomidity's mean error, room by room", title_justify="left")
    for quantity in QUANTITIES:
        for heading in (f"{quantity}, {UNITS[quantity]}", "skill", "in p10–p90"):
            table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("forecasts", justify="right", no_wrap=True)
    for name, found in rooms.items():
        cells = [
            cell for one in found.values() for cell in (f"{one.mae:.3f}", f"{one.skill:+.3f}", f"{one.coverage:.3f}")
        ]
        table.add_row(name, *cells, str(found["humidity"].origins))
    return table
