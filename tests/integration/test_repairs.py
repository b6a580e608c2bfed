"""Rejects, replay, quarantine and forget by their commands, against moto."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

from roomidity.cli.app import roomidity
from roomidity.composition import Stage
from roomidity.domain.comfort.course import MouldDay
from roomidity.domain.deletion import is_open
from roomidity.domain.houses import House, Quarantine
from roomidity.domain.notices.notice import Finding, Notice, Watch
from roomidity.domain.rejects import Selection, named_houses
from roomidity.domain.setting import Setting
from roomidity.domain.slots import SLOT, format_moment, format_slot
from roomidity.domain.weather import HOURS, WeatherIssue, house_place
from roomidity.errors import StoreError
from roomidity.forecasting import load_prior
from roomidity.pipeline.drain import drain
from roomidity.pipeline.forgetting import forget_house
from roomidity.pipeline.quarantine import change_rule
from roomidity.pipeline.replaying import replay_object
from roomidity.readings import unpack_sets
from tests.advice_samples import advice_of
from tests.integration.stage import REGION, Run
from tests.integration.test_handlers import observe
from tests.integration.test_tables import forecast
from tests.unit.samples import expected_values, values_by_bin

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
START = NOW - timedelta(hours=6)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the time that SQS takes it to be; a millisecond later each time it looks."""
    now = [NOW]

    def look() -> float:
        now[0] += timedelta(milliseconds=1)
        return now[0].timestamp() * 1000

    monkeypatch.setattr("moto.sqs.models.unix_time_millis", look)
    monkeypatch.setattr("moto.sqs.models.unix_time", lambda: look() / 1000)
    return lambda moment: now.__setitem__(0, moment)


def reading(minute: float = 0, **changes: Any) -> dict[str, Any]:
    """A good reading with changes; a field changed to ``...`` is left out."""
    ts = format_moment(START + timedelta(minutes=minute))
    whole = {"house": "h1", "room": "kitchen", "sensor": "s1", "ts": ts, "temperature": 20.5, "humidity": 50.5}
    return {name: value for name, value in (whole | changes).items() if value is not ...}


def drained(stage: Stage, *contents: Any, now: datetime = NOW) -> dict[str, Any]:
    """Send contents and drain them."""
    stage.readings_queue.send([one if isinstance(one, str) else json.dumps(one) for one in contents])
    summary = drain(
        stage.drain_ports, stage.drain_config, now=now, remaining_s=lambda: float("inf"), ask_forecasts=False
    )
    assert summary.violations == 0
    return summary.as_dict()


def sets_of(stage: Stage, house: str = "h1") -> Any:
    far = timedelta(days=500)
    packed = {key: one.packed for part in stage.sets.between(house, NOW - far, NOW + far) for key, one in part.items()}
    return values_by_bin(unpack_sets(packed).values)


def kept(stage: Stage) -> list[dict[str, Any]]:
    return [
        reject for day in stage.rejects.days() for key in stage.rejects.keys(day) for reject in stage.rejects.read(key)
    ]


# Rejects


BAD: list[Any] = [
    "not JSON",
    '{"house": "h1", "room": ',
    "[1, 2]",
    "17",
    '""',
    "null",
    '"\\ud800 and \\u0000"',
    '{"readings": ["odd", 3, {"readings": [{}], "house": "h1"}]}',
    json.dumps({"house": "h1", "readings": [reading(house=..., humidity=150), reading(house=..., temperature="warm")]}),
    reading(humidity=float("nan")),
    reading(temperature=float("inf"), room="[/b]"),
    reading(room="a/b"),
    reading(house="a/b"),
    reading(ts="noon", note="ünï\ufffe"),
    reading(temperature=None, humidity=None, house="h2"),
    reading(ts="2020-01-01T00:00:00Z"),
    reading(humidity=10**400),
]
BAD_COUNT = len(BAD) + 2 + 1


