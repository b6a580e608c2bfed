"""Home Assistant's history by the commands: what is left out, what is asked for, and what it costs to bring it in."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from roomidity.cli.app import roomidity
from roomidity.cli.context import stage as cli_stage
from roomidity.composition import Stage
from roomidity.domain.slots import floor_slot, format_moment
from roomidity.local.functions import Context
from roomidity.local.units import Meter
from tests.integration.stage import Run, metered
from tests.recorder import Recorder, Sensor, bath

KEPT_DAYS: Final = 3
STATE_DAYS: Final = 1
"""Short, for speed: moto copies a table for every transaction. Ten days of states are brought to the local engine."""

WRITE_USD: Final = 0.625e-6


def course(at: float, base: float) -> float:
    """A day's course."""
    return base + 2 * math.sin(2 * math.pi * at / 86_400)


@pytest.fixture(scope="module")
def imported_at() -> datetime:
    """Yesterday: so that today is the next day."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, imported_at: datetime) -> Path:
    """Two years of hours and a day of states, one each slot, of a room."""
    path = tmp_path_factory.mktemp("recorder") / "home-assistant_v2.db"
    return bath(path, int(imported_at.timestamp()), course, hour_days=730, state_days=STATE_DAYS, short_days=0)


@pytest.fixture
def meter(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Meter]:
    """Counts what the drain asks of the stage."""
    monkeypatch.setenv("ROOMIDITY_RETENTION_DAYS", str(KEPT_DAYS))
    with metered() as found:
        yield found


def waiting_trainings(plain_queues: Any) -> int:
    url = plain_queues.get_queue_url(QueueName="roomidity-test-training-jobs")["QueueUrl"]
    name = "ApproximateNumberOfMessagesDelayed"
    return int(plain_queues.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def test_an_import_says_what_it_leaves_out_asks_for_a_training_and_costs_four_units_a_slot(
    run: Run, meter: Meter, plain_queues: Any, database: Path, imported_at: datetime
) -> None:
    # A person without a map is told of the one to write; the house's device map does as well.
    assert "--propose-map" in run("send", str(database), "--house", "h1", status=1)["error"]
    for kind in ("temperature", "humidity"):
        run("devices", "map", "h1", f"sensor.bath_{kind}", "bath")
    sent = run("send", str(database), "--house", "h1", "--rate", "0")
    hours = (730 - STATE_DAYS) * 24 * 2
    states = STATE_DAYS * 96 * 2
    assert sent["readings"] + sent["outside_retention"] == pytest.approx(hours + states, abs=4)
    assert sent["outside_retention"] == pytest.approx((730 + 1 - KEPT_DAYS) * 24 * 2, abs=6)
    assert sent["training_asked"] is True
    assert waiting_trainings(plain_queues) == 1

    meter.take()
    event = {"source": "aws.events", "time": format_moment(imported_at), "detail": {}}
    drained = import_module("handlers.drain").handler(event, Context(function_name="drain"))
    units = meter.take()
    assert drained["readings"]["stored"] == sent["readings"]
    assert drained["readings"]["rejected"] == 0
    written = {where: count for (what, where), count in units.items() if what == "write_units"}
    slots = drained["slots_changed"]
    assert written["readings"] == written["observations"] == 2 * slots  # in transactions, which are billed twice
    assert written["houses"] <= 4
    assert 4 * (390 * 24 + 10 * 96) * WRITE_USD < 0.03  # USD: all that a stage keeps by default, and ten days of states
    assert slots == pytest.approx((KEPT_DAYS - 1 - STATE_DAYS) * 24 + STATE_DAYS * 96, abs=8)


def test_hours_can_be_scored_by_a_backtest_that_reads_the_whole_file(tmp_path: Path) -> None:
    hour = int(datetime.now(UTC).timestamp()) // 3600 * 3600
    sensors = [
        Sensor(f"sensor.bath_{kind}", kind, unit, hours=[(at, course(at, base)) for at in hours_before(hour, days=40)])
        for kind, unit, base in (("temperature", "°C", 20.0), ("humidity", "%", 55.0))
    ]
    path = Recorder(tmp_path / "a.db", sensors).write()
    given = ["--readings", str(path), "--house", "h1", "--map", "sensor.bath_temperature=bath"]
    given += ["--map", "sensor.bath_humidity=bath", "--cold-start", "--jobs", "1", "--json"]
    done = CliRunner().invoke(roomidity, ["backtest", *given, "--cadence", "hourly"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["cadence"], found["protocol"], found["not_scored"]) == ("hourly", False, {})
    assert found["rooms"]["h1/bath"]["humidity"]["origins"] >= 30
    assert "--cadence hourly" in str(CliRunner().invoke(roomidity, ["backtest", *given]).exception)


def hours_before(end: int, *, days: int) -> range:
    return range(end - days * 86_400, end, 3600)


def test_sent_twice_nothing_is_stored_twice(run: Run, meter: Meter, tmp_path: Path) -> None:
    """The same entities by a bridge are the same sensors; and an import may be broken off and sent again."""
    now = floor_slot(datetime.now(UTC))
    states = [(now.timestamp() - 60 * at, "21.5") for at in range(1, 60)]
    path = Recorder(tmp_path / "a.db", [Sensor("sensor.bath_temperature", states=states)]).write()
    arguments = (
        "send",
        str(path),
        "--house",
        "h1",
        "--map",
        "sensor.bath_temperature=bath",
        "--no-train",
        "--rate",
        "0",
    )
    assert "training_asked" not in run(*arguments)
    run(*arguments)
    counts = run("drain", "--now", format_moment(now))["readings"]
    assert (counts["stored"], counts["duplicate"]) == (59, 59)


def test_who_may_only_send_is_told_what_to_run(run: Run, plain_queues: Any, tmp_path: Path) -> None:
    url = plain_queues.get_queue_url(QueueName="roomidity-test-training-jobs")["QueueUrl"]
    plain_queues.delete_queue(QueueUrl=url)
    at = datetime.now(UTC).timestamp() - 60
    path = Recorder(tmp_path / "a.db", [Sensor("sensor.bath_temperature", states=[(at, "21")])]).write()
    cli_stage.cache_clear()
    done = CliRunner().invoke(roomidity, ["send", str(path), "--house", "h1", "--map", "sensor.*_temperature=*"])
    assert done.exit_code == 0, done.output
    assert "No training was asked for" in done.stderr
    assert "roomidity train h1" in done.stderr


def test_a_map_is_written_once_and_never_over(run: Run, tmp_path: Path) -> None:
    path = Recorder(tmp_path / "a.db", [Sensor("sensor.bath_temperature", states=[(1.8e9, "21")])]).write()
    target = tmp_path / "map.toml"
    assert run("send", str(path), "--propose-map", str(target)) == {"map": str(target), "entities": 1}
    assert '"sensor.bath_temperature" = "bath"' in target.read_text()
    assert "there is such a file already" in run("send", str(path), "--propose-map", str(target), status=1)["error"]
