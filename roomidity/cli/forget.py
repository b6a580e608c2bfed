"""Forget a house."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import click

from roomidity.cli.context import stage
from roomidity.cli.output import Output, json_option, notes, progress
from roomidity.cli.places import house_argument
from roomidity.domain.deletion import REMEMBERED_FOR
from roomidity.domain.houses import House
from roomidity.domain.names import visible
from roomidity.domain.slots import format_moment
from roomidity.errors import NotFoundError
from roomidity.pipeline.forgetting import forget_house

__all__ = ["forget"]

_SEARCHED_BYTES: Final = 100 * 2**20
"""Tables up to this size are read whole; it costs 12,800 read units, a fifth of a cent."""

_LONGEST_RUN: Final = timedelta(minutes=15)
"""Of a function that began before the deletion."""

_NOT_REACHED: Final = {
    "point-in-time recovery": timedelta(days=35),
    "logs": timedelta(days=90),
    "dead letters": timedelta(days=14),
}
"""How long what cannot be deleted here is kept by AWS; logs unless the stage's logDays says otherwise."""


@click.command()
@house_argument
@click.option("--yes", is_flag=True, help="Do not ask; needed with --json.")
@click.option("--dry-run", is_flag=True, help="Only count what would be deleted.")
@click.option("--search", is_flag=True, help="Read large tables whole, too, for rooms that nothing else names.")
@json_option
def forget(house: str, yes: bool, dry_run: bool, search: bool, as_json: bool) -> None:
    """Delete all that is kept of HOUSE: readings, observations, forecasts, accuracy, models, rejects, settings.

    Of rejects the lines of the house go, the others stay; of objects also what the bucket's versioning keeps. What
    still waits in the readings queue and was sent before is dropped when it comes, and counted as `forgotten`; what is
    sent later makes a new house. For that a hash of the house's name and the time of its deletion are kept for 120
    days, in the table houses, and nothing else. It is safe beside drains, forecasts, trainings and nights. Ended half
    way, it does the rest when it is run again; and running it once more does no harm.

    Out of its reach are point-in-time recovery of the tables (35 days), logs (90 days, or the stage's logDays) and dead
    letters (14 days; replayed, they are dropped as well). What is exported stays where it is: `roomidity export HOUSE
    --out DIR` first, if you want to keep the data.
    """
    output = Output(as_json=as_json)
    ports = stage().forget_ports
    now = ports.clock()
    home = ports.houses.get_many([house]).get(house)
    if not (yes or dry_run):
        if as_json:
            raise click.UsageError("--json does not ask; say --yes")
        rooms = f"its {len(home.rooms)} rooms" if home else "never stored here; only rejects may name it"
        click.confirm(
            f"Delete all that is kept of {visible(house)} ({rooms})? This cannot be undone", abort=True, err=True
        )
    if home is None:
        _check_known(house)
    searched = [name for name, table in ports.by_room.items() if search or table.bytes() <= _SEARCHED_BYTES]
    deleted: Counter[str] = Counter()
    with progress() as bar:
        task = bar.add_task("counting" if dry_run else "forgetting", total=None)
        for what, count in forget_house(ports, house=house, at=now, dry_run=dry_run, search=searched):
            deleted[what] += count
            bar.update(task, description=what, completed=deleted.total())
    counts = ", ".join(f"{count:,} {what}" for what, count in deleted.items() if count) or "nothing"
    if dry_run:
        output.tables.print(f"Would forget {house}: {counts} would be deleted.")
        output.answer({"house": house, "dry_run": True, "deleted": dict(deleted)})
        return
    output.tables.print(f"Forgot {house}: {counts} deleted.")
    ends = {what: (now + kept).date().isoformat() for what, kept in _NOT_REACHED.items()}
    remembered_until = (now + REMEMBERED_FOR).date().isoformat()
    _tell(home, now, ends, remembered_until)
    output.answer(
        {
            "house": house,
            "dry_run": False,
            "deleted": dict(deleted),
            "forgotten_at": format_moment(now),
            "remembered_until": remembered_until,
            "not_reached": ends,
        }
    )


def _check_known(house: str) -> None:
    """Fail where there is nothing at all of a house that was never stored: its name is mistyped, or not drained yet."""
    if not sum(count for _, count in forget_house(stage().forget_ports, house=house, dry_run=True)):
        known = ", ".join(sorted(one.name for one in stage().houses.all())) or "none"
        raise NotFoundError(f"house {house!r}", hint=f"houses here: {known}")


def _tell(home: House | None, now: datetime, ends: Mapping[str, str], remembered_until: str) -> None:
    """What is left, and until when."""
    notes.print(
        f"Kept until {remembered_until}, in the table houses: a hash of its name, and that it was forgotten at "
        f"{format_moment(now)}; what was sent before is dropped when it comes."
    )
    kept = ", ".join(f"{what} until {day}" for what, day in ends.items())
    notes.print(f"Out of reach, and ends by itself: {kept}.")
    if home is not None and home.last_seen is not None and home.last_seen > now - timedelta(days=1):
        notes.print(
            f"A function that was killed while it wrote may have left something: run it again after "
            f"{format_moment(now + _LONGEST_RUN)}, once the senders are still. A sender that goes on makes a new house."
        )
