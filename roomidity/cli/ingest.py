"""Readings in: send and drain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

import click
from rich.table import Table

from roomidity.cli.context import max_bytes_option, now_option, stage
from roomidity.cli.duplicates import dense_text, duplicates_text
from roomidity.cli.files import FORMS, file_options, hints_of, tell
from roomidity.cli.histories import HISTORY_RATE, ask_for_training, propose_map, with_device_map
from roomidity.cli.output import Output, json_option, progress
from roomidity.cli.sending import Pace, Queued, Survey, inside, outside_text, queue_all, survey
from roomidity.domain.slots import floor_slot, format_moment
from roomidity.files import History, is_sqlite, problems, read_parts, refuse_bad, remedies
from roomidity.pipeline.drain import DrainSummary
from roomidity.pipeline.drain import drain as drain_queue
from roomidity.pipeline.quotas import NO_QUOTAS
from roomidity.readings import pack_readings

__all__ = ["drain", "send", "summary_table"]

_SEND: Final = f"""Queue the readings of FILE, packed into as few messages as the size allows.

{FORMS}

Good rows are sent, in order of time; of bad ones the count, the reason and the first lines are told. A file of which
most rows are bad is not sent at all. Of what a sensor says within 5 seconds one value will be kept; how many that
leaves out is told (dense). A room whose values can only be °F or shares of one is left out until --unit says
so. --dry-run shows what would be sent.

A Home Assistant database (home-assistant_v2.db) is read while Home Assistant runs, and never changed: states, where
there are none means of 5 minutes, and hourly statistics, a reading an hour each. It needs --house and a map, which
--propose-map writes, or the house's device map; what is older than the stage keeps is counted and left out. It is sent
at a steady rate, and a training is asked for in the end.

A drain lets in so many houses that were never heard of, 500 a tick, and keeps the readings of others with the rejects:
run `roomidity drain --no-quotas` after an import of more, or bring them in by `roomidity replay --reason quota`.
"""


@click.command(help=_SEND)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@file_options
@click.option("--timezone", help="The IANA time zone of times without an offset.")
@click.option("--dry-run", is_flag=True, help="Read and check the file, and send nothing; needs no endpoint.")
@max_bytes_option
@click.option(
    "--rate",
    type=click.FloatRange(min=0),
    help=f"Readings a second, 0 for any.  [default: {HISTORY_RATE:,} of a Home Assistant database, else any]",
)
@click.option(
    "--train/--no-train",
    "trains",
    default=None,
    help="Ask for a training of the houses.  [default: after a Home Assistant database]",
)
@click.option(
    "--propose-map",
    "proposal",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the map that a Home Assistant database suggests to this new file, and send nothing.",
)
@json_option
def send(
    file: Path,
    timezone: str | None,
    dry_run: bool,
    max_bytes: int,
    rate: float | None,
    trains: bool | None,
    proposal: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Queue the readings of a file, or say what would be queued."""
    output = Output(as_json=as_json)
    is_history = is_sqlite(file)
    if proposal is not None:
        if not is_history:
            raise click.UsageError(f"--propose-map reads a Home Assistant database (SQLite); {file} is none")
        propose_map(file, proposal, output)
        return
    hints, now = hints_of(timezone=timezone, **given), datetime.now(UTC)
    days = stage().settings.retention_days if is_history else 0
    keep = partial(inside, now=now, retention_days=days) if is_history else lambda readings: readings
    with progress() as bar:
        task = bar.add_task(f"reading {file.name}", total=None)
        parts = read_parts(file, with_device_map(hints) if is_history else hints)
        bar.update(task, total=parts.rows if isinstance(parts, History) else None)
        seen = survey(parts, now=now, keep=keep, tell=lambda count: bar.update(task, advance=count))
    refuse_bad(file, seen.found, readings=seen.readings + seen.outside)
    tell(outside_text(seen, now=now, retention_days=days))
    answer = {
        **({"dense": seen.dense} if seen.dense else {}),
        "rejected": dict(seen.found.rejected),
        **({"superseded": seen.found.superseded, "outside_retention": seen.outside} if is_history else {}),
    }
    if dry_run:
        _answer_dry_run(output, seen, answer)
        return
    queue, sent = stage().readings_queue, Queued()
    pace = Pace((HISTORY_RATE if is_history else 0) if rate is None else rate, clock=monotonic, sleep=sleep)
    bodies = (body for part in parts for body in pack_readings(keep(part.readings), max_bytes=max_bytes))
    try:
        with progress() as bar:
            task = bar.add_task(f"sending {seen.readings:,} readings", total=seen.readings)
            queue_all(bodies, queue, pace, sent, lambda count: bar.update(task, advance=count))
    except BaseException:
        if sent.messages:
            tell([f"Queued {sent.readings:,} of {seen.readings:,} readings by then; sent again, none is stored twice."])
        raise
    size = f"{_counted(sent.messages, 'message')} ({sent.bytes:,} bytes)"
    output.tables.print(f"Queued {_counted(sent.readings, 'reading')} in {size} to {queue.name}.")
    tell(dense_text(seen.dense))
    _tell_left_out(seen)
    asks = (is_history if trains is None else trains) and sent.readings > 0
    training = {"training_asked": ask_for_training(seen.houses)} if asks else {}
    size_json = {"readings": sent.readings, "messages": sent.messages, "bytes": sent.bytes, "queue": queue.name}
    output.answer({**size_json, **answer, **training})


def _answer_dry_run(output: Output, seen: Survey, answer: Mapping[str, Any]) -> None:
    """What would be sent: counts, by room, and the first readings as they stand in the messages."""
    first, last = (None if moment is None else format_moment(moment) for moment in (seen.first, seen.last))
    span = "" if first is None else f", {first} to {last}"
    output.tables.print(f"Would queue {_counted(seen.readings, 'reading')}{span}:")
    rooms = seen.by_room()
    for name, count in rooms.items():
        output.tables.print(f"  {name}: {count:,}", markup=False)
    tell(dense_text(seen.dense))
    _tell_left_out(seen)
    more = {"rooms": rooms, "first": first, "last": last, "sample": seen.sample}
    output.answer({"readings": seen.readings, **answer, **more})


def _tell_left_out(seen: Survey) -> None:
    """What was left out and why, and what waits in the future; to standard error."""
    lines = problems(seen.found)
    if lines:
        left = sum(seen.found.rejected.values())
        tell([f"Left out {left:,} {seen.found.counted}{'' if left == 1 else 's'}:" if left else "To know:"])
        tell(f"  {line}" for line in lines)
        tell(f"  {line}" for line in remedies(seen.found))
    if seen.ahead:
        tell([f"Ahead of this machine's clock: {seen.ahead:,} readings; a drain before then rejects them as `future`."])


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
            stage().drain_config if quotas else replace(stage().drain_config, quotas=NO_QUOTAS),
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