def test_rejects_are_counted_by_day_reason_and_house_and_the_newest_listed(stage: Stage, run: Run) -> None:
    drained(stage, reading(humidity=150), "not JSON", now=NOW - timedelta(days=2))
    drained(stage, reading(humidity=151), reading(humidity=153), reading(house="h2", ts="noon"), reading())
    answer = run("rejects")
    assert answer["total"] == 5
    assert answer["counts"] == [
        {"day": "2026-03-15", "reason": "implausible", "house": "h1", "count": 2},
        {"day": "2026-03-15", "reason": "bad_time", "house": "h2", "count": 1},
        {"day": "2026-03-13", "reason": "implausible", "house": "h1", "count": 1},
        {"day": "2026-03-13", "reason": "malformed", "house": None, "count": 1},
    ]
    assert len(answer["rejects"]) == 5
    newest = run("rejects", "--limit", "2")
    assert (newest["total"], [one["day"] for one in newest["rejects"]]) == (5, ["2026-03-15"] * 2)
    assert run("rejects", "--limit", "0")["rejects"] == []
    for arguments, total in [
        (["--day", "2026-03-13"], 2),
        (["--day", "2026-03-14"], 0),
        (["--from", "2026-03-14"], 3),
        (["--to", "2026-03-14"], 2),
        (["--from", "2026-03-13", "--to", "2026-03-15"], 5),
        (["--reason", "implausible"], 3),
        (["--house", "h2"], 1),
        (["--reason", "implausible", "--house", "h1", "--day", "2026-03-15"], 2),
    ]:
        assert run("rejects", *arguments)["total"] == total, arguments


def test_a_person_gets_tables_whatever_was_sent(stage: Stage, run: Run) -> None:
    drained(stage, *BAD)
    shown = CliRunner().invoke(roomidity, ["rejects"])
    assert shown.exit_code == 0, shown.output
    assert f"{BAD_COUNT} rejected" in shown.output


@pytest.mark.parametrize("command", ["rejects", "replay"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["--day", "yesterday"],
        ["--reason", "ugly"],
        ["--day", "2026-03-15", "--to", "2026-03-16"],
        ["--from", "2026-03-16", "--to", "2026-03-15"],
    ],
)
def test_wrong_usage(run: Run, command: str, arguments: list[str]) -> None:
    run(command, *arguments, status=2)


# Replay


def test_readings_that_came_too_early_are_stored_once_their_time_has_come(
    stage: Stage, run: Run, clock: Callable[[datetime], None]
) -> None:
    """After replay and drain the sets are what they would be, had the readings been good at once."""
    sent = [
        reading(minute, room=room, temperature=20 + minute / 10) for minute in range(40) for room in ("bath", "hall")
    ]
    clock(START + timedelta(minutes=10))
    bodies = [json.dumps({"readings": sent[number::3]}) for number in range(3)]
    early = drained(stage, *bodies, now=START)
    assert early["rejects"] == {"future": 2 * 24}
    assert sets_of(stage) != expected_values(sent)

    clock(NOW)
    assert run("replay", "--reason", "future", "--dry-run")["readings"] == 48
    assert len(kept(stage)) == 48
    replayed = run("replay", "--reason", "future")
    assert (replayed["readings"], replayed["messages"], replayed["reasons"]) == (48, 1, {"future": 48})
    assert kept(stage) == []
    assert stage.rejects.days() == []
    assert drained(stage)["readings"] == {"received": 48, "stored": 48, "duplicate": 0, "rejected": 0}
    assert sets_of(stage) == expected_values(sent)
    assert run("replay")["readings"] == 0


def test_what_is_still_bad_is_rejected_again_for_the_same_reason(stage: Stage, run: Run) -> None:
    first = drained(stage, *BAD)
    assert first["readings"] == {"received": BAD_COUNT, "stored": 0, "duplicate": 0, "rejected": BAD_COUNT}
    for _ in range(2):
        before = kept(stage)
        assert run("replay")["readings"] == BAD_COUNT
        assert kept(stage) == []
        again = drained(stage, now=NOW + timedelta(days=1))
        assert again["rejects"] == first["rejects"]
        assert again["readings"]["received"] == BAD_COUNT
        assert Counter(map(original_of, kept(stage))) == Counter(map(original_of, before))


