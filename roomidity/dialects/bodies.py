"""Translations as bodies of the project's own form, so that from there on there is one way for every reading."""

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
"""Entries of an envelope that are no messages and are kept with the envelope around them: of more, each alone."""


def own_form(
    message: Message, readings: Sequence[Reading], broken: Sequence[Broken]
) -> tuple[Message, dict[int, Reason]]:
    """A message that holds ``readings``, and after them what is ``broken``; and by position what is wrong already.

    What stands there with a reason is what brings the reading back when it is sent again.
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
    """Decoded rows with what is known to be wrong with some, by message and position."""
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
