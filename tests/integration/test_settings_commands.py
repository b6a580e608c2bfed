"""A house's settings by their commands, against moto: what is set is heeded wherever it counts, nothing rewritten."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from roomidity.cli.app import roomidity
from roomidity.composition import Stage
from roomidity.domain.comfort.walls import Wall, usable_walls
from roomidity.domain.slots import SLOT, format_moment
from roomidity.forecasting import load_prior
from roomidity.pipeline.forecasts import forecast_house
from roomidity.pipeline.history import read_history
from roomidity.pipeline.nightly import verify_day
from roomidity.pipeline.serving import serving_model
from tests.integration.stage import Run
from tests.integration.test_handlers import NOW as OBSERVED_TO
from tests.integration.test_handlers import observe
from tests.integration.test_repairs import NOW, clock, drained, reading, sets_of  # noqa: F401  # clock: for every test

AT = format_moment(OBSERVED_TO)


@pytest.fixture(autouse=True)
def at_that_time(clock: Any) -> None:  # noqa: F811  # the fixture
    """SQS's clock is the data's."""


def fahrenheit(minute: float, room: str = "attic") -> dict[str, Any]:
    return reading(minute, room=room, temperature=72.5 + minute / 10)


def test_readings_in_another_unit_come_in_once_the_unit_is_set(stage: Stage, run: Run) -> None:
    counts = drained(stage, {"readings": [fahrenheit(minute) for minute in range(10)]}, reading())
    assert counts["rejects"] == {"unit": 10}
    answer = run("room", "h1/attic", "--unit", "f")
    assert answer["units"] == {"temperature": "f"}
    assert run("replay", "--house", "h1", "--reason", "unit")["reasons"] == {"unit": 10}
    counts = drained(stage)
    assert counts["readings"] == {"received": 10, "stored": 10, "duplicate": 0, "rejected": 0}
    means = [rooms["attic"]["temperature"] for _, rooms in stage.observations.means("h1", NOW - timedelta(days=1), NOW)]
    assert means[0] == pytest.approx((72.5 + 0.45 - 32) / 1.8, abs=0.001)
    assert run("house", "h1")["rooms"]["attic"]["units"] == {"temperature": "f"}
    assert run("room", "h1/attic", "--unit", "none")["units"] == {}


def test_a_wall_is_set_shown_and_kept_beside_the_unit(stage: Stage, run: Run) -> None:
    drained(stage, reading(room="bath"))
    shown = run("room", "h1/bath")["rooms"]["bath"]
    assert (shown["f_rsi"], shown["material"]) == (0.7, "sensitive")
    run("room", "h1/bath", "--unit", "f")
    answer = run("room", "h1/bath", "--f-rsi", "0.6", "--material", "resistant")
    assert (answer["f_rsi"], answer["material"], answer["units"]) == (0.6, "resistant", {"temperature": "f"})
    assert run("room", "h1/bath", "--f-rsi", "0.65")["material"] == "resistant"
    assert run("room", "h1/bath", "--unit", "none")["f_rsi"] == 0.65
    run("room", "h1/bath", "--rename", "spa")
    assert usable_walls(stage.houses.get("h1").settings) == {"spa": Wall(0.65, "resistant")}
    assert "expected a number from 0.2" in run("room", "h1/spa", "--f-rsi", "1.5", status=1)["error"]
    told = CliRunner().invoke(roomidity, ["room", "h1/spa", "--f-rsi", "0.7", "--remove"])
    assert told.exit_code == 2


def test_a_wall_that_cannot_be_used_is_told_and_the_default_stands_in(stage: Stage, run: Run) -> None:
    drained(stage, reading(room="bath"))
    home = stage.houses.get("h1")
    assert home is not None
    stage.houses.put(replace(home, settings={"rooms": {"bath": {"f_rsi": 9, "unit": "f"}}}))
    (bad,) = run("house", "h1")["bad_settings"]
    assert (bad["setting"], bad["found"]) == ("wall of room bath", {"f_rsi": 9})
    assert "--f-rsi 0.7 --material sensitive" in bad["mend"]
    assert run("room", "h1/bath")["rooms"]["bath"]["f_rsi"] == 0.7


def test_a_position_is_set_to_a_tenth_of_a_degree_and_taken_out_again(stage: Stage, run: Run) -> None:
    drained(stage, reading(room="bath"))
    answer = run("house", "h1", "--position", "50.8467,4.3525", "--timezone", "Europe/Paris")
    assert (answer["position"], answer["timezone"]) == ({"latitude": 50.8, "longitude": 4.4}, "Europe/Paris")
    home = stage.houses.get("h1")
    assert home is not None
    assert "50.84" not in str(home)
    assert "at 50.8,4.4" in CliRunner().invoke(roomidity, ["house", "h1"]).output
    assert "expected LAT,LON" in run("house", "h1", "--position", "91,4", status=1)["error"]
    assert run("house", "h1", "--position", "none")["position"] is None
    stage.houses.put(replace(home, settings={"position": "here"}, version=home.version + 1))
    (bad,) = run("house", "h1")["bad_settings"]
    assert (bad["setting"], bad["mend"]) == ("position", "roomidity house h1 --position LAT,LON")


def test_a_unit_may_be_set_before_anything_is_heard(stage: Stage, run: Run) -> None:
    """All that the room says is rejected until then, so that neither it nor the house is known."""
    assert drained(stage, {"readings": [fahrenheit(minute) for minute in range(5)]})["rejects"] == {"unit": 5}
    assert stage.houses.get("h1") is None
    run("room", "h1/ attic ", "--unit", "°F")
    run("replay", "--reason", "unit")
    assert drained(stage)["readings"]["stored"] == 5
    home = stage.houses.get("h1")
    assert home is not None
    assert set(home.rooms) == {"attic"}
    assert home.timezone == "Europe/Brussels"


def test_a_zone_is_checked_when_it_is_set_also_before_the_first_reading(stage: Stage, run: Run) -> None:
    assert run("house", "h1", "--timezone", "America/New_York")["timezone"] == "America/New_York"
    drained(stage, reading())
    home = stage.houses.get("h1")
    assert home is not None
    assert home.timezone == "America/New_York"
    refused = run("house", "h1", "--timezone", "Europe/Berln", status=1)["error"]
    assert "'Europe/Berln'" in refused
    assert "such as Europe/Berlin" in refused
    assert stage.houses.get("h1") == home
    assert "house 'h2' does not exist" in run("house", "h2", status=1)["error"]


def test_settings_that_are_none_stop_nothing_and_the_doctor_names_them(
    stage: Stage, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("roomidity.aws.account.Account.stack_status", lambda self, name: "CREATE_COMPLETE")
    observe(stage, "h1", days=1)
    home = stage.houses.get("h1")
    assert home is not None
    odd = {"rooms": {"room 0": {"unit": "smoots"}}, "aliases": {"room 1": "room 1"}}
    stage.houses.put(replace(home, timezone="Europe/Berln", settings=odd))
    assert len(run("forecast", "h1", "--now", AT)["rooms"]) == 2
    assert "Europe/Berln" in {record.__dict__.get("found", "").strip("'") for record in caplog.records}
    assert len(run("show", "h1", "--now", AT)["rooms"]) == 2
    drained(stage, reading(house="h1", room="room 0"), now=NOW)
    doctor = json.loads(CliRunner().invoke(roomidity, ["doctor", "--now", AT, "--json"]).stdout)
    assert not doctor["ok"]
    (found,) = [one for one in doctor["checks"] if one["check"] == "settings"]
    assert found["status"] == "wrong"
    for said in ("Europe/Berln", "smoots", "room 1"):
        assert said in found["found"]
    assert "roomidity house h1 --timezone Europe/Berlin" in found["mend"]
    assert "roomidity room h1/room 0 --unit" in found["mend"]
    assert {bad["setting"] for bad in run("house", "h1")["bad_settings"]} == {
        "timezone",
        "unit of room room 0",
        "alias 'room 1'",
    }


# Renamed


def past(stage: Stage) -> list[dict[str, Any]]:
    """What stands in the tables."""
    tables = stage.clients.tables
    items = [tables.observations, tables.readings, tables.forecasts, tables.accuracy, tables.models]
    return [item.to_dynamodb_dict() for table in items for item in table.scan()]


def lived_in(stage: Stage) -> str:
    """Two days of two rooms, with forecasts, their accuracy, and a model of their own; its version."""
    observe(stage, "h1", days=2.2)
    for hours in (48, 36, 30, 24, 0):
        forecast_house(stage.forecast_ports, house="h1", issued_at=OBSERVED_TO - timedelta(hours=hours))
    day = (OBSERVED_TO - timedelta(days=2)).date()
    assert verify_day(stage.verify_ports, house="h1", day=day, now=OBSERVED_TO)
    model, state, _ = load_prior()
    ridges = (2, *model.local.shape[1:])
    own = replace(
        model,
        rooms=("room 0", "room 1"),
        local=np.zeros(ridges),
        residual=np.zeros(ridges),
    )
    manifest = {"trained_from": "2026-03-01T00:00Z", "trained_through": "2026-03-14T00:00Z", "rooms": ["room 0"]}
    version = stage.registry.publish("h1", model=own, state=state, manifest=manifest, trained_at=OBSERVED_TO)
    stage.registry.promote("h1", version, at=OBSERVED_TO)
    return version


def without_room(answer: dict[str, Any]) -> str:
    return json.dumps(answer).replace("room 0b", "room 0")


def test_a_renamed_room_is_read_as_ever_and_nothing_is_rewritten(stage: Stage, run: Run) -> None:
    version = lived_in(stage)
    questions = [
        ("forecast", "h1", "--now", AT),
        ("show", "h1", "--now", AT),
        ("show", "h1/room 0", "--now", AT, "--explain"),
        ("accuracy", "h1/room 0", "--now", AT),
        ("accuracy", "h1/", "--now", AT),
    ]
    before, stood = [run(*question) for question in questions], past(stage)
    answer = run("room", "h1/room 0", "--rename", " room 0b")
    assert answer["room"] == "room 0b"
    assert answer["former_names"] == ["room 0"]
    assert past(stage) == stood
    for question, asked in zip(questions, before, strict=True):
        for place in {question[1], question[1].replace("room 0", "room 0b")}:
            found = run(question[0], place, *question[2:])
            assert json.dumps(json.loads(without_room(found)), sort_keys=True) == json.dumps(asked, sort_keys=True)
    home = stage.houses.get("h1")
    assert home is not None
    assert serving_model(stage.registry, "h1", aliases=home.aliases).model.rooms == ("room 0b", "room 1")
    assert serving_model(stage.registry, "h1", aliases=home.aliases).version == version
    assert run("verify", "h1", "--now", AT)["rows"] == 0  # what was scored by the former name is as it was
    assert "is a former name" in run("room", "h1/room 1", "--rename", "room 0", status=1)["error"]
    assert run("room", "h1/room 0b", "--rename", "room 0")["former_names"] == ["room 0b"]
    kept = (1, 3, 4)  # the night has moved the model's state on, so that a forecast anew is another
    assert [run(*questions[place]) for place in kept] == [before[place] for place in kept]


def test_readings_by_any_name_are_one_course(stage: Stage, run: Run) -> None:
    drained(stage, reading(1), reading(2))
    run("room", "h1/kitchen", "--rename", "cooking")
    run("room", "h1/kitchen", "--rename", "cook")
    counts = drained(stage, reading(1), reading(3), reading(4, room="cooking"), reading(2, room="cook"))
    assert counts["readings"] == {"received": 4, "stored": 2, "duplicate": 2, "rejected": 0}
    home = stage.houses.get("h1")
    assert home is not None
    assert set(home.rooms) == {"cook"}
    window = read_history(stage.observations, home, ("cook",), start=NOW - timedelta(days=1), end=NOW)
    assert (window.values == window.values).sum() == 2  # not NaN: both quantities of one slot
    (observed,) = [rooms for _, rooms in stage.observations.between("h1", NOW - timedelta(days=1), NOW)]
    assert set(observed) == {"cook"}
    assert observed["cook"]["humidity"].count == 4
    assert {place[2] for place in sets_of(stage)} == {"cook"}


def test_a_rule_of_a_renamed_room_holds_and_is_undone_by_either_name(stage: Stage, run: Run) -> None:
    span = ["--from", format_moment(NOW - timedelta(days=1)), "--to", format_moment(NOW)]
    drained(stage, reading(1), reading(1, room="bath"))
    rule = run("quarantine", "add", "h1/kitchen", *span)["rule"]["rule"]
    run("room", "h1/kitchen", "--rename", "cook")
    drained(stage, reading(2, room="cook"), reading(3, room="kitchen"))
    (observed,) = [rooms for _, rooms in stage.observations.means("h1", NOW - timedelta(days=1), NOW)]
    assert set(observed) == {"bath"}
    again = run("quarantine", "add", "h1/cook", *span)
    assert not again["changed"]
    assert again["rule"]["rule"] == rule
    assert run("quarantine", "remove", "h1/cook", *span)["changed"]
    (observed,) = [rooms for _, rooms in stage.observations.means("h1", NOW - timedelta(days=1), NOW)]
    assert set(observed) == {"bath", "cook"}


def test_forget_takes_what_stands_under_former_names_too(stage: Stage, run: Run) -> None:
    lived_in(stage)
    run("room", "h1/room 0", "--rename", "room 0b")
    forecast_house(stage.forecast_ports, house="h1", issued_at=OBSERVED_TO + SLOT)
    run("forget", "h1", "--yes")
    assert past(stage) == []


@pytest.mark.parametrize("place", ["h1", "h1/", " h1 / ", "h1/Ku\u0308che", "h1/ Küche\u00a0"])
def test_names_are_read_as_they_are_kept(stage: Stage, run: Run, place: str) -> None:
    drained(stage, reading(room="Küche"))
    stage.houses.get("h1")
    run("forecast", "h1", "--now", format_moment(NOW))
    assert [one["room"] for one in run("show", place, "--now", format_moment(NOW))["rooms"]] == ["Küche"]


def test_a_place_that_is_none_is_wrong_usage(stage: Stage) -> None:
    for arguments in (
        ["show", "/kitchen"],
        ["show", "h1/a/b"],
        ["forecast", "h1/kitchen"],
        ["room", "h1", "--unit", "f"],
    ):
        done = CliRunner().invoke(roomidity, arguments)
        assert done.exit_code == 2, arguments
