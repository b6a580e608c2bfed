"""Readings in: send and drain."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click
import polars as pl
from rich.table import Table

from roomidity.cli.context import now_option, stage
from roomidity.cli.duplicates import dense_rows, dense_text, duplicates_text
from roomidity.cli.files import FORMS, file_options, hints_of, tell
from roomidity.cli.output import Output, json_option, notes, progress
from roomidity.domain.slots import floor_slot, format_moment
from roomidity.files import FileReadings, problems, read_readings, remedies
from roomidity.pipeline.drain import DrainSummary
from roomidity.pipeline.drain import drain as drain_queue
from roomidity.pipeline.quotas import NO_QUOTAS
from roomidity.readings import LIMITS, pack_readings
from roomidity.readings.messages import MAX_BODY_BYTES

__all__ = ["drain", "send", "summary_table"]

_CALL_BODIES: Final = 10
_SAMPLE: Final = 5
"""Readings that a dry run shows."""


_SEND: Final = f"""Queue the readings of FILE, packed into as few messages as the size allows.

{FORMS}

Good rows are sent, in order of time; of bad ones the count, the reason and the first lines are told. A file of which
most rows are bad is not sent at all. Of what a sensor says within 5 seconds one value will be kept; how many that
leaves out is told (dense). A room whose values can only be °F or shares of one is left out until --unit says
so. --dry-run shows what would be sent.

