"""A house's night: what is written, that again writes nothing, and when training is asked for."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import OUTDOOR, House, Quarantine, Seen
from roomidity.domain.observations import Origin, Statistics
from roomidity.domain.slots import SLOT, format_slot
from roomidity.errors import NotFoundError
from roomidity.forecasting.evaluation.accuracy import DayAccuracy
from roomidity.forecasting.evaluation.scores import Score
from roomidity.pipeline import fleet, retraining
from roomidity.pipeline.nightly import RECENT_DAYS, run_night, verify_day
from roomidity.pipeline.retraining import training_due
from roomidity.pipeline.verification import score_days
from tests.fakes import World, stacked
from tests.unit.samples import slot_key

DAY = timedelta(days=1)
NIGHT = datetime(2026, 11, 22, 0, 20, tzinfo=UTC)
NEWEST = datetime(2026, 11, 20, tzinfo=UTC)
"""The newest day of issue whose forecasts are over then."""


def observe(world: World, slot: datetime, mean: float) -> None:
    key = slot_key("h1", slot)
    version = world.observations.stored[key][1] if key in world.observations.stored else 0
    world.observations.put_many(
        {key: ({"kitchen": {"humidity": Statistics(mean, mean, mean, 1)}}, Origin(version + 1))}
    )


@pytest.fixture
def world() -> World:
    return a_kitchen()


def a_kitchen() -> World:
    """Eight days of a kitchen, forecast every hour."""
    made = World()
    first = NIGHT.replace(minute=0) - 8 * DAY
    for number in range(8 * 96 + 1):
        observe(made, first + number * SLOT, 50 + number % 7)
    house, _ = House("h1", "UTC").admit([Seen("kitchen", "", first, NIGHT), Seen(OUTDOOR, "", first, NIGHT)])
    made.houses.put(house)
    humidity = {name: np.full(96, value) for name, value in (("p10", 50.0), ("p50", 53.0), ("p90", 56.0))}
    quantiles = stacked({"humidity": humidity})
    made.forecasts.put_many(
        StoredForecast("h1", "kitchen", first + hour * timedelta(hours=1), quantiles, {}, None, "v1")
        for hour in range(8 * 24)
    )
    return made


def test_a_night_scores_the_newest_days_that_are_over_and_again_writes_nothing(world: World) -> None:
    night = run_night(world.verify_ports(), house="h1", now=NIGHT)
    assert (night.rows, night.slots_flagged, night.state_advanced, night.training) == (3, 0, False, "first")
    assert [day for _, _, day in sorted(world.accuracy.stored)] == [(NEWEST - back * DAY).date() for back in (2, 1, 0)]
    assert all(row.complete and row.forecasts == 24 for row in world.accuracy.stored.values())
    assert run_night(world.verify_ports(), house="h1", now=NIGHT + timedelta(hours=3)).rows == 0


def test_a_night_reads_no_slot_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores, flags and the mould index look at the same days. Only the state of a model, if there is one, is apart."""
    read: Counter[datetime] = Counter()
    derived = world.observations.derived

    def counted(house: str, start: datetime, end: datetime) -> Any:
        for one in derived(house, start, end):
            read[one[0].start] += 1
            yield one

    monkeypatch.setattr(world.observations, "derived", counted)  # the fake's means go by it
    night = run_night(world.verify_ports(), house="h1", now=NIGHT)
    assert (night.rows, night.mould_days) == (3, 8)
    assert len(read) == len(world.observations.stored)
    assert set(read.values()) == {1}


def test_the_next_night_writes_one_day_more(world: World) -> None:
    run_night(world.verify_ports(), house="h1", now=NIGHT - DAY)
    assert run_night(world.verify_ports(), house="h1", now=NIGHT).rows == 1


def test_late_readings_of_the_last_days_are_put_right_the_next_night(world: World) -> None:
    run_night(world.verify_ports(), house="h1", now=NIGHT)
    before = dict(world.accuracy.stored)
    observe(world, NEWEST + 20 * SLOT, 80.0)
    assert run_night(world.verify_ports(), house="h1", now=NIGHT).rows == 2  # it was a target of the day before as well
    changed = {day for key, row in world.accuracy.stored.items() if row is not before[key] for day in [key[2]]}
    assert changed == {NEWEST.date(), (NEWEST - DAY).date()}


@pytest.mark.parametrize("rests_on", [None, "0:of-another-rule"])
def test_a_row_that_does_not_say_by_what_it_was_scored_is_scored_once_more(world: World, rests_on: str | None) -> None:
    run_night(world.verify_ports(), house="h1", now=NIGHT)
    before = dict(world.accuracy.stored)
    world.accuracy.stored.update({key: replace(row, rests_on=rests_on) for key, row in before.items()})
    assert run_night(world.verify_ports(), house="h1", now=NIGHT).rows == 3
    assert {key: row.plain() for key, row in world.accuracy.stored.items()} == {
        key: row.plain() for key, row in before.items()
    }


