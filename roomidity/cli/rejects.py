"""What was rejected: list it, and send it back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from itertools import chain
from typing import Any, Final, TypeVar

import click
from rich.table import Table
from rich.text import Text

from roomidity.aws.queues import Queue
from roomidity.cli.context import stage
from roomidity.cli.output import Output, json_option, progress, shown
from roomidity.cli.places import HOUSE
from roomidity.domain.rejects import Selection, named_houses
from roomidity.pipeline.replaying import Replayed, move_messages, replay_object
from roomidity.readings import REASONS

__all__ = ["rejects", "replay"]

Command = TypeVar("Command", bound=Callable[..., Any])

_ROWS: Final = 40
"""Of the summary that a terminal shows; the JSON has all."""

_SHOWN: Final = 160
"""Characters of an original in the table; a body can have 256,000."""

_QUEUES: Final = ("readings", "forecast-jobs", "training-jobs")
_DAY: Final = click.DateTime(formats=["%Y-%m-%d"])


def _day(_context: click.Context, _parameter: click.Parameter, moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def selection_options(command: Command) -> Command:
    """Which rejects: by day, reason and house."""
    for option in (
        click.option("--house", type=HOUSE, metavar="HOUSE", help="Only those that name a house."),
        click.option(
            "--reason",
            type=click.Choice(REASONS),
            metavar="REASON",
            help=f"Only those with a reason: {', '.join(REASONS)}.",
        ),
        click.option("--to", "last", type=_DAY, metavar="DAY", callback=_day, help="The last day, as --from."),
        click.option(
            "--from",
            "first",
            type=_DAY,
            metavar="DAY",
            callback=_day,
            help="The first day (YYYY-MM-DD) of the drains, in UTC.",
        ),
        click.option(
            "--day", type=_DAY, metavar="DAY", callback=_day, help="Only those of one day; the same as --from and --to."
        ),
    ):
        command = option(command)
    return command


def _selection(
    day: date | None, first: date | None, last: date | None, reason: str | None, house: str | None
) -> Selection:
    if day is not None and (first is not None or last is not None):
        raise click.UsageError("--day is one day; give it alone, or --from and --to")
    if first is not None and last is not None and last < first:
        raise click.UsageError(f"--to {last} is before --from {first}")
    return Selection(first=day or first, last=day or last, reason=reason, house=house)


@click.command()
@selection_options
@click.option("--limit", type=click.IntRange(0), default=100, show_default=True, help="List so many, the newest days.")
@json_option
def rejects(limit: int, as_json: bool, **chosen: Any) -> None:
    """List the rejected readings that the bucket keeps, and count them by day, reason and house.

    All are counted; of the newest days --limit of them are listed, each with what was sent. One whose message came
    twice is there twice. `roomidity replay` with the same options sends them back to the readings queue.
    """
    output = Output(as_json=as_json)
    selection = _selection(**chosen)
    counts: Counter[tuple[date, str, str | None]] = Counter()
    listed: list[dict[str, Any]] = []
    log = stage().rejects
    with progress() as bar:
        task = bar.add_task("rejected readings", total=None)
        for day in reversed(log.days(selection.first, selection.last)):
            for reject in filter(selection.holds, chain.from_iterable(map(log.read, log.keys(day)))):
                counts[day, reject["reason"], min(named_houses(reject), default=None)] += 1
                if len(listed) < limit:
                    listed.append({"day": day.isoformat(), **reject})
            bar.update(task, completed=counts.total())
    if listed:
        output.tables.print(_list_table(listed))
    output.tables.print(_count_table(counts))
    output.answer(
        {
            "total": counts.total(),
            "counts": [
                {"day": day.isoformat(), "reason": reason, "house": house, "count": count}
                for (day, reason, house), count in _in_order(counts)
            ],
            "rejects": listed,
        }
    )


def _list_table(listed: list[dict[str, Any]]) -> Table:
    table = Table("day", "reason", "house", "sent", "what was sent")
    for reject in listed:
        house = shown(reject["house"] or "–")
        table.add_row(reject["day"], reject["reason"], house, reject["sent_at"], _shown(reject["original"]))
    return table


def _shown(original: Any) -> Text:
    """The beginning of what was sent."""
    text = original if isinstance(original, str) else json.dumps(original, ensure_ascii=False)
    return shown(text[:_SHOWN])


def _count_table(counts: Counter[tuple[date, str, str | None]]) -> Table:
    table = Table("day", "reason", "house", "readings", title=f"{counts.total():,} rejected", title_justify="left")
    for (day, reason, house), count in _in_order(counts)[:_ROWS]:
        table.add_row(day.isoformat(), reason, shown(house or "–"), f"{count:,}")
    if len(counts) > _ROWS:
        table.add_row(f"and {len(counts) - _ROWS:,} rows more: --json has all, --day fewer")
    return table


def _in_order(counts: Counter[tuple[date, str, str | None]]) -> list[tuple[tuple[date, str, str | None], int]]:
    """The newest day first, in it the most frequent."""
    return sorted(counts.items(), key=lambda item: (-item[0][0].toordinal(), -item[1], item[0][1], item[0][2] or ""))


@click.command()
@selection_options
@click.option(
    "--dead-letters",
    type=click.Choice([*_QUEUES, "all"]),
    metavar="QUEUE",
    help="Instead of rejects, move the messages of a dead-letter queue back to its queue: "
    f"{', '.join(_QUEUES)}, or all.",
)
@click.option("--dry-run", is_flag=True, help="Only count what would be sent.")
@json_option
def replay(dead_letters: str | None, dry_run: bool, as_json: bool, **chosen: Any) -> None:
    """Send rejected readings back to the readings queue, or dead letters back to theirs; then drain as usual.

    Whatever made the readings bad must have gone: they came too early (future is judged by when a message was sent,
    which is now), there was no place for them (too_many, quota), the room's unit was set since (unit: see `roomidity
    room`), or a newer version reads more. What is still bad is rejected again with its reason, on the day of that
    drain; what is no JSON always will be.

    All rejects of an object are sent first, then taken out of it. Ended in between, they are sent again by the next
    replay, which changes nothing: a slot is the set of its values, so that none counts twice.
    """
    output = Output(as_json=as_json)
    if dead_letters is not None:
        if any(value is not None for value in chosen.values()):
            raise click.UsageError(
                "--dead-letters moves whole queues; leave out --day, --from, --to, --reason, --house"
            )
        _replay_dead_letters(output, _QUEUES if dead_letters == "all" else (dead_letters,), dry_run=dry_run)
    else:
        _replay_rejects(output, _selection(**chosen), dry_run=dry_run)


def _replay_rejects(output: Output, selection: Selection, *, dry_run: bool) -> None:
    log, queue = stage().rejects, stage().readings_queue
    keys = [key for day in log.days(selection.first, selection.last) for key in log.keys(day)]
    life_of = cache(stage().houses.life)
    replayed = Replayed()
    with progress() as bar:
        for key in bar.track(keys, description="counting" if dry_run else "sending"):
            replayed.add(replay_object(log, key, queue, selection=selection, life_of=life_of, dry_run=dry_run))
    said = "Would send" if dry_run else "Sent"
    output.tables.print(
        f"{said} {replayed.reasons.total():,} readings in {replayed.messages:,} messages to {queue.name}"
        + "".join(f"\n  {count:,} {reason}" for reason, count in replayed.reasons.most_common())
    )
    output.answer(
        {
            "dry_run": dry_run,
            "queue": queue.name,
            "readings": replayed.reasons.total(),
            "messages": replayed.messages,
            "reasons": dict(sorted(replayed.reasons.items())),
        }
    )


def _replay_dead_letters(output: Output, names: tuple[str, ...], *, dry_run: bool) -> None:
    queues: dict[str, Queue] = {
        "readings": stage().readings_queue,
        "forecast-jobs": stage().forecast_jobs,
        "training-jobs": stage().training_jobs,
    }
    answer: dict[str, dict[str, int]] = {}
    with progress() as bar:
        for name in names:
            dead = stage().dead_letters_of(queues[name])
            depth = dead.depth()
            answer[name] = {"messages": depth, "undeleted": 0} if dry_run else {"messages": 0, "undeleted": 0}
            if not dry_run:
                task = bar.add_task(dead.name, total=depth)
                for moved, undeleted in move_messages(dead, queues[name]):
                    answer[name]["messages"] += moved
                    answer[name]["undeleted"] += undeleted
                    bar.advance(task, moved)
    for name, counts in answer.items():
        left = f"; {counts['undeleted']:,} could not be deleted, and will come twice" if counts["undeleted"] else ""
        said = "would move about" if dry_run else "moved"
        output.tables.print(f"{name}: {said} {counts['messages']:,} messages{left}")
    output.answer({"dry_run": dry_run, "dead_letters": answer})
