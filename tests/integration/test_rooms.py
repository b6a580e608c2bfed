"""The command ``room``: a mistyped room is taken out, its place is free, and what was stored of it is still there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from roomidity.cli.context import stage as cli_stage
from roomidity.composition import Stage
from roomidity.domain.houses import MAX_ROOMS, House, Room
from roomidity.domain.slots import SLOT, format_moment
from roomidity.pipeline.forecasts import forecast_house
from roomidity.pipeline.forgetting import forget_house
from tests.integration.stage import Run
from tests.integration.test_handlers import NOW, Invoke, invoke, observe, sample
from tests.integration.test_isolation import reading

__all__ = ["invoke"]  # a fixture

AT = ("--now", format_moment(NOW))


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    cli_stage.cache_clear()
    yield
    cli_stage.cache_clear()


def test_a_removed_room_is_hidden_and_comes_back_as_new_when_it_is_heard(
    stage: Stage, run: Run, invoke: Invoke
) -> None:
    observe(stage, "demo", days=0.2)
    forecast_house(stage.forecast_ports, house="demo", issued_at=NOW)
    assert set(run("room", "demo")["rooms"]) == {"room 0", "room 1"}
    assert run("room", "demo/room 1")["rooms"]["room 1"]["sensors"] == [""]
    assert run("room", "demo/room 1", "--remove") == {"house": "demo", "room": "room 1", "removed": True}

    assert set(run("room", "demo")["rooms"]) == {"room 0"}
    assert "room 'room 1' of demo does not exist" in run("room", "demo/room 1", "--remove", status=1)["error"]
    assert "does not exist" in run("show", "demo/room 1", *AT, status=1)["error"]
    assert [one["room"] for one in run("show", "demo", *AT)["rooms"]] == ["room 0"]
    issued = forecast_house(stage.forecast_ports, house="demo", issued_at=NOW + SLOT)
    assert [one.room for one in issued.rooms] == ["room 0"]
    assert stage.forecasts.latest("demo", "room 1", now=NOW) is not None, "it expires by itself"

    stage.readings_queue.send([reading("demo", "room 1")])
    invoke("drain", sample("drain"))
    back = run("room", "demo/room 1")["rooms"]["room 1"]
    assert back["first_seen"] == back["last_seen"] == format_moment(NOW - SLOT)


def test_what_is_asked_of_no_room_says_so(stage: Stage, run: Run) -> None:
    observe(stage, "demo", days=0.1)
    for wrong in (("demo", "--remove"), ("demo/", "--remove"), ("demo/room 1", "--remove", "--unit", "f")):
        run("room", *wrong, status=2)
    assert "house 'none' does not exist" in run("room", "none", status=1)["error"]
    assert "rooms: room 0, room 1" in run("room", "demo/attic", status=1)["error"]


def test_a_removed_room_is_forgotten_with_its_house(stage: Stage, run: Run) -> None:
    observe(stage, "demo", days=0.1)
    forecast_house(stage.forecast_ports, house="demo", issued_at=NOW)
    run("room", "demo/room 1", "--remove")
    list(forget_house(stage.forget_ports, house="demo"))
    assert stage.forecasts.latest("demo", "room 1", now=NOW) is None
    assert stage.houses.get("demo") is None


def test_a_full_house_takes_in_a_new_room_for_one_long_unheard(stage: Stage, run: Run, invoke: Invoke) -> None:
    heard = {f"room {number:02}": Room(NOW - SLOT, NOW - SLOT, frozenset({""})) for number in range(MAX_ROOMS - 1)}
    ago = NOW - timedelta(days=31)
    stage.houses.put(House("demo", "UTC", rooms=heard | {"kichen": Room(ago, ago, frozenset({""}))}))
    stage.readings_queue.send([reading("demo", "kitchen"), reading("demo", "one more")])
    answer = invoke("drain", sample("drain"))
    assert (answer["readings"]["stored"], answer["rejects"]) == (1, {"too_many": 1})
    rooms = set(run("room", "demo")["rooms"])
    assert "kitchen" in rooms
    assert "kichen" not in rooms
