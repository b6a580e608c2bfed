"""Events: the issue time is the event's, floored to the slot; a job is what the contract says, or an InputError."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from roomidity.domain.messages import ForecastJob, NightCall, TrainingJob, issue_time
from roomidity.domain.slots import floor_slot, format_moment
from roomidity.errors import InputError

CLOCK = datetime(2026, 11, 22, 9, 14, 59, tzinfo=UTC)
SAMPLES = Path(__file__).parents[1] / "events"


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-11-22T07:16:00Z", "07:15"),
        ("2026-11-22T07:15:00Z", "07:15"),
        ("2026-11-22T07:14:59Z", "07:00"),
        ("2026-11-22T08:14:59+01:00", "07:00"),
        ("2026-11-22T13:01:00+05:45", "07:15"),
        (None, "09:00"),
    ],
)
def test_the_issue_time_is_the_events_time_floored_to_the_slot(time: str | None, expected: str) -> None:
    event = {} if time is None else {"time": time}
    assert issue_time(event, clock=CLOCK).isoformat() == f"2026-11-22T{expected}:00+00:00"


def test_the_clock_may_stand_in_another_zone() -> None:
    zone = timezone(timedelta(hours=5, minutes=45))
    assert issue_time({}, clock=CLOCK.astimezone(zone)) == datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.mark.parametrize("time", ["", "noon", "2026-11-22T07:16:00", 1795331695, ["2026-11-22T07:16:00Z"]])
def test_a_time_that_cannot_be_read_is_said(time: Any) -> None:
    with pytest.raises(InputError, match="expected ISO 8601 with an offset"):
        issue_time({"time": time}, clock=CLOCK)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_time_at_which_nothing_can_happen_is_said(time: str) -> None:
    for event in ({"time": time}, {"source": "aws.events", "time": time}):
        with pytest.raises(InputError, match=r"0001-01-01|9999-12-31"):
            issue_time(event, clock=CLOCK)
    with pytest.raises(InputError, match=r"ISO 8601 with an offset|1970 to 9000"):
        TrainingJob.from_body(json.dumps({"house": "h1", "now": time}))
    with pytest.raises(InputError, match=r"of the form|1970 to 9000"):  # of years under 1000 no slot is written
        ForecastJob.from_body('{"house": "h1", "issued_at": "0001-01-01T00:00Z"}')
    with pytest.raises(InputError, match="1970 to 9000"):
        NightCall.from_event({"day": time[:10]}, clock=CLOCK)


@pytest.mark.parametrize("away", [timedelta(days=730), timedelta(days=-730), timedelta(hours=2)])
def test_a_live_schedules_tick_far_from_the_present_is_refused(away: timedelta) -> None:
    event = {"source": "aws.events", "time": format_moment(CLOCK + away)}
    with pytest.raises(InputError, match="more than an hour apart"):
        issue_time(event, clock=CLOCK, is_live=True)
    assert issue_time(event, clock=CLOCK) == floor_slot(CLOCK + away), "a laptop's stage is replayed"
    assert issue_time({"time": event["time"]}, clock=CLOCK, is_live=True) == floor_slot(CLOCK + away), "by hand"


@pytest.mark.parametrize("late", [timedelta(0), timedelta(minutes=10), timedelta(minutes=-1)])
def test_a_tick_that_is_delivered_late_is_none_such(late: timedelta) -> None:
    event = {"source": "aws.events", "time": format_moment(CLOCK - late)}
    assert issue_time(event, clock=CLOCK, is_live=True) == floor_slot(CLOCK - late)


def test_a_forecast_job() -> None:
    job = ForecastJob.from_body('{"house": "h1", "issued_at": "2026-11-22T07:15Z"}')
    assert job == ForecastJob(house="h1", issued_at=datetime(2026, 11, 22, 7, 15, tzinfo=UTC))


@pytest.mark.parametrize("kind", [ForecastJob, TrainingJob])
@pytest.mark.parametrize("body", ["", "not JSON", "[]", "null", '"h1"', "1"])
def test_a_job_that_is_no_object_is_said(kind: type[ForecastJob | TrainingJob], body: str) -> None:
    with pytest.raises(InputError, match="is not"):
        kind.from_body(body)


@pytest.mark.parametrize("kind", [ForecastJob, TrainingJob])
@pytest.mark.parametrize("house", [..., None, "", 12, ["h1"], "a/b", "n" * 65])
def test_a_job_for_what_is_no_house_is_said(kind: type[ForecastJob | TrainingJob], house: Any) -> None:
    job = {"issued_at": "2026-11-22T07:15Z"} | ({} if house is ... else {"house": house})
    with pytest.raises(InputError, match="expected a name of 1 to 64 characters"):
        kind.from_body(json.dumps(job))


@pytest.mark.parametrize(
    "issued_at",
    [
        *(..., None, "", 1795331695, []),
        *("2026-11-22T07:16Z", "2026-11-22T07:15:00Z", "2026-11-22T07:15+00:00", "2026-11-22T08:15+01:00"),
        *("2026-11-22", "2026-11-22 07:15Z", "20261122T0715Z"),
    ],
)
def test_a_forecast_job_without_a_slot_is_said(issued_at: Any) -> None:
    job = {"house": "h1"} | ({} if issued_at is ... else {"issued_at": issued_at})
    with pytest.raises(InputError, match="YYYY-MM-DDTHH:MMZ"):
        ForecastJob.from_body(json.dumps(job))


def test_a_training_job() -> None:
    assert TrainingJob.from_body('{"house": "h1", "reason": "weekly"}') == TrainingJob("h1", "weekly")
    assert TrainingJob.from_body('{"house": "h1"}').reason == ""
    at = TrainingJob.from_body('{"house": "h1", "now": "2026-11-22T08:00:00+01:00"}').now
    assert at == datetime(2026, 11, 22, 7, tzinfo=UTC)


@pytest.mark.parametrize("now", ["", "2026-11-22T07:00:00", 5, None])
def test_a_training_jobs_time_must_be_readable(now: Any) -> None:
    with pytest.raises(InputError, match="ISO 8601 with an offset"):
        TrainingJob.from_body(json.dumps({"house": "h1", "now": now}))


def test_the_samples_are_what_functions_take() -> None:
    sample = {path.stem: json.loads(path.read_text("utf-8")) for path in SAMPLES.glob("*.json")}
    assert issue_time(sample["drain"], clock=CLOCK) != issue_time(sample["drain_empty"], clock=CLOCK)
    for record in sample["forecast"]["Records"]:
        ForecastJob.from_body(record["body"])
    for record in sample["train"]["Records"]:
        TrainingJob.from_body(record["body"])
