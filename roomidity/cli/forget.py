"""Forget a house."""

from __future__ import annotations

from collections import Counter

import click

from roomidity.cli.context import stage
from roomidity.cli.output import Output, json_option, notes, progress
from roomidity.cli.places import house_argument
from roomidity.domain.names import visible
from roomidity.errors import NotFoundError
from roomidity.pipeline.forgetting import forget_house

__all__ = ["forget"]


@click.command()
@house_argument
@click.option("--yes", is_flag=True, help="Do not ask; needed with --json.")
@json_option
def forget(house: str, yes: bool, as_json: bool) -> None:
    """Delete all that is kept of HOUSE: readings, observations, forecasts, accuracy, models, rejects, and the house.

    Of rejects the lines that name the house go, the others stay; of objects also what the bucket's versioning keeps.
    Ended half way, it does the rest when it is run again; the house itself goes last.

    Not covered: messages that still wait in the queues (drain first), point-in-time recovery of the tables (up to 35
    days), and the functions' logs. A producer that goes on sending makes the house anew: stop it first.
    """
    output = Output(as_json=as_json)
    home = stage().houses.get(house)
    if not yes:
        if as_json:
            raise click.UsageError("--json does not ask; say --yes")
        rooms = f"its {len(home.rooms)} rooms" if home else "never stored here; only rejects may name it"
        click.confirm(
            f"Delete all that is kept of {visible(house)} ({rooms})? This cannot be undone", abort=True, err=True
        )
    deleted: Counter[str] = Counter()
    with progress() as bar:
        task = bar.add_task("forgetting", total=None)
        for what, count in forget_house(stage().forget_ports, house=house):
            deleted[what] += count
            bar.update(task, description=what, completed=deleted.total())
    if home is None and not deleted.total():
        known = ", ".join(sorted(one.name for one in stage().houses.all())) or "none"
        raise NotFoundError(f"house {house!r}", hint=f"houses here: {known}")
    counts = ", ".join(f"{count:,} {what}" for what, count in deleted.items() if count)
    output.tables.print(f"Forgot {house}: {counts} deleted.")
    notes.print("Messages in the queues, point-in-time recovery and logs may still have it; see --help.")
    output.answer({"house": house, "deleted": dict(deleted)})
