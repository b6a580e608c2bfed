"""The weather ahead by its commands, against moto: imported as it was issued, listed, shown, and never twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from click.testing import CliRunner

from roomidity.cli.app import roomidity
from roomidity.composition import Stage
from roomidity.domain.houses import House
from roomidity.domain.position import Position
from roomidity.domain.slots import format_moment
from roomidity.domain.weather import HOURS, WeatherIssue, house_place
from roomidity.pipeline.weather_ahead import HeldWeather, weather_known
from roomidity.readings.issue_table import issue_rows
from tests.integration.stage import Run, metered
from tests.unit.samples import NOW

HOUR: Final = timedelta(hours=1)
AT: Final = format_moment(NOW)


def issue(hours_ago: int, *, level: float = 5.0) -> WeatherIssue:
    at = NOW.replace(minute=0) - hours_ago * HOUR
    return WeatherIssue(house_place("h1"), at, at + 4 * HOUR, at, (level,) * HOURS, (80.0,) * HOURS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "issued.parquet"
    issue_rows([issue(24 + 6 * number) for number in range(40)] + [issue(6, level=7.25)]).write_parquet(path)
    return path


def test_history_is_imported_once_listed_and_shown_as_it_was_known(stage: Stage, run: Run, file: Path) -> None:
    stage.houses.put(House("h1", "UTC", admitted_at=NOW))
    answer = run("weather", "import", str(file), "--house", "h1")
    assert answer == {"place": "house:h1", "stored": 41, "there": 0, "refused": 0}
    assert run("weather", "import", str(file), "--house", "h1")["there"] == 41
    listed = run("weather", "list", "h1", "--now", AT, "--limit", "3")["issues"]
    assert [(one["issued_at"], one["covers_24_h"]) for one in listed] == [
        (format_moment(issue(6).issued_at), True),
        (format_moment(issue(24).issued_at), bool(NOW.minute == 0)),
        (format_moment(issue(30).issued_at), False),
    ]
    shown = run("weather", "show", "h1", "--now", AT)
    assert (shown["issued_at"], shown["hours"][0]["temperature"]) == (format_moment(issue(6).issued_at), 7.25)
    assert len(shown["hours"]) in (24, 25)
    early = run("weather", "show", "h1", "--now", format_moment(NOW.replace(minute=0) - 3 * HOUR))
    assert early["hours"][0]["temperature"] == 5.0, "what came an hour later was not known"
    assert "docs/weather.md" in run("weather", "show", "h1", "--now", format_moment(NOW + 60 * HOUR), status=1)["error"]


def test_a_place_is_imported_to_a_tenth_of_a_degree_and_serves_who_is_there(stage: Stage, run: Run, file: Path) -> None:
    stage.houses.put(House("h1", "UTC", admitted_at=NOW))
    assert run("weather", "import", str(file), "--position", "52.517,13.389")["place"] == "place:52.5,13.4"
    assert run("weather", "list", "h1", "--now", AT)["issues"] == []
    run("house", "h1", "--position", "52.51,13.44")
    assert len(run("weather", "list", "h1", "--now", AT)["issues"]) == 20


def test_what_cannot_be_an_issue_is_left_out_and_told(run: Run, stage: Stage, tmp_path: Path) -> None:
    stage.houses.put(House("h1", "UTC", admitted_at=NOW))
    wild = replace(issue(12), temperature=(float("nan"),) + (5.0,) * 48)
    path = tmp_path / "some.parquet"
    issue_rows([issue(6), wild]).write_parquet(path)
    answer: dict[str, Any] = run("weather", "import", str(path), "--house", "h1")
    assert (answer["stored"], answer["refused"]) == (1, 1)
    issue_rows([issue(6)]).head(48).write_parquet(path)
    said = run("weather", "import", str(path), "--house", "h1", status=1)["error"]
    assert "expected 49 hourly rows" in said


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pl.DataFrame({"ts": [1]}), "column 'issued_at'"),
        (issue_rows([issue(6)]).with_columns(pl.col("ts").dt.replace_time_zone(None)), "times with a time zone"),
        (issue_rows([issue(6)]).with_columns(pl.col("humidity").cast(pl.String)), "expected numbers"),
        (None, "expected parquet"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_what_was_expected(
    stage: Stage, run: Run, tmp_path: Path, table: pl.DataFrame | None, said: str
) -> None:
    stage.houses.put(House("h1", "UTC", admitted_at=NOW))
    path = tmp_path / "odd.parquet"
    path.write_text("no parquet")
    if table is not None:
        table.write_parquet(path)
    assert said in run("weather", "import", str(path), "--house", "h1", status=1)["error"]


def test_whose_weather_it_is_must_be_said_once(stage: Stage, run: Run, file: Path) -> None:
    assert CliRunner().invoke(roomidity, ["weather", "import", str(file)]).exit_code == 2
    both = ["weather", "import", str(file), "--house", "h1", "--position", "1,1"]
    assert CliRunner().invoke(roomidity, both).exit_code == 2
    assert "house 'h1'" in run("weather", "import", str(file), "--house", "h1", status=1)["error"]
    assert stage.weather.issues([house_place("h1")], since=NOW - 99 * HOUR, until=NOW) == []


def test_an_issue_takes_one_write_unit_and_a_forecasts_look_at_it_one_read_unit(stage: Stage) -> None:
    """At its dearest: two decimals and a sign everywhere. Held from tick to tick; a house with a place of its own."""
    place = Position(52.5, 13.4)
    dear = [round(-20.01 - hour / 100, 2) for hour in range(HOURS)]
    humid = [round(80.01 + hour / 100, 2) for hour in range(HOURS)]
    home = House("h1", "UTC", settings={"position": place.plain()}, admitted_at=NOW)
    known = [
        replace(issue(hours, level=0.0), place=place.place, temperature=tuple(dear), humidity=tuple(humid))
        for hours in range(8, 8 * 24, 6)
    ]
    stage.houses.put(home)
    with metered() as meter:
        here = import_module("handlers.runtime").stage()
        here.weather.put_many(known[:1])
        assert meter.take()["write_units", "weather"] == 1
        here.weather.put_many(known[1:])
        held = HeldWeather()
        assert len(weather_known(here.weather, home, held, until=NOW)) == len(known)
        meter.take()
        weather_known(here.weather, home, held, until=NOW + HOUR / 4)
        counted = meter.take()
        assert counted["read_units", "weather"] <= 1.5
        weather_known(here.weather, home, held, until=NOW + HOUR / 4)
        assert not meter.take(), "of the same tick nothing is read again"