@settings(max_examples=12, deadline=None)
@given(
    nights=st.lists(
        st.lists(st.tuples(st.integers(0, 8 * 96), st.sampled_from([40.0, 52.0, 99.0])), max_size=3),
        min_size=1,
        max_size=3,
    )
)
def test_nights_that_score_what_changed_alone_end_as_if_they_had_scored_all(
    nights: list[list[tuple[int, float]]],
) -> None:
    world, asked = a_kitchen(), []
    between = world.forecasts.between

    def noted(house: str, room: str, first: datetime, last: datetime) -> list[StoredForecast]:
        asked.append((first, last))
        return between(house, room, first, last)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.forecasts, "between", noted)
        for number, late in enumerate(nights, start=1):
            now = NIGHT - DAY * (len(nights) - number)
            for slot, mean in late:
                observe(world, NIGHT.replace(minute=0) - 8 * DAY + slot * SLOT, mean)
            run_night(world.verify_ports(), house="h1", now=now)
            asked.clear()
            assert run_night(world.verify_ports(), house="h1", now=now + timedelta(hours=1)).rows == 0
            assert asked == [], "nothing has changed, so no forecast is read"
    home = world.houses.get("h1")
    assert home is not None
    days = [(NEWEST - back * DAY).date() for back in range(3)]
    for row in score_days(world.verify_ports(), house=home, days=days, now=NIGHT):
        assert world.accuracy.stored["h1", "kitchen", row.day].plain() == row.plain()


def test_a_row_whose_forecasts_have_expired_stays(world: World) -> None:
    run_night(world.verify_ports(), house="h1", now=NIGHT)
    before = dict(world.accuracy.stored)
    for key in [key for key in world.forecasts.stored if key[2] < NEWEST + timedelta(hours=9)]:
        del world.forecasts.stored[key]
    verify_day(world.verify_ports(), house="h1", day=NEWEST.date(), now=NIGHT)
    assert world.accuracy.stored == before


def test_a_day_on_demand_may_be_partial_and_the_night_completes_it(world: World) -> None:
    (row,) = verify_day(world.verify_ports(), house="h1", day=NEWEST.date(), now=NEWEST + 1.5 * DAY)
    assert (row.complete, row.forecasts) == (False, 13)
    assert world.training_jobs.bodies == []
    assert run_night(world.verify_ports(), house="h1", now=NIGHT).rows == 3
    assert world.accuracy.stored["h1", "kitchen", NEWEST.date()].complete


def test_a_night_asks_for_training_as_of_that_night(world: World) -> None:
    run_night(world.verify_ports(), house="h1", now=NIGHT)
    (body,) = world.training_jobs.bodies
    assert json.loads(body) == {"house": "h1", "reason": "first", "now": "2026-11-22T00:15Z"}