def original_of(reject: dict[str, Any]) -> str:
    """What was sent; SQS takes no control characters, so these are replaced the first time."""
    original = reject["original"]
    text = original if isinstance(original, str) else json.dumps(original, sort_keys=True)
    return "".join(character if character.isprintable() and character != "\ufffd" else "?" for character in text)


def test_only_what_is_chosen_is_sent_and_taken_out(stage: Stage, run: Run) -> None:
    drained(stage, reading(humidity=150), reading(1, humidity=151, house="h2"), reading(ts="noon"))
    assert run("replay", "--house", "h2", "--day", "2026-03-15")["reasons"] == {"implausible": 1}
    assert sorted((one["reason"], one["house"]) for one in kept(stage)) == [("bad_time", "h1"), ("implausible", "h1")]
    assert stage.readings_queue.depth() == 1
    assert run("replay", "--house", "h2")["messages"] == 0


def test_ended_between_sending_and_taking_out_it_sends_again_which_changes_nothing(
    stage: Stage, clock: Callable[[datetime], None]
) -> None:
    clock(START)
    sent = [reading(minute) for minute in range(10, 20)]
    drained(stage, *sent, now=START)
    (key,) = stage.rejects.keys(START.date())
    clock(NOW)

    class EndedError(Exception):
        pass

    class Dying:
        def __getattr__(self, name: str) -> Any:
            return getattr(stage.rejects, name)

        def rewrite(self, *_: Any) -> None:
            raise EndedError

    with pytest.raises(EndedError):
        replay_object(Dying(), key, stage.readings_queue, selection=Selection())
    assert len(kept(stage)) == 10
    replay_object(stage.rejects, key, stage.readings_queue, selection=Selection())
    assert drained(stage)["readings"] == {"received": 20, "stored": 10, "duplicate": 10, "rejected": 0}
    assert sets_of(stage) == expected_values(sent)


def test_what_the_queue_refuses_stays_with_the_rejects(stage: Stage) -> None:
    drained(stage, reading(humidity=150))
    (key,) = stage.rejects.keys(NOW.date())

    class Refusing:
        def send(self, bodies: Any) -> None:
            raise StoreError("refused")

    with pytest.raises(StoreError):
        replay_object(stage.rejects, key, Refusing(), selection=Selection())
    assert len(kept(stage)) == 1


def test_dead_letters_go_back_to_their_queues(stage: Stage, run: Run) -> None:
    bodies = [json.dumps(reading(minute)) for minute in range(23)]
    dead = stage.dead_letters_of(stage.readings_queue)
    dead.send(bodies)
    stage.dead_letters_of(stage.training_jobs).send(['{"house":"h1"}'])
    assert run("replay", "--dead-letters", "all", "--dry-run")["dead_letters"] == {
        "readings": {"messages": 23, "undeleted": 0},
        "forecast-jobs": {"messages": 0, "undeleted": 0},
        "training-jobs": {"messages": 1, "undeleted": 0},
    }
    assert run("replay", "--dead-letters", "readings")["dead_letters"] == {"readings": {"messages": 23, "undeleted": 0}}
    assert dead.depth() == 0
    assert drained(stage)["readings"]["stored"] == 23
    assert run("replay", "--dead-letters", "all")["dead_letters"]["training-jobs"]["messages"] == 1
    assert [message.body for message in stage.training_jobs.receive()] == ['{"house":"h1"}']
    run("replay", "--dead-letters", "readings", "--reason", "future", status=2)


# Quarantine


def observed(stage: Stage) -> dict[str, Any]:
    return {format_slot(slot): rooms for slot, rooms in stage.observations.between("h1", START, NOW)}


def span(first: int, last: int) -> list[str]:
    return ["--from", format_moment(START + first * SLOT), "--to", format_moment(START + last * SLOT)]


