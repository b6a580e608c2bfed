"""Derives delivery statistics from a tick's readings: their delay, and how many were late or rejected.

A reading arrives when its message was sent. A stage that is replayed may take messages sent after its own time. These
count as arriving at the tick, and readings dated after it are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from roomidity.domain.deliveries import AHEAD_S, BEHIND_S, Deliveries
from roomidity.domain.messages import Message
from roomidity.domain.slots import SLOT_MS, to_epoch_ms
from roomidity.readings.checks import Checked

__all__ = ["arrivals"]

_IMPORTED_MS: Final = timedelta(days=7) // timedelta(milliseconds=1)
"""Older readings are imported history. A house that reports so late is not forecast at all."""

_OF: Final = ("house", "room")


def arrivals(
    messages: Sequence[Message],
    checked: Checked,
    *,
    now: datetime,
    recorded: Mapping[str, tuple[int, frozenset[str]]],
) -> tuple[dict[str, dict[str, Deliveries]], dict[str, int]]:
    """Returns the deliveries to rooms whose readings arrived oddly now or earlier.

    Parameters
    ----------
    messages, checked
        What was received, and the result of checking it.
    now
        The issue time.
    recorded
        By known house: the time up to which messages are already counted (ms since 1970), and the rooms with a record.
        Other houses are ignored, as their names may be made up.

    Returns
    -------
    By house and room the deliveries, and by house the newest arrival counted (ms since 1970).
    """
    if not recorded:
        return {}, {}
    now_ms = to_epoch_ms(now)
    sent_ms = pl.Series([message.sent_ms for message in messages], dtype=pl.Int64)
    came = pl.select(pl.when(sent_ms > now_ms + SLOT_MS).then(now_ms).otherwise(sent_ms)).to_series()
    at = pl.col("slot") + pl.col("time_ms")
    accepted = checked.accepted.lazy().select(
        *_OF,
        came.gather(checked.accepted["message"]).alias("came"),
        at.alias("at"),
        (came.gather(checked.accepted["message"]) > pl.col("slot") + 2 * SLOT_MS).alias("late"),
        pl.lit(None, pl.String).alias("reason"),
    )
    accepted = accepted.filter(
        pl.col("came") - pl.col("at") <= _IMPORTED_MS, (pl.col("at") <= pl.col("came")) | (pl.col("came") != now_ms)
    )
    rejected = (
        checked.rejected.lazy()
        .select(
            *_OF,
            came.gather(checked.rejected["message"]).alias("came"),
            "at",
            pl.lit(value=False).alias("late"),
            "reason",
        )
        .filter(
            pl.col("house").is_in(list(recorded)),
            pl.col("room").is_not_null(),
            pl.col("reason") != "house_conflict",  # Its sender belongs to another house, and has no say here.
        )
    )
    lag_s = ((pl.col("came") - pl.col("at")) / 1000).alias("lag_s")
    all_rows = pl.concat([accepted, rejected]).with_columns(lag_s)
    odd = (
        all_rows.group_by(_OF)
        .agg(
            odd=pl.col("late").any()
            | pl.col("reason").is_not_null().any()
            | (pl.col("lag_s").min() < -AHEAD_S)
            | (pl.col("lag_s").min() > BEHIND_S)
        )
        .collect()
    )
    rooms = [
        (house, room)
        for house, room, is_odd in odd.iter_rows()
        if house in recorded and (is_odd or room in recorded[house][1])
    ]
    if not rooms:
        return {}, {}
    chosen = pl.DataFrame(
        [(house, room, recorded[house][0]) for house, room in rooms], schema=[*_OF, "through"], orient="row"
    )
    new = all_rows.join(chosen.lazy(), on=_OF).filter(pl.col("came") > pl.col("through"))
    return _by_room(new.collect())


def _by_room(rows: pl.DataFrame) -> tuple[dict[str, dict[str, Deliveries]], dict[str, int]]:
    lag = pl.col("lag_s")
    found: dict[str, dict[str, Deliveries]] = {}
    rejected: dict[tuple[str, str], dict[str, int]] = {}
    refused = rows.filter(pl.col("reason").is_not_null()).group_by(*_OF, "reason").len()
    for house, room, reason, count in refused.iter_rows():
        rejected.setdefault((house, room), {})[reason] = count
    quantiles = (lag.quantile(share, "nearest").fill_null(0).round().cast(pl.Int64) for share in (0.1, 0.5, 0.9))
    named = zip(("least", "half", "most"), quantiles, strict=True)
    groups = rows.group_by(_OF).agg(lag.count().alias("readings"), pl.col("late").sum(), **dict(named))
    for house, room, readings, late, *lag_s in groups.iter_rows():
        least, half, most = map(float, lag_s)
        found.setdefault(house, {})[room] = Deliveries(
            readings=readings,
            late=late,
            lag_s=(least, half, most),
            rejected=rejected.get((house, room), {}),
            ticks=1,
            late_ticks=int(2 * late > readings),
        )
    through = dict(rows.group_by("house").agg(pl.col("came").max()).iter_rows())
    return found, through
