"""Derive a house's observations anew."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Final

import click

from roomidity.cli.context import Moment, now_option, stage
from roomidity.cli.output import Output, json_option, notes, progress
from roomidity.cli.places import HOUSE
from roomidity.domain.names import visible
from roomidity.domain.slots import SLOT, floor_slot, format_slot
from roomidity.pipeline.history import KEPT_FOR
from roomidity.pipeline.rederiving import rederive_house

__all__ = ["rederive"]

_MARGIN: Final = timedelta(days=1)


@click.command()
@click.argument("house", type=HOUSE, required=False)
@click.option("--all", "every", is_flag=True, help="Every house, instead of HOUSE.")
@click.option("--from", "start", type=Moment(), help="The first slot.  [default: all that is kept]")
@click.option("--to", "end", type=Moment(), help="The end.  [default: now]")
@click.option("--drop-orphans", is_flag=True, help="Empty observations that no readings stand behind.")
@now_option("What is kept is reckoned from then.")
@json_option
def rederive(
    house: str | None,
    every: bool,
    start: datetime | None,
    end: datetime | None,
    drop_orphans: bool,
    now: datetime,
    as_json: bool,
) -> None:
    """Derive the observations of HOUSE anew from its stored readings and quarantine rules.

    For after a table was restored, or an item mended: what says something else than follows from the readings is
    written anew, the rest is left alone. So it can be run again, and beside drains; ended half way, the same command
    does the rest. Drains do the same by themselves for every slot that readings come for.

    Where the readings were restored to an older time than the observations, some observations have no readings behind
    them. They are all that is known of their slots, and stay until those hours are sent again (`roomidity send`), or
    until --drop-orphans.

      roomidity rederive h1 --from 2026-11-22T07:00Z --to 2026-11-23T00:00Z
      roomidity rederive --all
    """
    output = Output(as_json=as_json)
    if (house is None) != every:
        raise click.UsageError("name HOUSE, or say --all: one of both is needed")
    first = floor_slot(start if start is not None else now - KEPT_FOR - _MARGIN)
    last = floor_slot(end if end is not None else now + SLOT)
    if last <= first:
        raise click.UsageError(f"--to {format_slot(last)} is not after --from {format_slot(first)}")
    names = [house] if house is not None else sorted(one.name for one in stage().houses.all())
    counts = {}
    with progress() as bar:
        task = bar.add_task("deriving anew", total=len(names) * ((last - first) // SLOT))
        for name in names:
            bar.update(task, description=f"deriving {visible(name)} anew")
            counts[name] = Counter(slots=0, derived=0, orphans=0)
            for done in rederive_house(
                stage().quarantine_ports, house=name, start=first, end=last, drop_orphans=drop_orphans
            ):
                counts[name].update(slots=done.slots, derived=done.derived, orphans=done.orphans)
                bar.advance(task, done.passed // SLOT)
    span = {"from": format_slot(first), "to": format_slot(last)}
    for name, of in counts.items():
        output.tables.print(
            f"{name}, {span['from']} to {span['to']}: of {of['slots']:,} slots with readings, {of['derived']:,} "
            "observations were derived anew."
        )
        if of["orphans"]:
            kept = "were emptied" if drop_orphans else "were kept; send those hours again, or say --drop-orphans"
            notes.print(f"{name}: {of['orphans']:,} observations have no readings behind them; they {kept}.")
    damaged = len(stage().damage.take())
    if damaged:
        notes.print(f"{damaged:,} items cannot be read and were left alone: roomidity doctor --all names them.")
    common = {**span, "dropped": drop_orphans, "damaged": damaged}
    if house is not None:
        output.answer({"house": house, **counts[house], **common})
    else:
        output.answer({"houses": [{"house": name, **of} for name, of in counts.items()], **common})