def test_a_rule_is_put_listed_and_undone(stage: Stage, run: Run) -> None:
    drained(stage, *(reading(15 * number, room=room) for number in range(24) for room in ("bath", "hall")))
    before = observed(stage)
    put = run("quarantine", "add", "h1/bath", *span(2, 20))
    assert (put["changed"], put["slots"], put["derived"], put["models"], put["retrain"]) == (True, 18, 18, [], None)
    assert [slot for slot, rooms in observed(stage).items() if "bath" not in rooms] == [
        format_slot(START + number * SLOT) for number in range(2, 20)
    ]
    assert run("quarantine", "list", "h1") == {"house": "h1", "rules": [put["rule"]]}
    again = run("quarantine", "add", "h1/bath", *span(2, 20))
    assert (again["changed"], again["derived"], again["rule"]) == (False, 0, put["rule"])
    undone = run("quarantine", "remove", "h1", "--rule", put["rule"]["rule"])
    assert (undone["changed"], undone["derived"], undone["quarantined"]) == (True, 18, False)
    assert observed(stage) == before
    assert run("quarantine", "remove", "h1/bath", *span(2, 20))["changed"] is False
    assert run("quarantine", "list", "h1")["rules"] == []


def test_one_sensor_of_a_room(stage: Stage, run: Run) -> None:
    drained(stage, reading(), reading(1, sensor="hot", temperature=40.0), reading(2, sensor=..., temperature=30.5))
    run("quarantine", "add", "h1/kitchen", *span(0, 4), "--sensor", "hot")
    assert observed(stage)[format_slot(START)]["kitchen"]["temperature"].max == 30.5
    run("quarantine", "add", "h1", *span(0, 4), "--sensor", "")
    assert observed(stage)[format_slot(START)]["kitchen"]["temperature"].max == 20.5


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["h2", "--from", "2026-03-01T00:00Z", "--to", "2026-03-02T00:00Z"], 1, "house 'h2' does not exist"),
        (["h1/attic", "--from", "2026-03-01T00:00Z", "--to", "2026-03-02T00:00Z"], 1, "rooms: kitchen"),
        (["h1", "--sensor", "x", "--from", "2026-03-01T00:00Z", "--to", "2026-03-02T00:00Z"], 1, "sensors: 's1'"),
        (["remove", "h1", "--rule", "abc"], 1, "rules: none"),
        (["list", "h1/attic"], 1, "rooms: kitchen"),
        (["list"], 2, "Missing argument"),
        (["add", "h1"], 2, "--from and --to are needed"),
        (["add", "h1", "--rule", "abc", "--sensor", "s1"], 2, "leave out --from"),
        (["h1", "--from", "2026-03-02T00:00Z", "--to", "2026-03-02T00:00Z"], 2, "is not after"),
        (["h1", "--from", "2026-03-02", "--to", "2026-03-03T00:00Z"], 2, "no offset"),
    ],
)
def test_what_cannot_be_quarantined_is_said(
    stage: Stage, run: Run, arguments: list[str], status: int, says: str
) -> None:
    drained(stage, reading())
    assert says in run("quarantine", *arguments, status=status)["error"]
    assert stage.houses.get("h1").quarantine == ()


def measured(stage: Stage) -> None:
    """Five days of two rooms; of the four slots that are to be quarantined there are sets as well, to derive from."""
    observe(stage, "h1", days=5, end=NOW)
    rooms = "room 0", "room 1"
    drained(stage, *(reading(15 * slot, room=room, sensor=...) for slot in range(4) for room in rooms))


