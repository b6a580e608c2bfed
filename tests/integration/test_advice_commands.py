"""A house's advice by commands, functions and tables: set, made with a forecast, shown, counted, kept and damaged."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, Final

import boto3
import pytest

from roomidity.aws.sizes import item_bytes
from roomidity.cli.advice import advice_lines
from roomidity.composition import Stage
from roomidity.domain.advice.issue import AdviceIssue
from roomidity.domain.houses import House, Room
from roomidity.domain.slots import SLOT, format_moment, format_slot
from roomidity.errors import ItemDamagedError
from roomidity.local.functions import Context
from tests.advice_samples import advice_of, room_issue
from tests.integration.stage import REGION, Run, metered
from tests.integration.test_handlers import NOW as HANDLED
from tests.integration.test_handlers import observe, records
from tests.integration.test_tables import START, forecast

NOW: Final = START + timedelta(minutes=5)


@pytest.fixture
def house(stage: Stage) -> House:
    """A house with a forecast and advice."""
    room = Room(START - timedelta(days=9), START, frozenset({""}), {"humidity": START, "temperature": START})
    home = House("h1", "Europe/Berlin", {"bath": room, "cellar": room})
    stage.houses.put(home)
    stage.forecasts.put_many([forecast(room="bath"), forecast(room="cellar")])
    assert stage.advice.put(advice_of("h1", at=START))
    return home


def at(moment: datetime = NOW) -> tuple[str, str]:
    return "--now", format_moment(moment)


def table() -> Any:
    return boto3.resource("dynamodb", region_name=REGION).Table("roomidity-test-advice")


def test_advice_is_shown_as_it_holds_then(house: House, run: Run) -> None:
    found = run("advice", house.name, *at())
    bath, cellar = found["rooms"]
    assert (bath["room"], bath["action"], bath["until"]) == ("bath", "open", "2026-03-15T00:30:00Z")
    assert bath["text"].startswith("Open: 78 %RH at the coldest surface")
    assert bath["text"].endswith("Close by 01:30.")
    assert len(bath["plan"]["airings"]) == 2
    assert (cellar["action"], cellar["dehumidifier"]["on"]) == ("no_effect", True)
    assert "radon" in found["limits"]
    assert "a sixtieth after a day" in found["effect"]
    later = run("advice", house.name, *at(START + 2 * SLOT))["rooms"][0]
    assert (later["action"], later["reason"]) == ("close", "ran_longest"), "no tick came, and it is closed all the same"
    gone = run("advice", house.name, *at(START + timedelta(hours=2)))
    assert (gone["rooms"], gone["issued_at"]) == ([], None)
    assert gone["note"].startswith("No advice")


def test_show_says_what_to_do_now(house: House, run: Run) -> None:
    bath, cellar = run("show", house.name, *at())["advice"]
    assert (bath["room"], cellar["room"]) == ("bath", "cellar")
    assert [len(advice_lines(one)) for one in (bath, cellar)] == [1, 2]
    assert advice_lines(cellar)[1] == f"cellar: {cellar['aired'][-1]['text']}", "the last airing that a contact saw"
    assert [one["room"] for one in run("show", f"{house.name}/bath", *at())["advice"]] == ["bath"]


def test_what_advice_goes_by_is_set_and_checked_by_house_and_room(house: House, run: Run) -> None:
    changed = run("house", house.name, "--quiet-hours", "23:00-07:00", "--heat-price", "0.2")
    assert (changed["advice"]["quiet_hours"], changed["advice"]["heat_eur_kwh"]) == ("23:00-07:00", 0.2)
    cellar = run("room", "h1/cellar", "--kind", "cellar", "--dehumidifier", "200", "--window-contact", "true")
    assert cellar["advice"]["kind"] == "cellar"
    assert cellar["advice"]["window_contact"] is True
    assert "expected two local times" in run("house", house.name, "--quiet-hours", "late", status=1)["error"]
    assert "5 to 25" in run("room", "h1/bath", "--min-temperature", "40", status=1)["error"]
    assert run("house", house.name)["advice"]["quiet_hours"] == "23:00-07:00", "what cannot be used changes nothing"
    assert run("room", "h1/cellar", "--advice-defaults")["advice"]["kind"] == "room"
    assert run("house", house.name, "--advice-defaults")["advice"]["quiet_hours"] == "22:30-06:30"
    assert run("house", house.name)["bad_settings"] == []


def test_an_item_that_cannot_be_read_is_named_and_stands_in_nobody_s_way(house: House, stage: Stage, run: Run) -> None:
    key = {"house": house.name, "issued_at": format_slot(START)}
    for odd in (
        {"bath": {"action": "open", "reason": "humid_surface", "plan": {"at": format_slot(START)}}},
        {"bath": {"action": "jump"}},
        {"bath": 3},
    ):
        table().update_item(Key=key, UpdateExpression="SET rooms = :odd", ExpressionAttributeValues={":odd": odd})
        with pytest.raises(ItemDamagedError):
            stage.advice.latest(house.name, now=NOW)
        assert run("advice", house.name, *at())["rooms"] == []
    assert stage.advice.put(advice_of("h1", at=START + SLOT))
    assert run("advice", house.name, *at(NOW + SLOT))["rooms"]
    assert [one.issued_at for one in stage.advice.between("h1", START, START + SLOT)] == [START + SLOT]


def test_what_a_newer_version_wrote_is_left_alone(house: House, stage: Stage) -> None:
    key = {"house": house.name, "issued_at": format_slot(START)}
    table().update_item(Key=key, UpdateExpression="SET v = :two", ExpressionAttributeValues={":two": 2})
    with pytest.raises(ItemDamagedError, match="format 2"):
        stage.advice.latest(house.name, now=NOW)
    assert not stage.advice.put(advice_of("h1", at=START)), "it stands"


@pytest.mark.parametrize(("planned", "most"), [(True, 5), (False, 3)])
def test_the_advice_of_eight_rooms_takes_few_units(stage: Stage, *, planned: bool, most: int) -> None:
    one = room_issue(START, open_until=None)
    if not planned:
        one = replace(one, plan=replace(one.plan, airings=(), not_today="dry_all_day"))
    stage.advice.put(AdviceIssue("h1", START, {f"living room {number}": one for number in range(8)}))
    client: Any = boto3.client("dynamodb", region_name=REGION)
    (item,) = client.scan(TableName="roomidity-test-advice")["Items"]
    assert item_bytes(item) <= most * 1024


def test_the_function_advises_where_the_stage_does_for_a_read_and_at_most_a_write_a_tick(
    stage: Stage, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROOMIDITY_ADVICE", "on")
    now = HANDLED
    observe(stage, "h2", days=2, rooms=8)
    with metered() as meter:
        handler = import_module("handlers.forecast").handler
        written = []
        for slots in range(6):
            job = {"house": "h2", "issued_at": format_slot(now + slots * SLOT)}
            meter.take()
            assert handler(records("forecast", job), Context(function_name="forecast"))["batchItemFailures"] == []
            units = meter.take()
            written.append(units.get(("write_units", "advice"), 0))
            assert units["read_units", "advice"] <= 1
    assert written[0] > 0
    assert sum(units > 0 for units in written[1:4]) <= 1, "one an hour, if nothing changes"
    assert max(written) <= 3
    found = run("advice", "h2", *at(now))["rooms"]
    assert len(found) == 8
    assert {one["reason"] for one in found} == {"outside_unknown"}, "no sensor is outside"


def test_a_table_restored_to_an_earlier_time_or_emptied_opens_nothing_and_is_gone_on_from(
    stage: Stage, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROOMIDITY_ADVICE", "on")
    observe(stage, "h2", days=2)
    with metered():
        handler = import_module("handlers.forecast").handler
        for slots, restored in ((0, [advice_of("h2", at=HANDLED - 8 * SLOT, rooms=("room 0", "room 1"))]), (1, [])):
            for one in stage.advice.between("h2", HANDLED - 20 * SLOT, HANDLED + 20 * SLOT):
                stage.advice.delete(one)
            for one in restored:
                assert stage.advice.put(one)
            assert run("advice", "h2", *at(HANDLED + slots * SLOT))["rooms"] == []
            job = {"house": "h2", "issued_at": format_slot(HANDLED + slots * SLOT)}
            assert handler(records("forecast", job), Context(function_name="forecast"))["batchItemFailures"] == []
            found = run("advice", "h2", *at(HANDLED + slots * SLOT))["rooms"]
            assert [one["action"] for one in found] == ["close", "close"]
