"""Writes translations as message bodies in the project's own form, so that all readings take the same path."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import polars as pl

from roomidity.dialects.envelopes import Broken
from roomidity.dialects.translating import Reading
from roomidity.domain.messages import Message
from roomidity.readings.reasons import Reason

__all__ = ["own_form", "with_faults"]

_FEW: Final = 64
"""Maximum number of broken entries that are kept with their envelope. If there are more, each is kept without it."""


def own_form(
    message: Message, readings: Sequence[Reading], broken: Sequence[Broken]
) -> tuple[Message, dict[int, Reason]]:
    """Returns a message with ``readings`` followed by ``broken``, and the faults already known by position.

    An entry with a fault is stored in the form that restores the reading when it is sent again.
    """
    stamps = [*(one.stamp.house for one in readings), *(one.stamp.house for one in broken)]
    house = stamps[0] if stamps and all(stamp == stamps[0] for stamp in stamps) else None
    faults: dict[int, Reason] = {}
    entries: list[Any] = []
    for reading in readings:
        if house is None and reading.stamp.claimed is not None:
            faults[len(entries)] = "malformed"
            entries.append(_text({"house": reading.stamp.house, "readings": [reading.sent]}))
            continue
        if not reading.is_mapped and reading.house is not None and reading.stamp.claimed is None:
            faults[len(entries)] = "unmapped"
        own = {} if house is not None or reading.stamp.house is None else {"house": reading.stamp.house}
        entries.append({**own, **reading.sent})
    for one in broken:
        faults[len(entries)] = "malformed"
        whole = {"house": one.stamp.house, "messages": [one.entry]}
        entries.append(_text(whole if len(broken) <= _FEW and one.stamp.house is not None else one.entry))
    common = {} if house is None else {"house": house}
    return replace(message, body=_text({**common, "readings": entries})), faults


def with_faults(rows: pl.DataFrame, faults: Mapping[tuple[int, int], Reason]) -> pl.DataFrame:
    """Returns the decoded rows with the known faults added, which are given by message and position."""
    if not faults:
        return rows
    known = pl.DataFrame(
        {
            "message": [message for message, _ in faults],
            "position": [position for _, position in faults],
            "known": list(faults.values()),
        },
        schema={"message": pl.UInt32, "position": pl.UInt32, "known": pl.String},
    )
    found = rows.join(known, on=["message", "position"], how="left", maintain_order="left")
    return found.with_columns(pl.coalesce("known", "fault").alias("fault")).drop("known")


def _text(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