def test_a_retrained_model_has_not_learnt_from_the_interval(stage: Stage, run: Run) -> None:
    measured(stage)
    trained = run("train", "h1", "--now", format_moment(NOW))["version"]
    learnt = stage.registry.load("h1", trained, first_state=True)
    model = replace(learnt.model, local=-3 * learnt.model.local)  # as if it had learnt nonsense
    bad = stage.registry.publish("h1", model=model, state=learnt.state, manifest=learnt.manifest, trained_at=NOW)
    stage.registry.promote("h1", bad, at=NOW)
    put = run("quarantine", "add", "h1/room 0", *span(0, 4), "--now", format_moment(NOW))
    assert {one["version"]: one["champion"] for one in put["models"]} == {trained: False, bad: True}
    assert (put["retrain"], put["trained"]) == ("roomidity train h1", None)
    later = format_moment(NOW + SLOT)
    anew = run("quarantine", "add", "h1/room 0", *span(0, 4), "--now", later, "--retrain")["trained"]
    assert anew["promoted"]
    assert stage.registry.pointer("h1").points_to == anew["version"]
    last = run("quarantine", "add", "h1/room 0", *span(0, 4), "--now", later, "--retrain")
    assert {one["version"]: one["champion"] for one in last["models"]} == {trained: False, bad: False}
    assert last["trained"] is None
    undone = run("quarantine", "remove", "h1/room 0", *span(0, 4), "--now", later)
    assert [one["version"] for one in undone["models"]] == [anew["version"]]


def test_a_retrained_model_that_is_no_better_does_not_take_the_place(stage: Stage, run: Run) -> None:
    measured(stage)
    trained = run("train", "h1", "--now", format_moment(NOW))["version"]
    anew = run("quarantine", "add", "h1/room 0", *span(0, 4), "--now", format_moment(NOW + SLOT), "--retrain")[
        "trained"
    ]
    assert (anew["promoted"], stage.registry.pointer("h1").points_to) == (False, trained)


def test_training_waits_until_the_observations_follow_the_rules(stage: Stage, run: Run) -> None:
    """The command that put the rule was ended before it came to the observations."""
    measured(stage)
    rule = Quarantine(START, START + 4 * SLOT, "room 0")
    change_rule(stage.quarantine_ports, house="h1", rule=rule, remove=False)
    error = run("train", "h1", "--now", format_moment(NOW), status=1)["error"]
    assert f"h1' has 4 observations from before its quarantine rule {rule.id}" in error
    assert f"run `roomidity quarantine add h1 --rule {rule.id}`; then train again" in error
    assert stage.registry.manifests("h1", now=NOW) == []

    assert run("quarantine", "add", "h1", "--rule", rule.id)["derived"] == 4
    run("train", "h1", "--now", format_moment(NOW))
    for manifest in stage.registry.manifests("h1", now=NOW):
        assert manifest["quarantine"] == [
            {
                "id": rule.id,
                "start": format_moment(rule.start),
                "end": format_moment(rule.end),
                "room": "room 0",
                "sensor": None,
            }
        ]


def test_a_script_may_still_quarantine_without_a_verb(stage: Stage, run: Run) -> None:
    drained(stage, reading(room="bath"), reading(room="hall"))
    put = run("quarantine", "h1/bath", *span(2, 20))
    assert put["quarantined"]
    assert run("quarantine", "--list", "h1")["rules"] == [put["rule"]] == run("quarantine", "list", "h1/bath")["rules"]
    assert run("quarantine", "list", "h1/hall")["rules"] == []
    assert run("quarantine", "h1", "--rule", put["rule"]["rule"], "--undo")["changed"]
    assert run("quarantine", "list", "h1")["rules"] == []


def test_training_waits_for_a_rule_that_came_after_one_was_undone(stage: Stage, run: Run) -> None:
    measured(stage)
    for verb in ("add", "remove"):
        run("quarantine", verb, "h1/room 0", *span(0, 4))
    rule = Quarantine(START, START + 4 * SLOT, "room 0")
    change_rule(stage.quarantine_ports, house="h1", rule=rule, remove=False)
    error = run("train", "h1", "--now", format_moment(NOW), status=1)["error"]
    assert "has 4 observations from before its quarantine rule" in error


# Forget


