"""Measures the notices that a house would have had: how many a day, how many came true, and whether they flap.

    scripts/notices-study --readings FILE [--outdoor FILE] [--prior FILE|none] [--days 60] [--timezone ZONE]
                          [--forecasts FILE] [--json]

FILE is a tidy Parquet file: house, room, ts (UTC), temperature (°C), humidity (%RH). Every 15 minutes of its last DAYS,
the house is forecast on the serving code path from closed slots only, as in `roomidity backtest`, with a training every
week. The forecasts then pass through the same functions as in the pipeline: they become findings, which raise and clear
notices by the rules of roomidity/domain/notices/changes.py. The prior must not have seen the house. --forecasts stores
the forecasts in a file, or reads them from there if it exists, to try other rules.

A notice of damp air came true if the room then was above 70 %RH for half an hour or more within 24 h, and one of mould
if its coldest surface was above 80 %RH for six hours of these. `told` counts the events that a notice announced, and
`ahead_h` is the median of how long before. `ahead` counts the notices that were raised after two hours below the limit,
and `ahead_came` those of them that came true. `again` counts notices raised within six hours of clearing the same one.
`without hysteresis` counts the changes of a notice that is open whenever its probability is at least 0.5. `thresholds`
has the same by the probability from which a notice is raised, for the first half of the days, on which one is chosen,
and for the second half, which judges the choice. `came_after_dry` is how often a warning at any dry moment comes true.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from roomidity.cli.backtest import prior_for
from roomidity.domain.comfort.walls import DEFAULT_WALL, RISK_HUMIDITY, OutdoorMean, surface_humidity
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import OUTDOOR, House, Room
from roomidity.domain.notices.changes import RULES, Rule, advance
from roomidity.domain.notices.findings import DAMP, RISK_SLOTS, find, outdoor_ahead
from roomidity.domain.notices.notice import Finding, Key, Kind, Notice, Watch
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOT, SLOT_MS, SLOTS_A_DAY, from_epoch_ms
from roomidity.errors import NotEnoughDataError
from roomidity.files import read_outdoor, read_slots
from roomidity.forecasting import LEVELS, WINDOW_SLOTS, Model, State, Window, forecast
from roomidity.forecasting import advance as advance_state
from roomidity.forecasting.tidy_windows import windows_of
from roomidity.forecasting.training.challenge import challenge
from roomidity.forecasting.training.ridges import one_blas_thread

STORED = [LEVELS.index(level) for level in (0.1, 0.5, 0.9)]
AGAIN = timedelta(hours=6)
RETRAIN_DAYS = 7
A_DAY = 6
THRESHOLDS = (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
RIGHT = 0.8
"""Share of all notices, and of those ahead, that has to come true. The lowest such threshold is chosen."""
MOST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Issued:
    """Forecasts of a house, (issues, rooms, 2, 3, 96), issued at consecutive slots from number ``first`` on."""

    first: int
    quantiles: NDArray[np.float32]
    persistence: NDArray[np.bool_]
    stuck: NDArray[np.bool_]


def issue_all(house: Window, prior: tuple[Model, State], *, first: int) -> Issued:
    """Returns forecasts issued at every slot from ``first`` on, with nightly updates and a training every week."""
    issues, rooms = house.last - first, len(house.rooms)
    quantiles = np.full((issues, rooms, len(QUANTITIES), len(STORED), 96), np.nan, np.float32)
    persistence = np.zeros((issues, rooms), np.bool_)
    stuck = np.zeros((issues, rooms), np.bool_)
    model, state = prior
    champion: tuple[Model, State] | None = None
    with one_blas_thread():
        for place in track(range(issues), description="forecasting", console=None):
            slot = first + place
            if place == 0 or slot % SLOTS_A_DAY == 0:
                closed = house.between(house.first, slot - slot % SLOTS_A_DAY)
                if place == 0 or (slot // SLOTS_A_DAY - first // SLOTS_A_DAY) % RETRAIN_DAYS == 0:
                    try:
                        won = challenge(closed, prior=prior, champion=champion, seed=0, jobs=1)
                    except NotEnoughDataError:
                        won = None
                    if won is not None and won.verdict.won:
                        champion = (won.trained.model, won.trained.state)
                        model, state = won.trained.model, won.state
                state = advance_state(state, model, closed)
            one = forecast(house.between(house.first, slot).tail(WINDOW_SLOTS), model, state)
            quantiles[place] = one.quantiles[:, :, STORED]
            persistence[place] = [grades.get("humidity") == "persistence" for grades in one.grades]
            stuck[place] = ["stuck" in notes for notes in one.notes]
    return Issued(first, quantiles, persistence, stuck)


def homes(house: Window, issued: Issued) -> Iterator[tuple[datetime, House, list[StoredForecast], NDArray[np.float64]]]:
    """Yields at each issue time the house, its forecasts as they are stored, and the outdoor mean."""
    known = np.isfinite(house.values)
    for place in range(len(issued.quantiles)):
        slot = issued.first + place
        at, end = from_epoch_ms(slot * SLOT_MS), slot - house.first
        rooms = {}
        for row, room in enumerate(house.rooms):
            measured: dict[str, datetime] = {
                name: from_epoch_ms((house.first + int(seen[-1]) + 1) * SLOT_MS - 1000)
                for q, name in enumerate(QUANTITIES)
                if len(seen := np.flatnonzero(known[row, q, max(0, end - 700) : end]) + max(0, end - 700))
            }
            if measured:
                newest = max(measured.values())
                rooms[room] = Room(at - timedelta(days=60), newest, frozenset({""}), measured)
        outside = None
        if house.outdoor is not None:
            outside = house.outdoor[:, end - WINDOW_SLOTS : end]
            rooms[OUTDOOR] = Room(at - timedelta(days=60), at, frozenset({""}), {})
        forecasts = [
            StoredForecast(
                house="h",
                room=room,
                issued_at=at,
                quantiles=issued.quantiles[place, row].astype(np.float64).round(1),
                grade={"humidity": "persistence" if issued.persistence[place, row] else "full"},
                data_through=None,
                model_version="",
                notes=("stuck",) if issued.stuck[place, row] else (),
            )
            for row, room in enumerate(house.rooms)
            if room in rooms
        ]
        yield at, House("h", house.timezone, rooms), forecasts, outdoor_ahead(outside)


def truths(house: Window) -> dict[Kind, NDArray[np.bool_]]:
    """Returns by kind of notice, (rooms, slots), whether a room's air or its coldest surface was too humid."""
    humidity, temperature = house.values[:, 0], house.values[:, 1]
    with np.errstate(invalid="ignore"):
        found: dict[Kind, NDArray[np.bool_]] = {"humid": humidity > DAMP}
        if house.outdoor is not None:
            hourly = house.outdoor[1, : house.slots // 4 * 4].reshape(-1, 4)
            means = np.repeat(OutdoorMean().over(np.nanmean(hourly, axis=1))[0], 4)
            means = np.pad(means, (0, house.slots - len(means)), constant_values=np.nan)
            at_surface = surface_humidity(temperature, humidity, means, f_rsi=DEFAULT_WALL.f_rsi)
            found["mould"] = at_surface > RISK_HUMIDITY
    return found


def came(kind: Kind, over: NDArray[np.bool_]) -> bool:
    """Returns whether a notice came true, given which slots of the day after it were too humid."""
    if kind == "mould":
        return bool(over.sum() >= RISK_SLOTS)
    return bool((over[1:] & over[:-1]).any())


@dataclass(frozen=True)
class Tick:
    """An issue time and its findings."""

    at: datetime
    found: Sequence[Finding]


@dataclass
class Replayed:
    """The notices raised and cleared, and the issue times at which each key was open."""

    raised: list[Notice] = field(default_factory=list)
    cleared: list[Notice] = field(default_factory=list)
    open_at: dict[Key, list[datetime]] = field(default_factory=dict)


def replay(ticks: Sequence[Tick], *, zone: str, rules: Mapping[Kind, Rule] = RULES) -> Replayed:
    """Returns the notices that a house would have had by some rules."""
    watch, told = Watch("h"), Replayed()
    for tick in ticks:
        watch, changes = advance(watch, tick.found, at=tick.at, zone=zone, a_day=A_DAY, sends=False, rules=rules)
        for change in changes:
            (told.raised if change.word == "raised" else told.cleared).append(change.notice)
        for key in watch.opened:
            told.open_at.setdefault(key, []).append(tick.at)
    return told


def study(house: Window, issued: Issued) -> dict[str, Any]:
    """Returns all figures of a house."""
    zone = house.timezone
    ticks = [
        Tick(at, list(find(home, forecasts, outside=outside, issued_at=at)))
        for at, home, forecasts, outside in homes(house, issued)
    ]
    told, truth = replay(ticks, zone=zone), truths(house)
    plain, plain_changes = set[Key](), Counter[str]()
    for tick in ticks:
        likely = {one.key for one in tick.found if one.likely >= 0.5 and one.judged}
        for key in likely ^ plain:
            plain_changes[key[0]] += 1
        plain = likely
    days = len(ticks) / SLOTS_A_DAY
    by_day = Counter(one.raised_at.astimezone(ZoneInfo(zone)).date() for one in told.raised)
    return {
        "days": round(days, 1),
        "rooms": len(house.rooms),
        "notices_a_day": round(len(told.raised) / days, 2),
        "most_on_a_day": max(by_day.values(), default=0),
        "muted": sum(one.muted for one in told.raised),
        "kinds": {
            kind: of_kind(kind, house, ticks, told, over)
            | {"again": again(kind, told), "changes_without_hysteresis": plain_changes[kind]}
            for kind, over in truth.items()
        },
        "others": dict(Counter(one.finding.kind for one in told.raised if one.finding.kind not in truth)),
        "thresholds": {kind: thresholds(kind, house, ticks, over) for kind, over in truth.items()},
    }


def again(kind: Kind, told: Replayed) -> int:
    """Returns how many notices of a kind were raised soon after the same one was cleared."""
    return sum(
        any(
            one.finding.key == notice.finding.key
            and timedelta(0) <= notice.raised_at - (one.cleared_at or MOST) < AGAIN
            for one in told.cleared
        )
        for notice in told.raised
        if notice.finding.kind == kind
    )


def thresholds(kind: Kind, house: Window, ticks: Sequence[Tick], over: NDArray[np.bool_]) -> dict[str, Any]:
    """Returns the figures by threshold for each half of the days, and the threshold chosen on the first half."""
    halves = {"first": ticks[: len(ticks) // 2], "second": ticks[len(ticks) // 2 :]}
    figures = {
        name: {
            raised: of_kind(
                kind,
                house,
                half,
                replay(half, zone=house.timezone, rules={**RULES, kind: _raised_from(RULES[kind], raised)}),
                over,
            )
            for raised in THRESHOLDS
        }
        for name, half in halves.items()
    }
    right = [raised for raised, one in figures["first"].items() if _is_right(one)]
    return {"chosen_on_first": min(right, default=None)} | {
        name: {"came_after_dry": came_after_dry(kind, house, half, over), **figures[name]}
        for name, half in halves.items()
    }


def _is_right(figures: Mapping[str, Any]) -> bool:
    pairs = (("came", "raised"), ("ahead_came", "ahead"))
    return all(figures[came_true] >= RIGHT * figures[all_of] for came_true, all_of in pairs)


def came_after_dry(kind: Kind, house: Window, ticks: Sequence[Tick], over: NDArray[np.bool_]) -> float | None:
    """Returns how often a warning at a random dry moment would come true, in rooms that ever exceed the limit."""
    first, end = (int((one.at - from_epoch_ms(house.first * SLOT_MS)) / SLOT) for one in (ticks[0], ticks[-1]))
    came_true = [
        came(kind, row[slot : slot + 96])
        for row in over
        if row[first:end].any()
        for slot in range(max(first, 8), end)
        if not row[slot - 8 : slot].any()
    ]
    return round(float(np.mean(came_true)), 2) if came_true else None


def _raised_from(rule: Rule, raised: float) -> Rule:
    return replace(rule, raised=raised, cleared=min(rule.cleared, raised / 2))


def of_kind(
    kind: Kind, house: Window, ticks: Sequence[Tick], told: Replayed, over: NDArray[np.bool_]
) -> dict[str, Any]:
    """Returns the figures of one kind of notice."""
    start = from_epoch_ms(house.first * SLOT_MS)
    first, end = (int((one.at - start) / SLOT) for one in (ticks[0], ticks[-1]))
    raised = [one for one in told.raised if one.finding.kind == kind]
    right = [one for one in raised if _came(kind, house, over, one.finding, one.raised_at)]
    dry = [one for one in raised if not _was(house, over, one)]
    expected = [one.finding.likely for one in raised]
    leads, events = [], 0
    for row, room in enumerate(house.rooms):
        moments = set(told.open_at.get((kind, room), ()))
        for slot in _episodes(over[row], first, end):
            events += 1
            at = start + slot * SLOT
            if at in moments:
                before = at
                while before - SLOT in moments:
                    before -= SLOT
                leads.append((at - before) / timedelta(hours=1))
    return {
        "raised": len(raised),
        "came": len(right),
        "ahead": len(dry),
        "ahead_came": sum(one in right for one in dry),
        "said_likely": round(float(np.mean(expected)), 2) if expected else None,
        "episodes": events,
        "told": len(leads),
        "ahead_h": float(np.median(leads)) if leads else None,
    }


def _was(house: Window, over: NDArray[np.bool_], notice: Notice) -> bool:
    """Returns whether the limit was exceeded in the two hours before the notice was raised."""
    row = house.rooms.index(str(notice.finding.room))
    slot = int((notice.raised_at - from_epoch_ms(house.first * SLOT_MS)) / SLOT)
    return bool(over[row, max(0, slot - 8) : slot].any())


def _came(kind: Kind, house: Window, over: NDArray[np.bool_], finding: Finding, at: datetime) -> bool:
    row = house.rooms.index(str(finding.room))
    slot = int((at - from_epoch_ms(house.first * SLOT_MS)) / SLOT)
    return came(kind, over[row, slot : slot + 96])


def _episodes(over: NDArray[np.bool_], first: int, end: int) -> list[int]:
    """Returns the first slots in [first, end) of spells of half an hour or more, with two dry hours before."""
    return [
        slot
        for slot in range(max(first, 8), min(end, len(over) - 1))
        if over[slot] and over[slot + 1] and not over[slot - 8 : slot].any()
    ]


def main() -> int:
    """Run the study."""
    parser = argparse.ArgumentParser(
        prog="scripts/notices-study", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readings", type=Path, required=True, metavar="FILE", help="tidy Parquet of the rooms")
    parser.add_argument("--outdoor", type=Path, metavar="FILE", help="the same of the air outside, by ts")
    parser.add_argument("--prior", metavar="FILE|none", help="default: the shipped one, if it has not seen the house")
    parser.add_argument("--days", type=int, default=60, help="how many, from the end (default 60)")
    parser.add_argument(
        "--timezone", default="Europe/Berlin", metavar="ZONE", help="the house's (default Europe/Berlin)"
    )
    parser.add_argument(
        "--forecasts", type=Path, metavar="FILE", help="an .npz to keep forecasts in, or take them from"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object to standard output, and nothing else")
    arguments = parser.parse_args()
    outdoor = read_outdoor(arguments.outdoor) if arguments.outdoor else None
    windows = windows_of(read_slots(arguments.readings).means, timezone=arguments.timezone, outdoor=outdoor)
    answer = {}
    for name, house in windows.items():
        first = max(house.last - arguments.days * SLOTS_A_DAY, house.first + WINDOW_SLOTS)
        if arguments.forecasts and arguments.forecasts.is_file():
            issued = Issued(**dict(np.load(arguments.forecasts, allow_pickle=False)))
            issued = Issued(int(issued.first), issued.quantiles, issued.persistence, issued.stuck)
        else:
            issued = issue_all(house, prior_for(arguments.prior, windows), first=first)
            if arguments.forecasts:
                np.savez_compressed(arguments.forecasts, **vars(issued))
        answer[name] = study(house, issued)
    print(json.dumps(answer, indent=None if arguments.json else 1))  # a script's answer
    return 0


if __name__ == "__main__":
    sys.exit(main())
