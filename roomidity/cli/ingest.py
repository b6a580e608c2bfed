"""Readings in: send and drain."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click
from rich.table import Table

from roomidity.cli.context import now_option, stage
from roomidity.cli.output import Output, json_option, progress
from roomidity.domain.slots import floor_slot
from roomidity.files import bodies_of
from roomidity.pipeline.drain import DrainSummary
from roomidity.pipeline.drain import drain as drain_queue
from roomidity.pipeline.quotas import NO_QUOTAS
from roomidity.readings.messages import MAX_BODY_BYTES

__all__ = ["drain", "send", "summary_table"]

_CALL_BODIES = 10


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--house", help="The house's name, where the file has no such column.")
@click.option(
    "--max-bytes",
    type=click.IntRange(1_000, 1_000_000),
    default=MAX_BODY_BYTES,
    show_default=True,
    help="Longest message body.",
)
@json_option
def send(file: Path, house: str | None, max_bytes: int, as_json: bool) -> None:
    """Queue the readings of FILE (Parquet, CSV or JSON lines), packed into as few messages as the size allows.

    Columns, or keys: house, room, sensor (optional), ts (ISO 8601 with an offset, or epoch), temperature (°C), humidity
    (%RH). Lines of a text file are sent as they stand: the drain rejects a bad one with its reason, and keeps it.

    A stage takes 500 houses a tick that it has never heard of, and 5,000 a day; readings of more are kept with the
    rejects (`quota`). Import a file of more houses by `roomidity drain --no-quotas`, or raise the stage's parameters.
    """
    output = Output(as_json=as_json)
    count, bodies = bodies_of(file, house=house, max_bytes=max_bytes)
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
    output.tables.print(f"Queued {count:,} readings in {messages:,} messages ({sent_bytes:,} bytes) to {queue.name}.")
    output.answer({"readings": count, "messages": messages, "bytes": sent_bytes, "queue": queue.name})


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

    Prints how many readings were received, and what became of each: stored, duplicate, or rejected with a reason. What
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
    kinds = {kind: count for kind, count in summary.as_dict()["duplicates"].items() if count}
    table.add_row("received", f"{summary.received:,}", f"{summary.late:,} late")
    table.add_row("stored", f"{summary.stored:,}", f"in {summary.slots_changed:,} slots")
    table.add_row("duplicate", f"{summary.duplicate:,}", _listed(kinds))
    table.add_row("rejected", f"{summary.rejected.total():,}", _listed(summary.rejected))
    if summary.undeleted:
        left = f"in {_counted(summary.undeleted, 'message')} that will come again"
        table.add_row("left in the queue", f"{summary.left:,}", left)
    return table


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _listed(counts: dict[str, int] | Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))
