"""Advice in the pipeline: beside the forecast, written where it changed, told until it is taken, never in its way."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from roomidity.domain.advice.settings import DEFAULT_HOUSE, DEFAULT_ROOM, usable_house, usable_room
from roomidity.domain.contacts import HELD_FOR
from roomidity.domain.deletion import tombstone
from roomidity.domain.houses import House, Seen
from roomidity.domain.observations import Origin, Statistics
from roomidity.domain.slots import SLOT
from roomidity.errors import InputError
from roomidity.pipeline.advice_settings import bad_advice_settings, with_house_advice, with_room_advice
from roomidity.pipeline.advice_words import plain_advice
from roomidity.pipeline.advising import newest_advice
from roomidity.pipeline.forecasts import IssuedForecast, forecast_house
from roomidity.pipeline.house_settings import removed, renamed
from tests.advice_samples import advice_of
from tests.fakes import World
from tests.unit.pipeline.test_forecasts import observe
from tests.unit.samples import NOW, slot_key


@pytest.fixture
def world() -> World:
    world = World()
    observe(world, ("kitchen", "outdoor"))
    return world


def issue(world: World, *, slots: int = 0) -> IssuedForecast:
    return forecast_house(world.forecast_ports(advises=True), house="h1", issued_at=NOW + slots * SLOT)


def home_of(world: World) -> House:
    home = world.houses.get("h1")
    assert home is not None
    return home


def test_a_house_is_advised_with_its_forecast_and_written_once_an_hour_where_nothing_changes(world: World) -> None:
    issued = issue(world)
    assert issued.advised.written
    assert [event["change"] for event in world.advice_telling.told] == ["advised"]
    assert world.advice_telling.told[0]["news"] == "no", "nobody is mailed a plan"
    assert issue(world).advised.written is False, "the same job again"
    written = [issue(world, slots=slots).advised.written for slots in range(1, 9)]
    assert written == [False, False, False, True, False, False, False, True]
    assert world.advice.written == 3
    assert len(world.advice_telling.told) == 1


def test_a_stage_that_does_not_advise_reads_and_writes_none() -> None:
    world = World()
    observe(world)
    assert forecast_house(world.forecast_ports(), house="h1", issued_at=NOW).advised.issue is None
    assert world.advice.stored == {}


@pytest.mark.parametrize("broken", ["latest", "put", "bus"])
def test_whatever_fails_the_forecast_stands(
    broken: str, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise ConnectionError("no answer")

    if broken == "bus":
        world.advice_telling.away = True
    else:
        monkeypatch.setattr(world.advice, broken, away)
    issued = issue(world)
    assert len(issued.rooms) == len(world.forecasts.stored) == 1
    assert issued.advised.failed or issued.advised.untold == 1
    assert "could not be advised" in caplog.text or "could not be told" in caplog.text
    monkeypatch.undo()
    world.advice_telling.away = False
    again = issue(world, slots=1).advised
    assert (again.failed, again.untold) == (False, 0)
    assert world.advice_telling.told, "it is told late, and at least once"
    assert not issue(world, slots=2).advised.written


def test_an_item_that_cannot_be_read_is_gone_on_from_at_rest(world: World) -> None:
    issue(world)
    world.advice.damaged.add(("h1", NOW))
    assert newest_advice(world.advice, home_of(world), now=NOW) is None
    issued = issue(world, slots=1)
    assert issued.advised.written
    assert issued.advised.issue is not None
    assert not issued.advised.issue.rooms["kitchen"].decision.state.is_open
    assert newest_advice(world.advice, home_of(world), now=NOW + SLOT) is not None


def test_of_two_of_the_same_issue_time_one_writes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put = world.advice.put

    def second(*given: Any) -> bool:
        monkeypatch.setattr(world.advice, "put", put)
        issue(world)
        return put(*given)

    monkeypatch.setattr(world.advice, "put", second)
    assert not issue(world).advised.written
    assert len(world.advice.stored) == 1


def test_of_a_house_that_is_forgotten_meanwhile_no_advice_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    latest = world.advice.latest

    def forget(*given: Any, **more: Any) -> Any:
        world.houses.put(tombstone(home_of(world), NOW))
        return latest(*given, **more)

    monkeypatch.setattr(world.advice, "latest", forget)
    issue(world)
    assert world.advice.stored == {}


def test_a_renamed_room_keeps_its_advice_and_a_removed_one_has_none(world: World) -> None:
    world.advice.stored["h1", NOW] = advice_of("h1", at=NOW, rooms=("kitchen", "gone"))
    home = renamed(home_of(world), "kitchen", "galley")
    found = newest_advice(world.advice, home, now=NOW)
    assert found is not None
    assert list(found.rooms) == ["galley"]
    found = newest_advice(world.advice, removed(home, "galley"), now=NOW)
    assert found is not None
    assert found.rooms == {}


def test_words_are_in_the_house_s_language_and_say_what_is_not_known(world: World) -> None:
    home = replace(home_of(world), settings={"language": "de", "rooms": {"bath": {"ventilation": "extract"}}})
    plain = plain_advice(home, advice_of("h1", at=NOW), now=NOW)
    bath, cellar = plain["rooms"]
    assert bath["text"].startswith("Öffnen")
    assert bath["text"].endswith("Das kann die Lüftung auf voller Stufe.")
    assert len(bath["plan"]["airings"]) == 2
    withheld, *lines = bath["plan"]["lines"]
    assert len(lines) == 2
    assert withheld == (
        "17:00: nicht lüften. Im Raum wurden 12,5 °C gemessen, und Lüften darf ihn nicht unter 16,0 °C abkühlen; "
        "erst heizen."
    )
    assert [one["reason"] for one in bath["plan"]["withheld"]] == ["room_cold"]
    assert (cellar["reason"], "hängt" in cellar["text"]) == ("inside_stuck", True)
    assert "es gilt, was jetzt gemessen wird" in cellar["plan"]["lines"][0].lower()
    assert cellar["dehumidifier"]["text"].startswith("Einschalten")
    assert "0,18 EUR" in cellar["dehumidifier"]["text"]
    for word in ("Radon", "Regen", "Einbrecher", "Öfen", "Pollen"):
        assert word in plain["limits"]
    later = plain_advice(home, advice_of("h1", at=NOW), now=NOW + timedelta(hours=12))
    assert later["rooms"][0]["plan"]["lines"] == ["Bis zum nächsten Plan, um 06:30, kein Lüften mehr."]
    assert plain_advice(home, None, now=NOW)["note"].startswith("Kein Rat")


def test_settings_are_checked_kept_beside_others_and_taken_out_again() -> None:
    home = House("h1", "Europe/Brussels", settings={"language": "de", "rooms": {"bath": {"unit": "f"}}})
    home = with_house_advice(home, {"quiet_hours": "23:00-07:00", "rest_min": 45.0})
    home = with_room_advice(home, "bath", {"kind": "bathroom", "min_temperature_c": 18.0})
    assert str(usable_house(home.settings).quiet_hours) == "23:00-07:00"
    assert usable_room(home.settings, "bath").kind == "bathroom"
    assert home.settings["rooms"]["bath"]["unit"] == "f"
    assert list(bad_advice_settings(home)) == []
    with pytest.raises(InputError, match="expected a number from 10 to 480"):
        with_house_advice(home, {"rest_min": 5.0})
    with pytest.raises(InputError, match="at least 2 between"):
        with_room_advice(home, "bath", {"open_above": 74.0})
    bare = with_room_advice(with_house_advice(home, {"quiet_hours": None, "rest_min": None}), "bath",
                            {"kind": None, "min_temperature_c": None})  # fmt: skip
    assert bare.settings == {"language": "de", "rooms": {"bath": {"unit": "f"}}}


def test_settings_that_cannot_be_used_count_as_not_set_and_are_reported() -> None:
    odd = House("h1", "Europe/Brussels", settings={"rest_min": "long", "rooms": {"bath": {"kind": "pool"}, "attic": 3}})
    assert usable_house(odd.settings) == DEFAULT_HOUSE
    assert usable_room(odd.settings, "bath") == usable_room(odd.settings, "attic") == DEFAULT_ROOM
    house, bath = bad_advice_settings(odd)
    assert (house.setting, house.mend) == ("advice", "roomidity house h1 --rest 30")
    assert (bath.setting, bath.mend) == ("advice of room bath", "roomidity room h1/bath --kind room")


def test_contacts_are_read_where_a_house_has_some_and_nowhere_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[datetime] = []
    derived = world.observations.derived

    def counted(house: str, start: datetime, end: datetime) -> Any:
        read.append(start)
        return derived(house, start, end)

    monkeypatch.setattr(world.observations, "derived", counted)
    issued = issue(world)
    (plain,) = issued.advised.issue.rooms.values()
    assert not [start for start in read if start == NOW - HELD_FOR]
    assert issued.rooms[0].open_since is None
    assert (plain.is_window_open, plain.aired) == (None, ())

    key = slot_key("h1", NOW)
    contact = Statistics(1.0, 1.0, 1.0, 1, changes={"front": "+300"})
    world.observations.put_many({key: ({"kitchen": {"contact": contact}}, Origin(1))})
    seen = Seen("kitchen", "front", NOW, NOW, {"contact": NOW})
    world.houses.put(home_of(world).admit([seen])[0])
    issued = issue(world, slots=1)
    (opened,) = issued.advised.issue.rooms.values()
    assert (opened.is_window_open, opened.window_since) == (True, NOW + timedelta(minutes=5))
    assert read.count(NOW + SLOT - HELD_FOR) == 1, "once for forecast and advice"
    assert issued.rooms[0].open_since == NOW + timedelta(minutes=5)
    later = issue(world, slots=52)
    assert later.advised.issue.rooms["kitchen"].is_window_open is None, "13 hours without a report"
    assert later.rooms[0].open_since is None


def test_a_forecast_knows_of_an_open_window_until_it_is_closed_and_no_other_room_does(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    observe(world, ("kitchen", "bath", "outdoor"))
    for slots, changes in ((0, "+301"), (2, "-60")):
        key = slot_key("h1", NOW + slots * SLOT)
        told = {"cellar": {"contact": Statistics(1.0, 0.0, 1.0, 1, changes={"front": changes})}}
        world.observations.put_many({key: (told, Origin(1))})
    world.houses.put(home_of(world).admit([Seen("cellar", "front", NOW, NOW, {"contact": NOW})])[0])
    home = home_of(world)
    heard = {**home.rooms["kitchen"].measured, "contact": NOW}
    kitchen = replace(home.rooms["kitchen"], measured=heard)
    bath = home.rooms["bath"]
    world.houses.put(
        replace(
            home,
            rooms={"kitchen": kitchen, "bath": bath, "outdoor": home.rooms["outdoor"]},
            settings=home.settings | {"aliases": {"cellar": "kitchen"}},
        )
    )

    def since(slots: int) -> dict[str, datetime | None]:
        ports = world.forecast_ports()
        issued = forecast_house(ports, house="h1", issued_at=NOW + slots * SLOT)
        return {one.room: one.open_since for one in issued.rooms}

    minute = NOW + timedelta(minutes=5)
    assert since(2) == {"kitchen": minute, "bath": None}, "under its present name, without advice"
    assert set(since(3).values()) == {None}, "closed"

    def away(house: str, start: datetime, end: datetime) -> Any:
        if start == NOW + 2 * SLOT - HELD_FOR:
            raise ConnectionError("no answer")
        return derived(house, start, end)

    derived = world.observations.derived
    monkeypatch.setattr(world.observations, "derived", away)
    assert since(2) == {"kitchen": None, "bath": None}, "the forecast stands"
    assert "contacts could not be read" in caplog.text