def fill(stage: Stage, house: str) -> None:
    """Something of a house everywhere."""
    good = [reading(15 * number, house=house, room=room) for number in range(20) for room in ("kitchen", "outdoor")]
    broken = f'{{"house": "{house}", "room": '
    drained(stage, *good, reading(house=house, humidity=150), reading(house=house, room="a/b"), broken)
    for number in range(30):
        one = forecast(issued_at=NOW + number * SLOT)
        stage.forecasts.put_many([type(one)(**{**vars(one), "house": house})])
    accuracy: Any = boto3.resource("dynamodb", region_name=REGION).Table("roomidity-test-accuracy")
    for room in ("kitchen", "outdoor"):
        accuracy.put_item(Item={"room_id": f"{house}/{room}", "day": "2026-03-14", "humidity": {"mae": "1"}})
    stage.moulds.put_many([MouldDay(house, date(2026, 3, 14), "inputs", "settings")])
    stage.house_settings.put(Setting(house=house, kind="tokens", content={"made": "up"}))
    home = stage.houses.get(house)
    assert home is not None
    notice = Notice(house, Finding("stuck", "kitchen", 1.0, NOW), raised_at=NOW)
    assert stage.notices.put(Watch(house, at=NOW, opened={notice.finding.key: notice}), [notice], home=home)
    assert stage.advice.put(advice_of(house, at=NOW))
    hours = (5.0,) * HOURS
    stage.weather.put_many([WeatherIssue(house_place(house), NOW - SLOT, NOW, NOW, hours, hours)])
    model, state, _ = load_prior()
    version = stage.registry.publish(house, model=model, state=state, manifest={"reason": "test"}, trained_at=NOW)
    stage.registry.promote(house, version, at=NOW)


