"""From a file to exact slots, by the commands: a real week, a simulated one, each sent again, bad lines among good."""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from roomidity.domain.slots import SLOT, floor_slot, format_moment
from roomidity.local.simulation import simulate_house
from roomidity.readings import REASONS, pack_lines
from roomidity.readings.rejected import expand
from tests.e2e.engine import Shell, assert_exact, plain, wanted
from tests.e2e.test_serverless import package
from tests.recorder import bath


def real_week(data_file: Callable[[str], Path]) -> pl.DataFrame:
    readings = pl.read_parquet(data_file("candanedo"))
    newest = readings["ts"].max()
    assert isinstance(newest, datetime)
    return readings.filter(pl.col("ts") > newest - timedelta(days=7))


def simulated_week() -> pl.DataFrame:
    return simulate_house(seed=3, start=datetime(2026, 1, 5, tzinfo=UTC), days=7, house="simulated").readings


@pytest.mark.parametrize("which", ["real", "simulated"])
def test_every_slot_is_what_a_group_by_says_and_the_same_file_again_changes_none(
    which: str, shell: Shell, tmp_path: Path, data_file: Callable[[str], Path]
) -> None:
    readings = real_week(data_file) if which == "real" else simulated_week()
    (house,) = readings["house"].unique()
    newest = readings["ts"].max()
    assert isinstance(newest, datetime)
    now = format_moment(floor_slot(newest) + SLOT)
    measured = readings.filter(pl.any_horizontal(pl.col("temperature", "humidity").is_not_null()))
    in_order, shuffled = tmp_path / "in_order.parquet", tmp_path / "shuffled.parquet"
    readings.write_parquet(in_order)
    readings.sample(fraction=1, shuffle=True, seed=1).write_parquet(shuffled)

    sent = shell.roomidity("send", in_order)
    assert sent["readings"] == len(measured)
    drained = shell.roomidity("drain", "--now", now)
    assert drained["readings"] == {
        "received": len(measured),
        "stored": len(measured),
        "duplicate": 0,
        "rejected": 0,
    }
    assert drained["messages"] == sent["messages"]
    assert_exact(shell.slots(house), wanted(readings))

    before = shell.items("readings", house), shell.items("observations", house)
    shell.roomidity("send", shuffled)
    again = shell.roomidity("drain", "--now", now)
    assert again["readings"] == {"received": len(measured), "stored": 0, "duplicate": len(measured), "rejected": 0}
    assert again["duplicates"]["repeat"] == len(measured)
    assert (again["slots_changed"], again["slots_rederived"]) == (0, 0)
    assert (shell.items("readings", house), shell.items("observations", house)) == before