def test_drift_is_judged_by_four_weeks_of_rows_with_those_of_the_night(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_night(world.verify_ports(), house="h1", now=NIGHT)
    template = world.accuracy.stored["h1", "kitchen", NEWEST.date()]
    world.accuracy.stored.clear()
    world.accuracy.put_many([replace(template, day=(NEWEST - back * DAY).date()) for back in range(3, 60)])
    manifest = trained(3)
    old = replace(world.houses.get("h1"), rooms={})  # type: ignore[type-var]
    house, _ = old.admit([Seen("kitchen", "", NIGHT - 90 * DAY, NIGHT)])
    world.houses.put(house)
    monkeypatch.setattr(world.registry, "manifests", lambda _house, **_when: [manifest])
    judged: list[Any] = []

    def drift(days: Any) -> str:
        judged.extend(days)
        return "worse"

    monkeypatch.setattr(retraining, "drift_of", drift)
    assert run_night(world.verify_ports(), house="h1", now=NIGHT).training == "drift"
    assert len(judged) == RECENT_DAYS


def test_a_house_that_was_never_seen_is_said() -> None:
    for call in (
        lambda: run_night(World().verify_ports(), house="h1", now=NIGHT),
        lambda: verify_day(World().verify_ports(), house="h1", day=NIGHT.date(), now=NIGHT),
    ):
        with pytest.raises(NotFoundError):
            call()


# When training is due


def house_of_age(days: float) -> House:
    home, _ = House("h1", "UTC").admit([Seen("kitchen", "", NIGHT - days * DAY, NIGHT - SLOT)])
    return home


def trained(days: float, *, measured_days: float = 60, **more: Any) -> dict[str, Any]:
    """A manifest of a training so many days before, on what had been measured on so many."""
    return {
        "trained_through": format_slot(NIGHT.replace(minute=15) - days * DAY),
        "quarantine": [],
        "slots_with_readings": round(measured_days * 96),
        **more,
    }


def due(
    house: House, *manifests: dict[str, Any], rows: list[DayAccuracy] | None = None, now: datetime = NIGHT
) -> str | None:
    return training_due(house, manifests, rows or [], now=now)


@pytest.mark.parametrize(
    ("age", "last", "reason"),
    [
        (2.9, None, None),
        (3.0, None, "first"),
        (300, None, "first"),
        (5, 1, "daily"),
        (5, 0, None),
        (13.9, 1, "daily"),
        (14.1, 1, None),
        (14.1, 6, None),
        (14.1, 7, "weekly"),
        (400, 30, "weekly"),
    ],
)
def test_training_is_due_after_three_days_then_daily_then_weekly(
    age: float, last: float | None, reason: str | None
) -> None:
    manifests = [] if last is None else [trained(last, measured_days=age - last)]
    assert due(house_of_age(age), *manifests) == reason


def test_one_reading_of_weeks_before_does_not_make_a_house_old() -> None:
    """A sensor that was tried on a desk three weeks before the others came."""
    assert due(house_of_age(25), trained(1, measured_days=4)) == "daily"
    assert due(house_of_age(25), trained(6, measured_days=9)) is None
    assert due(house_of_age(25), {"trained_through": "2026-11-21T00:15Z", "quarantine": []}) == "daily"


def test_the_newest_training_counts_whatever_came_of_it() -> None:
    refused = trained(1, decision={"won": False})
    assert due(house_of_age(60), trained(30), refused) is None


def test_a_training_that_was_late_does_not_put_off_the_next() -> None:
    assert due(house_of_age(5), trained(17 / 24, measured_days=4)) == "daily"


def test_a_house_that_fell_silent_is_not_trained() -> None:
    assert due(house_of_age(60), trained(30), now=NIGHT + 8 * DAY) is None


def test_a_rule_that_came_or_went_since_the_last_training_asks_for_one() -> None:
    home = house_of_age(60)
    rule = Quarantine(NIGHT - 5 * DAY, NIGHT - 4 * DAY)
    assert due(home.with_rule(rule), trained(2)) == "quarantine"
    assert due(home.with_rule(rule), trained(2, quarantine=[rule.id])) is None  # as manifests of before have it
    assert due(home.with_rule(rule), trained(2, quarantine=[rule.plain()])) is None
    assert due(home, trained(2, quarantine=[rule.plain()])) == "quarantine"
    assert due(home, trained(2, quarantine=[rule.id])) == "quarantine"
    assert due(home.with_rule(rule), trained(0)) is None  # once a day


def days_of(errors: list[float]) -> list[DayAccuracy]:
    """Rows of two rooms, persistence being wrong by 2."""
    rows = []
    for number, error in enumerate(errors):
        day = (NEWEST - (len(errors) - 1 - number) * DAY).date()
        for room in ("bath", "kitchen"):
            count = np.full(24, 96.0)
            score = Score(count, error * count, count, 2 * count, 4 * count, 0.8 * count, error * count / 2)
            rows.append(DayAccuracy("h1", room, day, 96, True, {"humidity": score}, {}))
    return rows


def test_drift_asks_for_training_every_other_day() -> None:
    rows = days_of([1.0 + 0.05 * (number % 3) for number in range(25)] + [2.2, 2.3, 2.2])
    assert due(house_of_age(60), trained(2), rows=rows) == "drift"
    assert due(house_of_age(60), trained(1), rows=rows) is None
    assert due(house_of_age(60), trained(7), rows=rows) == "weekly"
    assert due(house_of_age(60), trained(2), rows=days_of([1.0] * 28)) is None


def test_where_there_is_no_function_to_call_each_part_of_a_night_has_a_calls_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each look at the clock takes 9 s, so that five houses one after the other would take more than 60."""
    monkeypatch.setattr(fleet, "_SIDE_BY_SIDE", 1)
    world, looks = World(), count()
    names = [f"house {number}" for number in range(5)]
    for name in names:
        world.houses.put(House(name, "UTC"))

    def run(at_most: int) -> fleet.FleetNight:
        return fleet.run_parts(
            world.verify_ports(),
            names,
            day=None,
            now=datetime(2026, 3, 15, 0, 20, tzinfo=UTC),
            at_most=at_most,
            part_s=60.0,
            clock=lambda: 9.0 * next(looks),
        )

    night = run(2)
    assert (night.houses, night.failed) == (5, [])
    later = run(5)
    assert later.failed == ["house 4"]
