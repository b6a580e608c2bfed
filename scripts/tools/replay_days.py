"""A house's days in fast time through the deployed pipeline: forecasts, nights, and the trainings that they ask for.

    scripts/replay-days --readings FILE --prior FILE [--days 60] [--timezone ZONE] [--outdoor FILE] [--every 6]
    scripts/replay-days --simulate SEED [--dehumidifier DAY] [--without-drift] [--days 60]

The use cases are those that the functions call; what they talk to is in memory, the clock is the data's, and issue
times are every 6 h. Each night does what `verify` does; a training that it asks for is done at once, through the gate.
The prior must not have seen the house. Of a file, what lies before the last DAYS is there, as if the house had been
filled in; a simulated house begins with nothing.

At the end the six-hourly sums of `accuracy` stand beside the figures of three backtests for the same issue times: that
of `roomidity backtest`, which trains weekly from the test's start on; one that trains on the same days as the deployed
house (except after drift); and the latter rounded to 0.1, as forecasts are stored. The remaining difference is that a
night comes after the forecasts of midnight. It also prints the CPU seconds of each training, and the peak memory.

--dehumidifier dries half of a simulated house's rooms by day, from a day on; the JSON has the days on which drift was
seen and each day's error, to compare with a run --without-drift or without a dehumidifier.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

import roomidity.pipeline.serving
import roomidity.pipeline.training
from roomidity.domain.houses import OUTDOOR, House, Seen
from roomidity.domain.messages import TrainingJob
from roomidity.domain.observations import Observation, Origin, Statistics
from roomidity.domain.quantities import HUMIDITY, QUANTITIES
from roomidity.domain.slots import SLOT, SLOT_MS, SlotKey, from_epoch_ms, to_epoch_ms
from roomidity.errors import NotEnoughDataError
from roomidity.files import read_outdoor, read_slots
from roomidity.forecasting import Window, load_prior
from roomidity.forecasting.backtest import Replay, replay, start_of_test, summarise
from roomidity.forecasting.evaluation.scores import Score
from roomidity.forecasting.serving.prior import unpack_prior
from roomidity.forecasting.tidy_windows import windows_of
from roomidity.forecasting.training.ridges import one_blas_thread
from roomidity.local.simulation import DEMO_KIND, random_kind, simulate_slots
from roomidity.pipeline.forecasts import forecast_house
from roomidity.pipeline.nightly import Night, run_night, verify_day
from roomidity.pipeline.training import train_house
from scripts.tools.memory import peak_mb
from tests.fakes import FakeObservations, World

DAY = timedelta(days=1)
NIGHT = timedelta(minutes=20)
"""After midnight, when the nights run; readings are known to the slot before."""


class Slots(FakeObservations):
    """The fake, without looking at every slot for each span: 60 days take a second, not a minute."""

    def derived(self, house: str, start: datetime, end: datetime) -> Iterator[tuple[SlotKey, Observation, Origin]]:
        for slot_ms in range(to_epoch_ms(start), to_epoch_ms(end), SLOT_MS):
            key = SlotKey(house, slot_ms)
            if key in self.stored:
                yield key, self.stored[key][0], Origin(1)


class Deployed:
    """A house in the deployed pipeline, day by day."""

    def __init__(self, name: str, window: Window, *, every: timedelta, drift: bool) -> None:
        self.name, self.window, self.every, self.drift = name, window, every, drift
        self.world = World()
        self.world.observations = Slots()
        self.world.observations.put_many(dict(observations(name, window)))
        self.ports = self.world.verify_ports()
        self.trainings: list[dict[str, Any]] = []
        self.nights: dict[date, Night] = {}
        self.seen: dict[str, Seen] = {}

    def run(self, start: datetime, tell: Callable[[str], None]) -> None:
        moment = start
        while moment < self.window.end:
            self.see(moment)
            if moment.time() == datetime.min.time() and self.world.houses.get(self.name):
                self.forecast(moment)
                self.night(moment + NIGHT, tell)
            else:
                self.forecast(moment)
            moment += self.every
        for back in range(3):  # forecasts of the last days are over as far as there are readings
            verify_day(self.ports, house=self.name, day=(self.window.end - back * DAY).date(), now=self.window.end)

    def see(self, now: datetime) -> None:
        """The house as drains would have seen it."""
        known = self.world.houses.get(self.name) or House(self.name, self.window.timezone)
        number = to_epoch_ms(now) // SLOT_MS - self.window.first
        series = [*zip(self.window.rooms, self.window.values, strict=True)]
        if self.window.outdoor is not None:
            series.append((OUTDOOR, self.window.outdoor))
        found = []
        for room, values in series:
            seen = np.flatnonzero(np.isfinite(values[:, :number]).any(axis=0))
            if len(seen):
                last: dict[str, datetime] = {
                    q: self.window.start + int(np.flatnonzero(np.isfinite(own[:number]))[-1]) * SLOT
                    for q, own in zip(QUANTITIES, values, strict=True)
                    if np.isfinite(own[:number]).any()
                }
                found.append(Seen(room, "", self.window.start + int(seen[0]) * SLOT, max(last.values()), last))
        if found:
            self.world.houses.put(known.admit(found)[0])

    def forecast(self, moment: datetime) -> None:
        if self.world.houses.get(self.name):
            forecast_house(self.world.forecast_ports(), house=self.name, issued_at=moment)

    def night(self, now: datetime, tell: Callable[[str], None]) -> None:
        jobs = self.world.training_jobs
        night = self.nights[now.date()] = run_night(self.ports, house=self.name, now=now)
        for body in jobs.bodies:
            job = TrainingJob.from_body(body)
            if job.reason != "drift" or self.drift:
                self.train(job, tell)
        jobs.bodies.clear()
        if night.training == "drift":
            tell(f"{now:%Y-%m-%d}  drift")

    def train(self, job: TrainingJob, tell: Callable[[str], None]) -> None:
        assert job.now is not None  # the night that asks for it says when
        world = self.world
        ports = world.training_ports()
        with suppress(NotEnoughDataError):
            begun = time.process_time()
            trained = train_house(ports, house=job.house, now=job.now, reason=job.reason, code_version="replay")
            day = job.now.date().isoformat()
            self.trainings.append(
                {
                    "day": day,
                    "reason": job.reason,
                    "version": trained.version,
                    "seconds": round(time.process_time() - begun, 2),
                    "decision": trained.decision,
                }
            )
            outcome = "promoted" if trained.promoted else "refused"
            seconds = self.trainings[-1]["seconds"]
            tell(f"{day}  {job.reason:10} {outcome:8} {seconds:5.1f} s  {scores_in_words(trained.decision)}")


def observations(house: str, window: Window) -> Iterator[tuple[SlotKey, tuple[Observation, Origin]]]:
    """What drains would have derived: each slot's means, of one reading each."""
    rooms = dict(zip(window.rooms, window.values, strict=True))
    if window.outdoor is not None:
        rooms[OUTDOOR] = window.outdoor
    courses = {room: values.T.round(3).tolist() for room, values in rooms.items()}
    for number in range(window.slots):
        found: dict[str, dict[str, Statistics]] = {
            room: {
                q: Statistics(value, value, value, 1)
                for q, value in zip(QUANTITIES, course[number], strict=True)
                if np.isfinite(value)
            }
            for room, course in courses.items()
        }
        found = {room: of for room, of in found.items() if of}
        if found:
            yield SlotKey(house, (window.first + number) * SLOT_MS), (found, Origin(1))


