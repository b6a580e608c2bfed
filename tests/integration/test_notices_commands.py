"""A house's notices by the commands: shown, in its language, beside the forecast, and in a terminal that stays open."""

from __future__ import annotations

import io
import time
from datetime import datetime, timedelta
from typing import Final

import pytest
from rich.console import Console

from roomidity.cli.output import Output
from roomidity.cli.watch import watch
from roomidity.composition import Stage
from roomidity.domain.houses import House, Room
from roomidity.domain.notices.notice import Finding, Notice, Watch
from roomidity.domain.slots import SLOT, format_moment
from tests.integration.stage import Run
from tests.integration.test_tables import START, forecast

NOW: Final = START + timedelta(minutes=5)
DAMP: Final = Finding("humid", "kitchen", 0.8, START + timedelta(hours=11.25), START + timedelta(hours=13.5))


@pytest.fixture
def house(stage: Stage) -> House:
    """A house with a forecast, an open notice and one that was cleared."""
    room = Room(START - timedelta(days=9), START, frozenset({""}), {"humidity": START, "temperature": START})
    stage.houses.put(House("h1", "Europe/Berlin", {"kitchen": room, "office": room}))
    stage.forecasts.put_many([forecast(), forecast(room="office")])
    notice = Notice("h1", DAMP, raised_at=START)
    was = Notice("h1", Finding("silent", "office", 1.0, START - 9 * SLOT), START - 8 * SLOT, START - SLOT, muted=True)
    home = stage.houses.get("h1")
    assert home is not None
    assert stage.notices.put(Watch("h1", at=START, opened={DAMP.key: notice}), [notice, was], home=home)
    return home


def at(moment: datetime = NOW) -> tuple[str, str]:
    return "--now", format_moment(moment)


def test_notices_are_shown_open_and_cleared_and_in_the_house_s_language(house: House, run: Run) -> None:
    found = run("notices", house.name, *at())
    (one,) = found["open"]
    assert one["text"] == "kitchen: over 70 %RH from 12:15 to 14:30, 80 % likely"
    assert [(was["kind"], was["muted"], was["cleared_at"]) for was in found["cleared"]] == [
        ("silent", True, "2026-03-14T23:45Z")
    ]
    changed = run("house", house.name, "--language", "de", "--notices-a-day", "2")
    assert (changed["language"], changed["notices_a_day"]) == ("de", 2)
    text = "kitchen: über 70 % Luftfeuchte von 12:15 bis 14:30, zu 80 % wahrscheinlich"
    assert run("notices", house.name, *at())["open"][0]["text"] == text


def test_show_has_those_of_its_rooms(house: House, run: Run) -> None:
    assert [one["room"] for one in run("show", house.name, *at())["notices"]] == ["kitchen"]
    assert run("show", f"{house.name}/office", *at())["notices"] == []


def test_watch_says_all_in_one_object(house: House, run: Run) -> None:
    found = run("watch", house.name, *at())
    assert [one["room"] for one in found["rooms"]] == ["kitchen", "office"]
    assert all(0 <= one["damp_risk"] <= 1 for one in found["rooms"])
    assert len(found["notices"]) == 1
    assert "'h9'" in run("watch", "h9", *at(), status=1)["error"]


def test_watch_stays_open_follows_the_terminal_s_width_and_ends_clean(
    house: House, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=120, height=30)
    monkeypatch.setattr(Output, "__init__", lambda self, **_: self.__dict__.update(as_json=False, tables=console))
    seen: list[str] = []

    def sleep(_: float) -> None:
        seen.append(text.getvalue())
        if len(seen) == 2:
            console.width = 60
        if len(seen) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)
    watch.main(["h1"], standalone_mode=False)
    assert "24 hours" in seen[0]
    assert "kitchen" in seen[0]
    assert "over 70 %RH" in seen[0]
    assert seen[1] == seen[0], "nothing is drawn while nothing changes"
    assert "24 hours" not in seen[3].removeprefix(seen[1])
    assert "kitchen" in seen[3].removeprefix(seen[1])
    assert text.getvalue().endswith("\x1b[?25h\x1b[?1049l"), "the cursor and the screen are back"