def test_each_bad_line_is_counted_with_its_reason_and_kept_and_each_good_one_stored(shell: Shell) -> None:
    now = floor_slot(datetime.now(UTC))
    start = now - timedelta(hours=1)

    def reading(minute: float = 0, **changes: Any) -> dict[str, Any]:
        """A good reading with changes; a field changed to ``...`` is left out."""
        whole = {
            "house": "mixed",
            "room": "kitchen",
            "sensor": "z2m-1",
            "ts": format_moment(start + timedelta(minutes=minute)),
            "temperature": 20.0 + minute / 100,
            "humidity": 50.0 + minute / 100,
        } | changes
        return {name: value for name, value in whole.items() if value is not ...}

    epoch_s = int(start.timestamp())
    good: list[dict[str, Any]] = [
        *(reading(minute) for minute in range(50)),
        reading(room="bath", sensor=...),
        reading(room="bath", sensor=..., humidity=None, ts=epoch_s + 60),
        reading(room="bath", sensor=..., temperature=..., ts=epoch_s * 1000 + 120_000),
        reading(room="Küche 2", ts=(start + timedelta(minutes=3)).strftime("%Y-%m-%dT%H:%M:%S+00:00")),
        reading(room="outdoor", temperature=-60, humidity=100, more="is ignored"),
        reading(room="attic", temperature="21.3", humidity="51.2 %"),
        # 64 rooms are what a house may have; what was seen first has precedence
        *(reading(house="crowded", room=f"room {number:02}", minute=number / 2) for number in range(64)),
    ]
    bad: dict[str, list[Any]] = {
        "malformed": ["not JSON", '{"house": "mixed", "room": "kit', "[1, 2]", "17", '"text"', "null"],
        "bad_name": [
            reading(house=...),
            reading(room=...),
            reading(room=""),
            reading(house="a/b"),
            reading(room="attic#"),
            reading(sensor="+"),
            reading(room="r" * 65),
            reading(sensor="s" * 65),
            reading(room="tab\there"),
            reading(room=["kitchen"]),
        ],
        "bad_time": [
            reading(ts=...),
            reading(ts="yesterday"),
            reading(ts=start.strftime("%Y-%m-%dT%H:%M:%S")),  # no offset
            reading(ts={"at": 1}),
        ],
        "bad_value": [reading(temperature="warm"), reading(humidity=[50]), reading(temperature=True)],
        "no_value": [reading(temperature=None, humidity=None), reading(temperature=..., humidity=...)],
        "implausible": [
            reading(temperature=85.001),
            reading(temperature=-60.001),
            reading(humidity=-5.001),
            reading(humidity=105.001),
            reading(humidity=float("nan")),
            reading(temperature=float("inf")),
        ],
        "unit": [reading(room="cellar", temperature=66.5), reading(room="cellar", minute=1, temperature=66.6)],
        "future": [reading(ts=format_moment(datetime.now(UTC) + timedelta(hours=1)))],
        "too_old": [reading(ts=format_moment(now - timedelta(days=401))), reading(ts=0)],
        "too_many": [reading(house="crowded", room="room 64", minute=59)],
        "weather": [{"house": "mixed", "weather": {"issued_at": format_moment(start), "times": []}}],
        "house_conflict": [{"house": "mixed", "readings": [reading(house="elsewhere", minute=7)]}],
    }
    assert set(bad) == set(REASONS) - {"quota", "unmapped"}, "those have tests of their own"

    def line(one: Any) -> str:
        return one if isinstance(one, str) else json.dumps(one)

    bad_lines = [line(one) for ones in bad.values() for one in ones]
    lines = [line(one) for one in good]
    for number, one in enumerate(bad_lines):
        lines.insert(number * 3 % len(lines), one)
    shell.queue(pack_lines(lines))
    drained = shell.roomidity("drain", "--now", format_moment(now))
    assert drained["rejects"] == {reason: len(ones) for reason, ones in sorted(bad.items())}
    assert drained["readings"] == {
        "received": len(lines),
        "stored": len(good),
        "duplicate": 0,
        "rejected": len(bad_lines),
    }
    assert drained["violations"] == 0

    # In the bucket, by plain boto3: every bad line under its reason, as it was sent.
    bucket = shell.environment["ROOMIDITY_BUCKET"]
    store = plain(shell.environment, "s3")
    listed = store.list_objects_v2(Bucket=bucket, Prefix=f"rejects/{now.date().isoformat()}/")["Contents"]
    kept = [
        reject
        for entry in listed
        for row in store.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read().splitlines()
        for reject in expand(json.loads(row))
    ]
    assert Counter((reject["reason"], as_text(reject["original"])) for reject in kept) == Counter(
        (reason, as_text(line(one))) for reason, ones in bad.items() for one in ones
    )
    assert all(reject["message_id"] for reject in kept)
    assert len(shell.roomidity("rejects")["rejects"]) == len(bad_lines)

    times = pl.from_epoch(pl.Series([moment_ms(one["ts"]) for one in good]), time_unit="ms").dt.replace_time_zone("UTC")
    frame = pl.DataFrame(
        {
            "house": [one["house"] for one in good],
            "room": [one["room"] for one in good],
            "ts": times,
            **{
                quantity: pl.Series([as_number(one.get(quantity)) for one in good], dtype=pl.Float64)
                for quantity in ("temperature", "humidity")
            },
        }
    )
    for house in ("mixed", "crowded"):
        assert_exact(shell.slots(house), wanted(frame.filter(pl.col("house") == house)))


def as_text(original: Any) -> str:
    """What was sent, however it was spaced."""
    if isinstance(original, str):
        try:
            original = json.loads(original)
        except ValueError:
            return str(original)
    return original if isinstance(original, str) else json.dumps(original, sort_keys=True)


def as_number(value: Any) -> float | None:
    return None if value is None else float(str(value).rstrip(" %"))


def moment_ms(ts: Any) -> int:
    if isinstance(ts, str):
        return round(datetime.fromisoformat(ts).timestamp() * 1000)
    return int(ts) if ts > 1e11 else int(ts) * 1000