def house_of(arguments: argparse.Namespace) -> tuple[str, Window]:
    """The house, all of its days."""
    if arguments.readings is not None:
        outdoor = read_outdoor(arguments.outdoor) if arguments.outdoor else None
        windows = windows_of(read_slots(arguments.readings).means, timezone=arguments.timezone, outdoor=outdoor)
        return next(iter(windows.items()))
    start = datetime(2026, 1, 5, tzinfo=UTC)
    kind = DEMO_KIND if arguments.simulate == 0 else random_kind(arguments.simulate)
    slots = simulate_slots(seed=arguments.simulate, start=start, days=arguments.days, house="simulated", kind=kind)
    name, window = next(iter(windows_of(slots, timezone="Europe/Brussels").items()))
    if arguments.dehumidifier is not None:
        window = dried(window, from_slot=arguments.dehumidifier * 96)
    return name, window


def dried(window: Window, *, from_slot: int) -> Window:
    """The house with a dehumidifier in every other room, which runs by day from a slot on.

    From 8 to 20 UTC it takes up to 20 %RH with a time constant of 2 h; at night they come back with one of 4 h.
    """
    values = window.values.copy()
    taken = 0.0
    for number in range(from_slot, window.slots):
        runs = 32 <= (window.first + number) % 96 < 80
        taken += (20.0 - taken) / 8 if runs else -taken / 16
        values[::2, HUMIDITY, number] = np.maximum(values[::2, HUMIDITY, number] - taken, 5.0)
    return replace(window, values=values)


def six_hourly(deployed: Deployed, *, first: date) -> dict[str, dict[str, float]]:
    """Returns the scores of `roomidity backtest` from the rows of ``accuracy``: per room, then the plain mean."""
    rooms: dict[str, dict[str, Score]] = {}
    for (_, room, day), row in sorted(deployed.world.accuracy.stored.items()):
        if day >= first:
            sums = rooms.setdefault(room, {})
            for quantity, score in row.six_hourly.items():
                sums[quantity] = sums[quantity] + score if quantity in sums else score
    names = ("mae", "persistence_mae", "rmse", "coverage", "mean_pinball")
    return {
        quantity: {
            **{
                name: float(np.mean([getattr(sums[quantity].total(), name)[0] for sums in rooms.values()]))
                for name in names
            },
            "slots": int(sum(sums[quantity].count.sum() for sums in rooms.values())),
        }
        for quantity in QUANTITIES
    }


