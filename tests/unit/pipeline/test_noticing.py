"""Notices in the pipeline: beside the forecast, written once, told until they are taken, and never in its way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from roomidity.domain.deletion import tombstone
from roomidity.domain.notices.notice import Watch
from roomidity.domain.slots import SLOT, floor_slot
from roomidity.pipeline.forecasts import IssuedForecast, forecast_house
from roomidity.pipeline.house_settings import bad_settings, language_of, notices_a_day_of, with_notices
from tests.fakes import World
from tests.unit.pipeline.test_forecasts import observe
from tests.unit.samples import NOW

HOUR = timedelta(hours=1)


def silent_house() -> World:
    """Two rooms, of which the cellar was heard five hours ago."""
    world = World()
    observe(world, ("kitchen",))
    observe(world, ("cellar",), until=5 * HOUR)
    return world


def issue(world: World, *, slots: int = 0) -> IssuedForecast:
    return forecast_house(world.forecast_ports(), house="h1", issued_at=NOW + slots * SLOT)


def told(world: World) -> list[str]:
    return [f"{one['change']} {one['text']}" for one in world.telling.told]


def test_a_notice_is_raised_told_shown_and_cleared() -> None:
    world = silent_house()
    issued = issue(world)
    assert not issued.noticed.failed
    assert told(world) == ["raised no readings from the cellar since 03:45"]
    assert all(one.finding.start == floor_slot(one.finding.start) for one in world.notices.stored.values())
    (event,) = world.telling.told
    assert event | {
        "house": "h1", "kind": "silent", "room": "cellar", "language": "en", "timezone": "Europe/Brussels",
        "news": "yes", "muted": False, "likely": 1.0, "cleared_at": None,
    } == event  # fmt: skip
    observe(world, ("cellar",))
    for slots in range(1, 5):
        issue(world, slots=slots)
    assert told(world)[1:] == ["cleared readings from the cellar again"]
    (notice,) = world.notices.newest("h1", now=NOW)
    assert notice.cleared_at == NOW + 3 * SLOT
    assert world.notices.watch("h1").unsent == ()


def test_the_same_job_again_tells_nothing_again() -> None:
    world = silent_house()
    issue(world)
    written = world.notices.written
    assert issue(world).noticed.changes == ()
    assert len(world.telling.told) == 1
    assert world.notices.written == written


def test_what_was_not_taken_is_told_at_the_next_tick() -> None:
    world = silent_house()
    world.telling.refuses = 1
    assert issue(world).noticed.untold == 1
    assert told(world) == []
    world.telling.refuses = 0
    assert issue(world, slots=1).noticed.untold == 0
    assert len(told(world)) == 1
    issue(world, slots=2)
    assert len(told(world)) == 1


@pytest.mark.parametrize("broken", ["watch", "put", "bus"])
def test_whatever_fails_the_forecast_stands(
    broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = silent_house()

    def away(*_: Any, **__: Any) -> None:
        raise ConnectionError("no answer")

    if broken == "bus":
        world.telling.away = True
    else:
        monkeypatch.setattr(world.notices, broken, away)
    issued = issue(world)
    assert issued.noticed.failed
    assert len(issued.rooms) == len(world.forecasts.stored) == 2
    assert "notices of a house could not be brought up to date" in caplog.text
    monkeypatch.undo()
    world.telling.away = False
    assert not issue(world, slots=1).noticed.failed
    assert len(told(world)) == 1, "it is told late, and once"


def test_of_two_of_the_same_issue_time_one_writes_and_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    world = silent_house()
    put = world.notices.put

    def second(*given: Any, **more: Any) -> bool:
        monkeypatch.setattr(world.notices, "put", put)
        issue(world)  # another one comes between what the first read and what it writes
        return put(*given, **more)

    monkeypatch.setattr(world.notices, "put", second)
    assert issue(world).noticed.changes == ()
    assert len(told(world)) == 1
    assert len(world.notices.stored) == 1


def test_of_a_house_that_is_forgotten_meanwhile_no_notice_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    world = silent_house()
    watch = world.notices.watch

    def forget(house: str) -> Watch:
        home = world.houses.get("h1")
        if home is not None:
            world.houses.put(tombstone(home, NOW))
        return watch(house)

    monkeypatch.setattr(world.notices, "watch", forget)
    issue(world)
    assert world.notices.stored == {}
    assert told(world) == []


def test_words_are_in_the_house_s_language_and_a_house_may_be_sent_none() -> None:
    world = silent_house()
    home = world.houses.get("h1")
    assert home is not None
    world.houses.put(with_notices(home, language="de", a_day=0))
    issue(world)
    assert told(world) == []
    (notice,) = world.notices.newest("h1", now=NOW)
    assert notice.muted


def test_settings_that_cannot_be_used_count_as_not_set() -> None:
    home = World().houses.get("h1") or silent_house().houses.get("h1")
    assert home is not None
    odd = replace(home, settings={"language": "fr", "notices_a_day": 2.5})
    assert (language_of(odd), notices_a_day_of(odd)) == ("en", 6)
    assert {bad.setting for bad in bad_settings(odd)} == {"language", "number of notices a day"}
    good = with_notices(odd, language="de", a_day=3)
    assert (language_of(good), notices_a_day_of(good), list(bad_settings(good))) == ("de", 3, [])
