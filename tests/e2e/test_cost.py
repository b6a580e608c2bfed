"""From units to a bill, with measurements made up so that the sums can be done by hand."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT

ROOMS = 8
TICKS = 96 * 365.25 / 12


def seen(calls: float = 0, **units: float) -> dict[str, Any]:
    """A function's work; ``write__forecasts=3`` is 3 write units of the table forecasts."""
    named = {name.replace("__", "_units ").replace("_requests_", "_requests "): count for name, count in units.items()}
    return {"calls": calls, "seconds": calls, "log_bytes": 1000.0 * calls, "units": named, "metrics": []}


def tick(houses: int) -> dict[str, Any]:
    return {
        "drain": seen(1, write__readings=2 * houses, write__houses=houses / 2, read__houses=10 + houses),
        "forecast": seen(houses / 10, write__forecasts=24 * houses),
        "queue": seen(sqs_requests_jobs=houses),
    }


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    """Each fleet's costs, at us-east-1's prices."""
    if shutil.which("node") is None or not (CHECKOUT / "node_modules").exists():
        pytest.skip("the stack is read from serverless.yml, which needs Node.js and the Serverless CLI")
    stored = {"houses": [1, 1000.0], "readings": [38_400, 1000.0], "observations": [38_400, 1000.0]}
    stored |= {
        "forecasts": [100, 2500.0],
        "models": [1, 1000.0],
        "accuracy": [8, 3000.0],
        "settings": [1, 2000.0],
        "notices": [1, 0.0],
        "advice": [0, 0.0],
        "weather": [1, 600.0],
    }
    measured = {
        "ticks": {str(houses): tick(houses) for houses in (1, 10, 20)},
        "night": {"verify": seen(1)},
        "training": {"train": seen(1, read__observations=100)},
        "stored": stored,
        "objects": {"model": 1e6, "state": 1e5},
        "held": {"model": 512 * 2**20 / 402.65, "state": 256 * 2**20 / 536.87},
        "cold_s": {"drain": 1.0, "forecast": 1.0},
        "readings_a_slot": 40.0,
        "no_place": {"weather": seen(1, read__houses=1)},
        "place": {"weather": seen(1, read__houses=1, read__weather=0.5, write__weather=2)},
        "no_contacts": {"drain": seen(4, write__readings=8), "forecast": seen(4, read__observations=40)},
        "contacts": {"drain": seen(4, write__readings=10), "forecast": seen(4, read__observations=64)},
    }
    measured["ticks"]["1"]["forecast"]["units"]["read_units weather"] = 1.0
    for hour, queries in (("no_contacts", 4), ("contacts", 8)):
        measured[hour]["forecast"]["units"]["calls Query"] = queries
    path: Path = tmp_path_factory.mktemp("cost") / "measured.json"
    path.write_text(json.dumps(measured))
    done = subprocess.run(  # noqa: S603  # our own script
        [CHECKOUT / "scripts/cost", "--measured", path, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "most of it is" in done.stderr
    answer = json.loads(done.stdout)
    apart = {"weather": answer["weather_usd_a_month"], "contacts": answer["contacts_usd_a_month"]}
    return {fleet["houses"]: fleet | apart for fleet in answer["fleets"]}


def line(fleet: dict[str, Any], name: str) -> float:
    """USD a month, of all rooms."""
    return fleet["usd_a_room_month"][name] * fleet["houses"] * ROOMS


@pytest.mark.parametrize("houses", [1, 100, 10_000])
def test_units_times_prices(bill: dict[int, dict[str, Any]], houses: int) -> None:
    fleet = bill[houses]
    assert line(fleet, "writing forecasts") == pytest.approx(TICKS * 24 * houses * 0.625e-6)
    assert line(fleet, "writing slots") == pytest.approx(TICKS * 2 * houses * 0.625e-6)
    assert line(fleet, "writing houses") == pytest.approx(TICKS * houses / 2 * 0.625e-6)
    trainings = 365.25 / 12 / 7 * 100 * houses  # as measured: with 400 days of history
    read = TICKS * (10 + houses + (houses == 1)) + trainings  # one looks for the weather ahead
    assert line(fleet, "reading tables") == pytest.approx(read * 0.125e-6)
    assert line(fleet, "queues") == pytest.approx(TICKS * houses * 0.4e-6)
    kept_gb = houses * (2 * 38_400 * 1000 + 35 * 96 * ROOMS * 2500 + 400 * ROOMS * 3000 + 1000 + 2000 + 57 * 1000) / 1e9
    assert line(fleet, "keeping tables") == pytest.approx(kept_gb * 0.25, rel=1e-3)
    back_gb = houses * (38_400 * 1000 + 1000 + 57 * 1000) / 1e9  # readings, houses and models alone
    assert line(fleet, "keeping tables, 35 days back") == pytest.approx(back_gb * 0.20, rel=1e-3)
    # A function's memory keeps the models of 402.65 houses, and the states of 536.87.
    loads = TICKS * max(0.0, houses - 402.65) + TICKS * max(0.0, houses - 536.87)
    assert line(fleet, "bucket") == pytest.approx(loads * 0.4e-6 + houses * 0.010586 * 0.023, rel=0.01)


def test_the_weather_ahead_costs_reads_where_it_is_off_an_alarm_where_it_is_on_and_a_place_its_fetches(
    bill: dict[int, dict[str, Any]],
) -> None:
    weather, fetches = bill[1]["weather"], 8 * 365.25 / 12
    a_second = 0.5 * 16.6667e-6  # of 512 MB
    assert weather["off, a house"] == pytest.approx(TICKS * 0.125e-6)
    called = fetches * (0.2e-6 + a_second + 1e-6 * 0.5 + 0.125e-6)  # a thousand bytes of log
    assert weather["on, the stage"] == pytest.approx(0.10 + called, rel=1e-3)
    kept = 400 * 8 * 600 * 0.25 / 1e9
    assert weather["on, a place"] == pytest.approx(fetches * (0.5 * 0.125e-6 + 2 * 0.625e-6 + a_second) + kept)


def test_contacts_cost_a_house_that_has_some_a_query_a_tick_and_what_it_writes_more(
    bill: dict[int, dict[str, Any]],
) -> None:
    more = 6 * 0.125e-6 + 0.5 * 0.625e-6 + 0.005 * 1769 / 1024 * 16.6667e-6  # a call, of its memory
    assert bill[1]["contacts"] == pytest.approx(TICKS * more)


@pytest.mark.parametrize("houses", [1, 100, 10_000])
def test_the_sums(bill: dict[int, dict[str, Any]], houses: int) -> None:
    fleet = bill[houses]
    fixed = sum(fleet["stage_usd_a_month"].values()) / houses / ROOMS
    assert fleet["all_in_list"] == pytest.approx(sum(fleet["usd_a_room_month"].values()) + fixed)
    assert 0 < fleet["first_month_billed"] < fleet["all_in_billed"] < fleet["all_in_list"]
    assert fleet["arm64_billed"] <= fleet["all_in_billed"] + 1e-12
    assert fleet["sender"] == pytest.approx(TICKS / ROOMS * 0.4e-6)
    # A message, a rule with its action, a request to the queue; of the 40 readings of a slot each, or of all together.
    assert fleet["iot"]["packed"] == pytest.approx(TICKS / ROOMS * (1.0 + 0.15 + 0.15 + 0.4) * 1e-6)
    assert fleet["iot"]["single"] == pytest.approx(40 * fleet["iot"]["packed"])


def test_the_stage_itself_is_counted_in_serverless_yml(bill: dict[int, dict[str, Any]]) -> None:
    fixed = bill[1]["stage_usd_a_month"]
    (polling,) = (usd for name, usd in fixed.items() if name.startswith("polling of 2 queues"))
    assert polling == pytest.approx(0.526, abs=0.001)
    (alarms,) = (usd for name, usd in fixed.items() if name.endswith(" alarms"))
    assert alarms >= 1
    assert round(alarms * 10) == pytest.approx(alarms * 10)
