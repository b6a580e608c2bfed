"""Houses learn which rooms and sensors they have from the readings that come."""

from __future__ import annotations

import polars as pl

from roomidity.errors import ConflictError
from roomidity.houses import House, Seen
from roomidity.pipeline.backoff import ATTEMPTS, BackOff
from roomidity.pipeline.ports import Houses
from roomidity.slots import from_epoch_ms
from roomidity.terms import QUANTITIES

__all__ = ["admit"]


def admit(accepted: pl.DataFrame, houses: Houses, *, timezone: str, backoff: BackOff) -> pl.DataFrame:
    """Write into each house what was seen of it, before any reading is stored.

    Returns
    -------
    The house, room and sensor of what the houses have no place for.

    Raises
    ------
    ConflictError
        If other writers of a house were faster every time.
    """
    at = pl.col("slot") + pl.col("time_ms")
    groups = accepted.group_by("house", "room", "sensor").agg(
        at.min().alias("first"),
        at.max().alias("last"),
        *(at.filter(pl.col(quantity).is_not_null()).max().alias(quantity) for quantity in QUANTITIES),
    )
    pending: dict[str, list[Seen]] = {}
    for house, room, sensor, first, last, *newest in groups.iter_rows():
        measured = {name: from_epoch_ms(ms) for name, ms in zip(QUANTITIES, newest, strict=True) if ms is not None}
        pending.setdefault(house, []).append(Seen(room, sensor, from_epoch_ms(first), from_epoch_ms(last), measured))
    refused: list[tuple[str, str, str]] = []
    for attempt in range(ATTEMPTS):
        before = houses.get_many(pending) if pending else {}
        for name, seen in list(pending.items()):
            house = before.get(name) or House(name=name, timezone=timezone)
            grown, no_place = house.admit(seen)
            if grown != house:
                try:
                    houses.put(grown)
                except ConflictError:
                    continue
            refused += [(name, room, sensor) for room, sensor in no_place]
            del pending[name]
        if not pending:
            schema = dict.fromkeys(("house", "room", "sensor"), pl.String)
            return pl.DataFrame(refused, schema=schema, orient="row")
        backoff.pause(attempt)
    raise ConflictError(f"houses {', '.join(sorted(pending))}", attempts=ATTEMPTS)