A drain lets in so many houses that were never heard of, 500 a tick, and keeps the readings of others with the rejects:
run `roomidity drain --no-quotas` after an import of more, or bring them in by `roomidity replay --reason quota`.
"""


@click.command(help=_SEND)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@file_options
@click.option("--timezone", help="The IANA time zone of times without an offset.")
@click.option("--dry-run", is_flag=True, help="Read and check the file, and send nothing; needs no endpoint.")
@click.option(
    "--max-bytes",
    type=click.IntRange(1_000, 1_000_000),
    default=MAX_BODY_BYTES,
    show_default=True,
    help="Longest message body.",
)
@json_option
def send(file: Path, timezone: str | None, dry_run: bool, max_bytes: int, as_json: bool, **given: Any) -> None:
    """Queue the readings of a file, or say what would be queued."""
    output = Output(as_json=as_json)
    with notes.status(f"reading {file.name}"):
        found = read_readings(file, hints_of(timezone=timezone, **given))
    bodies = pack_readings(found.readings, max_bytes=max_bytes)
    if dry_run:
        _answer_dry_run(output, found, bodies)
        return
    count = len(found.readings)
    queue = stage().readings_queue
    messages = sent_bytes = 0
    with progress() as bar:
        task = bar.add_task(f"sending {count:,} readings", total=None)
        batch: list[str] = []
        for body in bodies:
            batch.append(body)
            sent_bytes += len(body.encode())
            messages += 1
            if len(batch) == _CALL_BODIES:
                queue.send(batch)
                batch = []
                bar.update(task, completed=messages)
        queue.send(batch)
    sent = f"{_counted(count, 'reading')} in {_counted(messages, 'message')} ({sent_bytes:,} bytes)"
    output.tables.print(f"Queued {sent} to {queue.name}.")
    dense = dense_rows(found.readings)
    tell(dense_text(dense))
    _tell_left_out(found)
    output.answer(
        {
            "readings": count,
            "messages": messages,
            "bytes": sent_bytes,
            "queue": queue.name,
            **({"dense": dense} if dense else {}),
            "rejected": dict(found.rejected),
        }
    )


def _answer_dry_run(output: Output, found: FileReadings, bodies: Iterable[str]) -> None:
    """What would be sent: counts, by room, and the first readings as they stand in the messages."""
    readings = found.readings
    names = ["room"] if readings["house"].n_unique() == 1 else ["house", "room"]
    rooms = readings.group_by(pl.concat_str(names, separator="/").alias("name")).len().sort("name")
    first, last = (format_moment(moment) for moment in (readings["ts"].min(), readings["ts"].max()))  # type: ignore[arg-type]  # a column of times
    sample = list(islice(_unpacked(bodies), _SAMPLE))
    output.tables.print(f"Would queue {_counted(len(readings), 'reading')}, {first} to {last}:")
    for name, count in rooms.iter_rows():
        output.tables.print(f"  {name}: {count:,}", markup=False)
    dense = dense_rows(readings)
    tell(dense_text(dense))
    _tell_left_out(found)
    output.answer(
        {
            "readings": len(readings),
            **({"dense": dense} if dense else {}),
            "rejected": dict(found.rejected),
            "rooms": dict(rooms.iter_rows()),
            "first": first,
            "last": last,
            "sample": sample,
        }
    )


def _unpacked(bodies: Iterable[str]) -> Iterator[dict[str, Any]]:
    for body in bodies:
        packed = json.loads(body)
        for reading in packed["readings"]:
            yield {"house": packed["house"], **reading}


def _tell_left_out(found: FileReadings) -> None:
    """What was left out and why, and what waits in the future; to standard error."""
    lines = problems(found)
    if lines:
        left = sum(found.rejected.values())
        tell([f"Left out {left:,} {found.counted}{'' if left == 1 else 's'}:" if left else "To know:"])
        tell(f"  {line}" for line in lines)
        tell(f"  {line}" for line in remedies(found))
    ahead = len(found.readings.filter(pl.col("ts") > datetime.now(UTC) + timedelta(milliseconds=LIMITS.future_ms)))
    if ahead:
        tell([f"Ahead of this machine's clock: {ahead:,} readings; a drain before then rejects them as `future`."])


@click.command()
@now_option("The issue time, floored to its 15-minute slot.")
@click.option("--forecasts/--no-forecasts", default=True, show_default=True, help="Ask for forecasts at the end.")
@click.option(
    "--quotas/--no-quotas",
    default=True,
    show_default=True,
    help="Take the stage's number of new houses, and of readings of a house; for an import of your own, any number.",
)
@json_option
def drain(now: datetime, forecasts: bool, quotas: bool, as_json: bool) -> None:
    """Empty the readings queue into the tables, as the function `drain` does every 15 minutes.

    Prints how many readings were received, and what became of each: stored, duplicate, or rejected with a reason. Of
    what a sensor says within 5 seconds one value is kept; the others are told apart from repeats, as dense. What
    could not be stored now, and what is over a quota of readings, is left in the queue and comes again in ten minutes.
    """
    output = Output(as_json=as_json)
    with progress() as bar:
        bar.add_task("draining", total=None)
        summary = drain_queue(
            stage().drain_ports,
            stage().drain_rules if quotas else replace(stage().drain_rules, quotas=NO_QUOTAS),
            now=floor_slot(now),
            remaining_s=lambda: float("inf"),
            ask_forecasts=forecasts,
        )
    output.tables.print(summary_table(summary))
    output.answer(summary.as_dict())


def summary_table(summary: DrainSummary) -> Table:
    """What a drain did, for a person."""
    table = Table(
        "readings",
        "count",
        "of which",
        title=f"{_counted(summary.messages, 'message')} in {_counted(summary.waves, 'wave')}",
    )
    table.add_row("received", f"{summary.received:,}", f"{summary.late:,} late")
    table.add_row("stored", f"{summary.stored:,}", f"in {summary.slots_changed:,} slots")
    table.add_row("duplicate", f"{summary.duplicate:,}", duplicates_text(summary.as_dict()["duplicates"]))
    table.add_row("rejected", f"{summary.rejected.total():,}", _listed(summary.rejected))
    if summary.no_reading or summary.retained:
        why = f"{summary.no_reading:,} without a room's value, {summary.retained:,} retained of unknown age"
        table.add_row("gateways' messages without a reading", f"{summary.no_reading + summary.retained:,}", why)
    if summary.undeleted:
        left = f"in {_counted(summary.undeleted, 'message')} that will come again"
        table.add_row("left in the queue", f"{summary.left:,}", left)
    return table


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _listed(counts: dict[str, int] | Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))
