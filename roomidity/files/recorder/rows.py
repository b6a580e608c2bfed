"""The rows of a window: for each series and time the finest rows available, so that nothing counts twice."""

from __future__ import annotations

from typing import Final

import polars as pl

from roomidity.dialects.words import unit_signed
from roomidity.domain.quantities import QUANTITIES, Quantity
from roomidity.domain.slots import SLOT_S
from roomidity.files.recorder.database import Recorder
from roomidity.files.recorder.entities import Series
from roomidity.files.recorder.windows import HOUR_S, SOURCES, Newest, Source, Window, ids_of
from roomidity.files.shapes import RAW
from roomidity.files.values import read_values

__all__ = ["rows_of"]

_ROW: Final = pl.Schema(
    {"line": pl.Int64(), "id": pl.Int64(), "at_s": pl.Float64(), "text": pl.String(), "number": pl.Float64()}
    | {"sign": pl.String()}
)
_UNIT: Final = (
    "CASE WHEN json_valid(a.shared_attrs) THEN CAST(json_extract(a.shared_attrs, '$.unit_of_measurement') AS TEXT) END"
)


def rows_of(recorder: Recorder, series: list[Series], window: Window, newest: Newest) -> tuple[pl.DataFrame, int]:
    """Returns a window's rows as :data:`roomidity.files.shapes.RAW`, and the number of rows they supersede.

    A 5-minute mean counts in a slot without a valid state of its series. An hourly mean counts in an hour with neither.
    A state is a measured value. A mean shows that a value persisted, or is what remains after states were purged.
    """
    kept: list[pl.DataFrame] = []
    superseded = 0
    for source in SOURCES:
        found = _read(recorder, series, source, window, newest)
        if source.of_states:
            kept.append(found)
            continue
        grid_s = SLOT_S if source.table == "statistics_short_term" else HOUR_S
        place = (pl.col("at") // (grid_s * 1000)).alias("place")
        taken = pl.concat(kept).filter(pl.any_horizontal(pl.col(QUANTITIES).is_finite()))
        new = found.with_columns(place).join(taken.select("series", place).unique(), on=["series", "place"], how="anti")
        superseded += len(found) - len(new)
        kept.append(new.drop("place"))
    return pl.concat(kept), superseded


def _read(recorder: Recorder, series: list[Series], source: Source, window: Window, newest: Newest) -> pl.DataFrame:
    value = "CAST(s.state AS TEXT), NULL" if source.of_states else "NULL, s.mean"
    sign = _UNIT if source.of_states else "NULL"
    join = "LEFT JOIN state_attributes a ON a.attributes_id = s.attributes_id" if source.of_states else ""
    holds = "" if source.of_states else "AND typeof(s.mean) IN ('integer', 'real')"
    sql = (
        f"SELECT s.{source.key}, s.metadata_id, s.{source.time}, {value}, {sign} "  # noqa: S608  # names of our own
        f"FROM {source.table} s {join} "
        f"WHERE s.metadata_id IN (SELECT value FROM json_each(?)) AND s.{source.time} >= ? AND s.{source.time} < ? "
        f"AND s.{source.key} <= ? AND typeof(s.{source.time}) IN ('integer', 'real') {holds}"
    )
    rows = recorder.select(sql, ids_of(series, source), window.begin_s, window.end_s, newest[source.table])
    found = pl.DataFrame(rows, schema=_ROW, orient="row", strict=False)
    return pl.concat([_quantity(found, series, source, quantity) for quantity in QUANTITIES])


def _quantity(found: pl.DataFrame, series: list[Series], source: Source, quantity: Quantity) -> pl.DataFrame:
    """Returns the rows of the series that measure a quantity, as readings of that quantity alone."""
    known = pl.DataFrame(
        [
            (place, source.number_of(one), one.house, one.room, one.sensor, one.unit, one.entity.unit)
            for place, one in enumerate(series)
            if one.quantity == quantity
        ],
        schema={"series": pl.Int64, "id": pl.Int64}
        | dict.fromkeys(("house", "room", "sensor", "mapped_unit", "own_unit"), pl.String),
        orient="row",
    )
    own = found.join(known, on="id", how="inner", maintain_order="left")
    read = read_values(own["text"], quantity)
    signs = own["sign"].unique().drop_nulls()
    units = {sign: unit for sign in signs if (unit := unit_signed(sign, quantity)) is not None}
    said = pl.col("sign").replace_strict(units, default=None, return_dtype=pl.String)
    moment = (pl.col("at_s") * 1000).floor().cast(pl.Int64) + source.middle_s * 1000
    raw = own.with_columns(
        moment.alias("at"),
        pl.coalesce("mapped_unit", said, "own_unit").alias(f"{quantity}_said"),
        pl.coalesce(read["value"], "number").alias(quantity),
        read["unit"].alias(f"{quantity}_unit"),
        read["bad"].alias("bad"),
    )
    return raw.with_columns(pl.lit(None, RAW[name]).alias(name) for name in RAW if name not in raw.columns).select(
        RAW.names()
    )