def since(first: datetime, tested: Replay) -> Replay:
    """The part of a backtest that was issued from a day on."""
    kept = np.array([issued >= first for issued in tested.issued_at])
    return replace(
        tested,
        issued_at=tuple(issued for issued in tested.issued_at if issued >= first),
        **{name: getattr(tested, name)[:, kept] for name in ("quantiles", "actual", "last", "counted")},
    )


def rounded(tested: Replay) -> Replay:
    """A backtest's forecasts and values in decimals, as tables hold them: one on the edge of p10 to p90 is within."""
    quantiles, actual = (values.astype(np.float64) for values in (tested.quantiles, tested.actual))
    return replace(tested, quantiles=quantiles.round(1), actual=actual.round(3))


def daily_errors(deployed: Deployed) -> dict[date, dict[str, float]]:
    """The house's mean error of each day of issue, by quantity."""
    days: dict[date, dict[str, Score]] = {}
    for (_, _, day), row in sorted(deployed.world.accuracy.stored.items()):
        sums = days.setdefault(day, {})
        for quantity, score in row.scores.items():
            sums[quantity] = sums[quantity] + score if quantity in sums else score
    return {day: {q: float(one.total().mae[0]) for q, one in sums.items()} for day, sums in days.items()}


def main() -> None:
    arguments = parsed()
    if arguments.prior == "shipped":
        model, state, manifest = load_prior()
    else:
        model, state, manifest = unpack_prior(Path(arguments.prior).read_bytes(), arguments.prior)
    for module in (roomidity.pipeline.serving, roomidity.pipeline.training):
        setattr(module, "load_prior", lambda: (model, state, manifest))  # noqa: B010  # replaced on purpose
    name, window = house_of(arguments)
    if name in manifest["houses"]:
        sys.exit(f"replay-days: the prior was trained on {name}; give one that was not, by --prior FILE")

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    start = max(window.start, window.end - arguments.days * DAY)
    start += -(start - datetime(1970, 1, 1, tzinfo=UTC)) % DAY
    deployed = Deployed(name, window, every=timedelta(hours=arguments.every), drift=not arguments.without_drift)
    with one_blas_thread():
        deployed.run(start, tell)
    answer: dict[str, Any] = {"house": name, "from": start.isoformat(), "trainings": deployed.trainings}
    answer["drift"] = [day.isoformat() for day, night in deployed.nights.items() if night.training == "drift"]
    answer["daily_mae"] = {day.isoformat(): found for day, found in daily_errors(deployed).items()}
    test = start_of_test([window])
    if arguments.readings and from_epoch_ms(test * SLOT_MS) >= start:
        first = from_epoch_ms(test * SLOT_MS)
        own = six_hourly(deployed, first=first.date())
        prior = model, state
        begun = to_epoch_ms(start) // SLOT_MS
        same = since(first, replay(window, prior, start=begun))
        backtests = {
            "backtest": replay(window, prior, start=test),
            "trained on the same days": same,
            "and rounded": rounded(same),
        }
        answer["deployed"] = own
        print(f"Issued from {first:%Y-%m-%d} on, at 00, 06, 12 and 18 UTC:")
        for name, tested in backtests.items():
            found = dict(zip(QUANTITIES, summarise([tested]), strict=True))
            answer[name] = {quantity: asdict(one) for quantity, one in found.items()}
            for quantity, one in found.items():
                for figure in ("mae", "persistence_mae", "rmse", "coverage"):
                    mine, there = own[quantity][figure], getattr(one, figure)
                    print(f"  {quantity:12} {figure:16} deployed {mine:.4f}  {name} {there:.4f}  {mine - there:+.4f}")
    answer["peak_memory_mb"] = round(peak_mb())
    tell(f"at most {answer['peak_memory_mb']} MB, the house's history in memory and the backtests included")
    if arguments.json:
        arguments.json.write_text(json.dumps(answer, indent=1), "utf-8")


def scores_in_words(decision: Mapping[str, Any]) -> str:
    """The mean errors of all that were scored on the slots held out."""
    return "; ".join(
        f"{who} " + ", ".join(f"{quantity} {one['mae']:.3f}" for quantity, one in found.items())
        for who, found in decision.get("scores", {}).items()
    )


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="replay-days", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--readings", type=Path, help="a tidy Parquet file of slot means; its first house")
    source.add_argument("--simulate", type=int, metavar="SEED", help="a simulated house; 0 is the demo's")
    parser.add_argument("--outdoor", type=Path, help="a Parquet file of the air outside")
    parser.add_argument("--prior", default="shipped", help="a prior by scripts/train-prior (default: the shipped one)")
    parser.add_argument("--timezone", default="Europe/Brussels")
    parser.add_argument("--days", type=int, default=60, help="the last days of a file, or all of a simulated house")
    parser.add_argument("--every", type=int, default=6, choices=(1, 2, 3, 6), help="hours between issue times")
    parser.add_argument("--dehumidifier", type=int, metavar="DAY", help="a simulated house is dried from this day on")
    parser.add_argument("--without-drift", action="store_true", help="drift asks for no training")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