def everything(*, versions: bool = True) -> dict[str, str]:
    """All items and objects (with all of their versions), as text by where they are."""
    found: dict[str, str] = {}
    database: Any = boto3.client("dynamodb", region_name=REGION)
    for table in database.list_tables()["TableNames"]:
        for page in database.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                found[f"{table} {json.dumps(item, default=str, sort_keys=True)}"] = json.dumps(item, default=str)
    bucket: Any = boto3.client("s3", region_name=REGION)
    name = "roomidity-test-123456789012"
    for page in bucket.get_paginator("list_object_versions").paginate(Bucket=name):
        for one in page.get("Versions", []):
            if versions or one["IsLatest"]:
                body = bucket.get_object(Bucket=name, Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
                found[f"{one['Key']} {one['VersionId']}"] = body.decode("latin-1")
        assert all(one["IsLatest"] for one in page.get("DeleteMarkers", []))
    return found


def naming(house: str) -> list[str]:
    """Where a house is named, as a value or in a key; as JSON inside JSON, too."""
    quoted = (f'"{house}"', f'"{house}/', f'\\"{house}\\"')
    return [
        place for place, text in everything().items() if f"/{house}/" in place or any(one in text for one in quoted)
    ]


@pytest.mark.parametrize("versioned", [False, True])
def test_nothing_remains_of_a_house_and_everything_of_the_others(
    stage: Stage, run: Run, plain_buckets: Any, versioned: bool
) -> None:
    if versioned:
        plain_buckets.put_bucket_versioning(Bucket=stage.settings.bucket, VersioningConfiguration={"Status": "Enabled"})
    fill(stage, "h10")
    others = everything()
    fill(stage, "h1")
    drained(stage, reading(house="h1", humidity=150), reading(house="h10", humidity=150), '{"house": "h1", "h10')
    noted = {
        place: text
        for place, text in everything().items()
        if place.startswith("roomidity-test-houses") and '"h10"' in place
    }
    others = {place: text for place, text in others.items() if "-houses " not in place} | noted  # that one was rejected
    run("house", "h1", "--position", "48.21,16.37")
    where = '"48.2"'
    assert any(where in text for text in everything().values())
    if versioned:  # older versions of objects have the house as well
        run("replay", "--reason", "malformed", "--house", "h1")
        stage.readings_queue.delete([one for _ in range(3) for one in stage.readings_queue.receive()])
    assert len(naming("h1")) > 70

    answer = run("forget", "h1", "--yes")
    assert naming("h1") == []
    left = everything()
    assert not any(where in text for text in left.values())
    assert {place: left.get(place) for place in others} == others
    added = [json.loads(line) for place in left.keys() - others.keys() for line in left[place].splitlines()]
    assert [one["original"]["house"] for one in added if "original" in one] == ["h10"]
    (note,) = [one for one in added if "original" not in one]
    assert note.keys() >= {"forgotten_at", "expires_at"}
    assert note["rooms"] == note["settings"] == {"M": {}}
    deleted = answer["deleted"]
    assert {
        name: deleted[name]
        for name in (
            "readings",
            "observations",
            "forecasts",
            "accuracy",
            "mould",
            "settings",
            "notices",
            "weather",
            "advice",
            "models",
            "houses",
        )
    } == {
        "readings": 20,
        "observations": 20,
        "forecasts": 30,
        "accuracy": 2,
        "mould": 1,
        "settings": 1,
        "notices": 2,
        "weather": 1,
        "advice": 1,
        "models": 3,
        "houses": 1,
    }
    assert deleted["objects"] == 2
    again = run("forget", "h1", "--yes")
    assert (sum(again["deleted"].values()), again["not_reached"].keys()) == (
        0,
        {"point-in-time recovery", "logs", "dead letters"},
    )
    assert "'h3' does not exist; houses here: h10" in run("forget", "h3", "--yes", status=1)["error"]
    assert stage.houses.get_many(["h3"]) == {}, "who mistypes a name leaves nothing"


def test_ended_anywhere_it_does_the_rest_when_it_is_run_again(stage: Stage) -> None:
    fill(stage, "h1")
    steps = 0
    while True:
        parts: Any = forget_house(stage.forget_ports, house="h1")  # a generator
        ended = True
        for _ in range(2):  # each time a little further, then it dies
            if next(parts, None) is None:
                break
        else:
            ended = False
        parts.close()
        steps += 1
        if ended:
            break
        note = stage.houses.get_many(["h1"])["h1"]
        assert note.is_forgotten
        assert is_open(note, NOW) == (naming("h1") == [])
    assert steps > 5
    assert naming("h1") == []


def test_rejects_of_a_house_that_has_nothing_else_are_forgotten(stage: Stage, run: Run) -> None:
    drained(stage, reading(house="h9", humidity=150))
    assert run("forget", "h9", "--yes")["deleted"]["rejects"] == 1
    assert kept(stage) == []


def test_it_asks_first(stage: Stage, run: Run) -> None:
    stage.houses.put(House(name="h1", timezone="UTC"))
    refused = CliRunner().invoke(roomidity, ["forget", "h1"], input="n\n")
    assert refused.exit_code == 1
    assert "Delete all that is kept of h1 (its 0 rooms)? This cannot be undone" in refused.output
    assert stage.houses.get("h1") is not None
    run("forget", "h1", status=2)  # --json does not ask
    assert stage.houses.get("h1") is not None
    assert CliRunner().invoke(roomidity, ["forget", "h1"], input="y\n").exit_code == 0
    assert stage.houses.get("h1") is None


@pytest.mark.parametrize(
    ("reject", "houses"),
    [
        ({"house": "h1", "original": {"house": "h1"}}, {"h1"}),
        ({"house": None, "original": {"house": "h1", "room": "a/b"}}, {"h1"}),
        ({"house": None, "original": {"house": ["h1"]}}, set()),
        ({"house": None, "original": '{"house" :\t"h\\u0031"} {"house":"h2"'}, {"h1", "h2"}),
        ({"house": None, "original": '{"house":"h\\x1'}, set()),
        ({"house": None, "original": '{"house":"h\\x1"'}, {"h\\x1"}),
        ({"house": None, "original": 17}, set()),
    ],
)
def test_the_houses_that_a_reject_names(reject: dict[str, Any], houses: set[str]) -> None:
    assert named_houses(reject) == houses


def test_a_selection_is_of_days_reason_and_house() -> None:
    reject = {"reason": "future", "house": "h1", "original": {}}
    assert Selection(first=date(2026, 3, 15)).holds(reject)
    assert not Selection(reason="malformed").holds(reject)
    assert not Selection(house="h2").holds(reject)
