"""Verify forecasts whose 24 h are over, and say how good they were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import click
from rich.table import Table

from roomidity.cli.context import now_option, stage
from roomidity.cli.notes import print_notes
from roomidity.cli.output import UNITS, Output, json_option, notes, shown
from roomidity.cli.places import Place, house_argument, place_argument
from roomidity.domain.houses import OUTDOOR
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.rounding import rounded
from roomidity.errors import InputError, NotFoundError
from roomidity.forecasting.evaluation.accuracy import DayAccuracy
from roomidity.forecasting.evaluation.scores import Score
from roomidity.pipeline.house_settings import known_room
from roomidity.pipeline.nightly import RECENT_DAYS, newest_complete_day, run_night, verify_day
from roomidity.pipeline.ports import known_house
from roomidity.pipeline.renamed import accuracy_between, latest_forecast

__all__ = ["accuracy", "verify"]

_LEAD_HOURS = (1, 3, 6, 12, 24)
_MEANS = ("mae", "persistence_mae", "rmse", "coverage", "mean_pinball")
_ALL = "all rooms"


@click.command()
@house_argument
@click.option(
    "--day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Score the forecasts issued on this day (UTC) alone, and do nothing else; of one that is not over, what is.",
)
@now_option("Verify what is over by then.")
@json_option
def verify(house: str, day: datetime | None, now: datetime, as_json: bool) -> None:
    """Score HOUSE's forecasts whose 24 h are over, into the table `accuracy`: what the function does every night.

    That is: the newest days are scored, late readings included; slots with sensor faults are flagged; the champion's
    online state moves on; and a training is asked for if one is due. Doing it again changes nothing, but for a second
    training, which the gate judges like the first. Then `roomidity accuracy HOUSE` says how good the forecasts are.
    """
    output = Output(as_json=as_json)
    ports = stage().verify_ports
    if day is not None:
        rows = verify_day(ports, house=house, day=day.date(), now=now)
        if not rows:
            raise InputError(
                f"{house} has no forecast issued on {day:%Y-%m-%d} whose 24 h are over at {now:%Y-%m-%d %H:%M}Z; "
                "forecasts are kept for 35 days by default"
            )
        _print_tables(output, rows)
        if not all(row.complete for row in rows):
            output.tables.print("The day is not over: its other forecasts are not in these figures.")
        output.answer({"house": house, "day": f"{day:%Y-%m-%d}", "rows": [_row_json(row) for row in rows]})
        return
    night = run_night(ports, house=house, now=now)
    asked = f"training was asked for: {night.training}" if night.training else "no training is due"
    output.tables.print(
        f"{house}: {night.rows} rows of accuracy were new or changed, {night.slots_flagged} slots' flags changed, "
        f"the state {'moved on' if night.state_advanced else 'stays'}, {asked}.",
    )
    if night.refused is not None:
        notes.print(f"{house}: its model or state could not be used as it was: {night.refused}", soft_wrap=True)
    output.answer({"house": house, "day": newest_complete_day(now).isoformat(), **vars(night)})


@click.command()
@place_argument
@click.option(
    "--days",
    type=click.IntRange(min=1, max=400),
    default=RECENT_DAYS,
    show_default=True,
    help="How many days of issue, up to the newest that is over.",
)
@now_option("As it stood then.")
@json_option
def accuracy(place: Place, days: int, now: datetime, as_json: bool) -> None:
    """How good the forecasts of HOUSE, or of one room, turned out to be, beside persistence (the last value goes on).

    From the table `accuracy`, which `roomidity verify` fills. Skill is 1 - MAE / MAE of persistence; of the measured
    values, 80 % should lie within p10 to p90. Slots in which a sensor was stuck or wild are not scored; what the newest
    forecasts note of the sensors stands below.
    """
    output = Output(as_json=as_json)
    home = known_house(stage().houses, place.house)
    rooms = [known_room(home, place.room)] if place.room else sorted(set(home.rooms) - {OUTDOOR})
    last = newest_complete_day(now)
    first = last - timedelta(days=days - 1)
    rows = [row for of in rooms for row in accuracy_between(stage().accuracy, home, of, first, last)]
    if not rows:
        raise NotFoundError(
            f"accuracy of {place} since {first.isoformat()}",
            hint="a day is scored when its forecasts are over, two nights later; or run "
            f"`roomidity verify {home.name}`",
        )
    _print_tables(output, rows)
    latest = [one for of in rooms if (one := latest_forecast(stage().forecasts, home, of, now=now)) is not None]
    print_notes(output, latest)
    output.answer(
        {
            "house": home.name,
            "notes": {one.room: list(one.notes) for one in latest if one.notes},
            "from": min(row.day for row in rows).isoformat(),
            "to": max(row.day for row in rows).isoformat(),
            "rooms": {of: _scores_json(scores) for of, scores in _by_room(rows).items()},
            "days": [_row_json(row) for row in rows],
        }
    )


def _by_room(rows: Iterable[DayAccuracy]) -> dict[str, dict[str, Score]]:
    """Sums over the days, by room and quantity."""
    rooms: dict[str, dict[str, Score]] = {}
    for row in rows:
        sums = rooms.setdefault(row.room, {})
        for quantity, score in row.scores.items():
            sums[quantity] = sums[quantity] + score if quantity in sums else score
    return rooms


def _print_tables(output: Output, rows: list[DayAccuracy]) -> None:
    first, last = min(row.day for row in rows), max(row.day for row in rows)
    rooms = _by_room(rows)
    for quantity in QUANTITIES:
        scores = {room: sums[quantity] for room, sums in rooms.items() if quantity in sums}
        if scores:
            output.tables.print(_table(quantity, scores, first, last))


def _table(quantity: str, scores: Mapping[str, Score], first: date, last: date) -> Table:
    span = f"{first.isoformat()}" if first == last else f"{first.isoformat()} to {last.isoformat()}"
    table = Table("", title=f"{quantity}, {UNITS[quantity]}: forecasts issued {span}", title_justify="left")
    headings = ("MAE", "persistence", "skill", *(f"at {hour} h" for hour in _LEAD_HOURS), "in p10–p90", "slots")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for room, score in scores.items():
        table.add_row(shown(room), *_cells(score))
    if len(scores) > 1:
        whole = list(scores.values())
        table.add_section()
        table.add_row(_ALL, *_cells(sum(whole[1:], start=whole[0])))
    return table


def _cells(score: Score) -> list[str]:
    total = score.total()
    if not total.count[0]:
        return ["–"] * (3 + len(_LEAD_HOURS) + 1) + ["0"]
    mae, idle = float(total.mae[0]), float(total.persistence_mae[0])
    by_lead = [f"{score.mae[hour - 1]:.2f}" for hour in _LEAD_HOURS]
    return [
        f"{mae:.3f}",
        f"{idle:.3f}",
        f"{1 - mae / idle:+.3f}" if idle else "–",
        *by_lead,
        f"{total.coverage[0]:.3f}",
        f"{int(total.count[0]):,}",
    ]


def _row_json(row: DayAccuracy) -> dict[str, Any]:
    return {
        "room": row.room,
        "day": row.day.isoformat(),
        "complete": row.complete,
        "forecasts": row.forecasts,
        **_scores_json(row.scores),
        "six_hourly": _scores_json(row.six_hourly),
    }


def _scores_json(scores: Mapping[str, Score]) -> dict[str, Any]:
    """Means by quantity, over all leads and by lead hour; None where nothing was measured."""
    return {
        quantity: {
            "slots": int(score.count.sum()),
            **{name: rounded(getattr(score.total(), name)[0], 4) for name in _MEANS},
            "mae_by_lead_hour": [rounded(one, 4) for one in score.mae],
            "persistence_mae_by_lead_hour": [rounded(one, 4) for one in score.persistence_mae],
        }
        for quantity, score in scores.items()
    }
