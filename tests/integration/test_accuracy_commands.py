"""The commands `verify` and `accuracy` against moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from roomidity.cli.app import roomidity
from roomidity.cli.context import stage as cli_stage
from roomidity.composition import Stage
from roomidity.domain.forecasts import StoredForecast
from roomidity.domain.houses import House, Seen
from roomidity.domain.observations import Origin, Statistics
from roomidity.domain.slots import SLOT, SlotKey, to_epoch_ms
from tests.fakes import stacked

DAY = timedelta(days=1)
ISSUED = datetime(2026, 3, 13, tzinfo=UTC)
NOW = "2026-03-15T00:20Z"


@pytest.fixture
def house(stage: Stage) -> Iterator[Stage]:
    """Two rooms at 50 %RH after one slot at 49, forecast four times to stay between 48 and 53, at 51."""
    cli_stage.cache_clear()
    rooms = ("bath", "kitchen")
    seen = [Seen(room, "", ISSUED - SLOT, ISSUED + 2 * DAY - SLOT, {}) for room in rooms]
    stage.houses.put(House("h1", "UTC").admit(seen)[0])

    def statistics(mean: float) -> dict[str, dict[str, Statistics]]:
        return {room: {"humidity": Statistics(mean, mean, mean, 1)} for room in rooms}

    slots = {ISSUED + number * SLOT: 50.0 + number % 2 / 1000 for number in range(192)} | {ISSUED - SLOT: 49.0}
    for first in range(0, 200, 20):
        some = list(slots.items())[first : first + 20]
        stage.observations.put_many(
            {SlotKey("h1", to_epoch_ms(slot)): (statistics(mean), Origin(1)) for slot, mean in some}
        )
    humidity = {name: np.full(96, value) for name, value in (("p10", 48.0), ("p50", 51.0), ("p90", 53.0))}
    quantiles = stacked({"humidity": humidity})
    stage.forecasts.put_many(
        StoredForecast(
            "h1", room, ISSUED + number * 6 * timedelta(hours=1), quantiles, {"humidity": "full"}, None, "v1"
        )
        for room in rooms
        for number in range(4)
    )
    yield stage
    cli_stage.cache_clear()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(roomidity, list(arguments))


def answer(*arguments: str) -> dict[str, Any]:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_verify_then_accuracy(house: Stage) -> None:
    night = answer("verify", "h1", "--now", NOW)
    assert night == {
        "house": "h1",
        "day": "2026-03-13",
        "rows": 2,
        "slots_flagged": 0,
        "state_advanced": False,
        "mould_days": 0,
        "training": None,
        "refused": None,
    }
    assert answer("verify", "h1", "--now", NOW)["rows"] == 0

    found = answer("accuracy", "h1", "--now", NOW)
    assert (found["from"], found["to"]) == ("2026-03-13", "2026-03-13")
    humidity = found["rooms"]["kitchen"]["humidity"]
    assert (round(humidity["mae"], 2), humidity["coverage"], humidity["slots"]) == (1.0, 1.0, 4 * 96)
    assert round(humidity["persistence_mae"], 2) == 0.25  # only the first of the four began at 49
    assert [round(error, 2) for error in humidity["mae_by_lead_hour"]] == [1.0] * 24
    assert found["notes"] == {}
    assert [(row["room"], row["complete"], row["forecasts"]) for row in found["days"]] == [
        ("bath", True, 4),
        ("kitchen", True, 4),
    ]
    assert set(answer("accuracy", "h1/bath", "--now", NOW)["rooms"]) == {"bath"}


def test_tables_for_a_person(house: Stage) -> None:
    run("verify", "h1", "--now", NOW)
    shown = run("accuracy", "h1", "--now", NOW, "--days", "3")
    assert shown.exit_code == 0
    assert "humidity, %RH: forecasts issued 2026-03-13" in shown.output
    assert "all rooms" in shown.output
    assert "temperature" not in shown.output


def test_what_is_known_of_sensors_is_told_with_the_remedy_and_faulty_slots_are_not_scored(house: Stage) -> None:
    (newest,) = house.forecasts.between("h1", "bath", ISSUED + 0.75 * DAY, ISSUED + 0.75 * DAY)
    house.forecasts.put_many([replace(newest, notes=("stuck", "of a newer version"))])
    still = {"bath": {"humidity": Statistics(99.9, 99.9, 99.9, 1)}}
    for number in range(0, 192, 20):
        keys = [SlotKey("h1", to_epoch_ms(ISSUED + each * SLOT)) for each in range(number, min(number + 20, 192))]
        house.observations.put_many({key: (still, Origin(2)) for key in keys})
    assert answer("verify", "h1", "--now", NOW)["slots_flagged"] == 192
    shown = run("accuracy", "h1/bath", "--now", NOW)
    assert "nan" not in shown.output
    assert "bath: stuck: a value stands still" in " ".join(shown.output.split())
    assert "To mend: restart the sensor" in " ".join(shown.output.split())
    found = answer("accuracy", "h1/bath", "--now", NOW)
    assert found["rooms"]["bath"]["humidity"]["slots"] == 0
    assert found["notes"] == {"bath": ["stuck", "of a newer version"]}


def test_a_day_on_demand_says_that_it_is_not_over(house: Stage) -> None:
    found = answer("verify", "h1", "--day", "2026-03-13", "--now", "2026-03-14T07:00Z")
    assert [(row["room"], row["complete"], row["forecasts"]) for row in found["rows"]] == [
        ("bath", False, 2),
        ("kitchen", False, 2),
    ]
    assert "not over" in run("verify", "h1", "--day", "2026-03-13", "--now", "2026-03-14T07:00Z").output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "h2"], "house 'h2' does not exist"),
        (["verify", "h1", "--day", "2026-03-14", "--now", NOW], "no forecast issued on 2026-03-14"),
        (["accuracy", "h2"], "house 'h2' does not exist"),
        (["accuracy", "h1/attic", "--now", NOW], "rooms: bath, kitchen"),
        (["accuracy", "h1", "--now", NOW], "roomidity verify h1"),
    ],
)
def test_failures_say_what_to_do(house: Stage, arguments: list[str], message: str) -> None:
    failed = run(*arguments)
    assert failed.exit_code == 1
    assert message in str(failed.exception)


@pytest.mark.parametrize("arguments", [["accuracy", "h1/a/b"], ["verify", "h1", "--day", "monday"], ["accuracy"]])
def test_wrong_usage(house: Stage, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2