def test_what_devices_publish_comes_by_the_rule_of_iot(shell: Shell, tmp_path: Path) -> None:
    """The packaged rule on the emulator: its SQL, its action, and its errorAction where the queue is not to be had."""
    rule = package(tmp_path, "--param", "iotTopic=houses/+/#")["Resources"]["IotRule"]["Properties"]["TopicRulePayload"]
    sqs, iot, devices = (plain(shell.environment, name) for name in ("sqs", "iot", "iot-data"))
    queues = {
        "ReadingsQueue": sqs.get_queue_url(QueueName=f"{shell.prefix}-readings")["QueueUrl"],
        "ReadingsDeadLetters": sqs.get_queue_url(QueueName=f"{shell.prefix}-readings-dlq")["QueueUrl"],
    }

    def action(said: dict[str, Any], **other: str) -> dict[str, Any]:
        url = {**queues, **other}[said["Sqs"]["QueueUrl"]["Ref"]]
        return {"sqs": {"queueUrl": url, "roleArn": "arn:aws:iam::000000000000:role/iot", "useBase64": False}}

    def put(**other: str) -> dict[str, Any]:
        (only,) = rule["Actions"]
        actions = [action(only, **other)]
        return {"sql": rule["Sql"], "actions": actions, "errorAction": action(rule["ErrorAction"])}

    iot.create_topic_rule(ruleName="readings", topicRulePayload=put())
    published = {
        "houses/iot1/zigbee2mqtt/bath": b'{"temperature": 21.5, "humidity": 60}',
        "houses/iot1/own": b'{"house": "iot2", "room": "attic", "temperature": 19}',
        "houses/iot1/hall": b'{"room": "hall", "temperature": 18.5}',
        "houses/iot1/flur/sensor/flur_humidity/state": b"51",
        "elsewhere/iot1/hall": b'{"room": "hall", "temperature": 1}',
    }
    for topic, payload in published.items():
        devices.publish(topic=topic, qos=1, payload=payload)
    shell.roomidity("devices", "map", "iot1", "zigbee2mqtt/bath", "bath")
    shell.roomidity("devices", "map", "iot1", "houses/iot1/flur/sensor/flur_humidity", "hall")
    now = format_moment(floor_slot(datetime.now(UTC)) + SLOT)
    drained = shell.roomidity("drain", "--now", now, "--no-forecasts")
    assert drained["messages"] == 4
    assert drained["readings"]["rejected"] == 1  # a device of a house says that it is of another
    found = {
        (room, quantity): mean for room, quantity, mean in shell.slots("iot1").select("room", "quantity", "mean").rows()
    }
    assert found == {
        ("bath", "temperature"): 21.5,
        ("bath", "humidity"): 60,
        ("hall", "temperature"): 18.5,
        ("hall", "humidity"): 51,
    }

    iot.replace_topic_rule(ruleName="readings", topicRulePayload=put(ReadingsQueue=f"{queues['ReadingsQueue']}-gone"))
    devices.publish(topic="houses/iot1/hall", qos=1, payload=b"{}")
    for _ in range(50):
        letters = sqs.receive_message(QueueUrl=queues["ReadingsDeadLetters"], WaitTimeSeconds=1).get("Messages", [])
        if letters:
            break
        time.sleep(0.1)
    (letter,) = (json.loads(one["Body"]) for one in letters)
    assert (letter["topic"], letter["base64OriginalPayload"]) == ("houses/iot1/hall", "e30=")


def course(at: float, base: float) -> float:
    """A day's course and a week's."""
    return base + 2 * math.sin(2 * math.pi * at / 86_400) + math.sin(2 * math.pi * at / 604_800)


def test_years_of_home_assistant_are_brought_in_and_forecast_full_the_next_day(shell: Shell, tmp_path: Path) -> None:
    """Two years of hours and ten days of states; of a stage that is said to keep 15 days, so that it is quick."""
    today = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    imported = today - timedelta(days=1)
    path = tmp_path / "home-assistant_v2.db"
    bath(path, int(imported.timestamp()), course, hour_days=730, state_days=10, short_days=10)
    target = tmp_path / "map.toml"
    shell.roomidity("send", path, "--propose-map", target)
    send = (sys.executable, "-m", "roomidity", "send", path, "--house", "ha", "--map", target, "--json")
    run = shell.run("env", "ROOMIDITY_RETENTION_DAYS=15", *send)
    assert re.search(r"retentionDays=73[1-4]\b", run.stderr), run.stderr  # by the hour at which it runs
    sent = json.loads(run.stdout)
    assert sent["readings"] + sent["outside_retention"] == 2 * (720 * 24 + 10 * 96)
    assert sent["outside_retention"] == pytest.approx(2 * (730 + 1 - 15) * 24, abs=6)
    assert sent["training_asked"] is True
    assert sent["rejected"] == {}
    drained = shell.roomidity("drain", "--now", format_moment(imported), "--no-forecasts")
    assert drained["readings"]["stored"] == sent["readings"]
    shell.roomidity("train", "ha", "--now", format_moment(imported))
    live = [
        {"room": "bath", "ts": at, "temperature": course(at, 20.0), "humidity": course(at, 55.0)}
        for at in range(int(imported.timestamp()), int(today.timestamp()), 900)
    ]
    shell.queue([json.dumps({"house": "ha", "readings": live})])
    shell.roomidity("drain", "--now", format_moment(today))
    shell.roomidity("forecast", "ha", "--now", format_moment(today))
    (room,) = shell.roomidity("show", "ha", "--now", format_moment(today))["rooms"]
    assert room["grade"] == {"humidity": "full", "temperature": "full"}
