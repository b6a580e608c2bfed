"""Weather ahead in a backtest: the file's form, the options, and what is said where they cannot be met."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from roomidity.cli.app import roomidity
from roomidity.cli.weather_ahead import read_issues
from roomidity.domain.weather import HOURS
from roomidity.errors import InputError
from roomidity.local.simulation import simulate_slots

START = datetime(2026, 2, 1, tzinfo=UTC)


def rows(*, issues: int = 3, hours: int = HOURS) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "issued_at": (begin := START + timedelta(hours=6 * number)),
                "known_from": begin + timedelta(hours=4),
                "ts": begin + timedelta(hours=hour),
                "temperature": 5.0 + 0.1 * hour,
                "humidity": 80.0,
            }
            for number in range(issues)
            for hour in range(hours)
        ]
    )


def write(frame: pl.DataFrame, folder: Path) -> Path:
    path = folder / "issues.parquet"
    frame.write_parquet(path)
    return path


def test_a_file_of_issues_is_read_oldest_first_in_any_order_of_rows(tmp_path: Path) -> None:
    found = read_issues(write(rows().sample(fraction=1, shuffle=True, seed=1), tmp_path))
    assert [one.issued_at for one in found] == [START + timedelta(hours=6 * number) for number in range(3)]
    assert found[0].known_from == START + timedelta(hours=4)
    assert found[0].first == START
    assert found[0].temperature[10] == pytest.approx(6.0)
    naive = rows().with_columns(pl.col("issued_at", "known_from", "ts").dt.replace_time_zone(None))
    assert read_issues(write(naive, tmp_path)) == found


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda frame: frame.drop("known_from"), "lacks known_from"),
        (lambda frame: frame.with_columns(ts=pl.lit("now")), "no times in ts"),
        (lambda frame: frame.head(-1), "48 rows; expected 49"),
        (lambda frame: frame.with_columns(ts=pl.col("ts").dt.offset_by("1h")).vstack(frame), "98 rows; expected 49"),
        (lambda frame: frame.with_columns(temperature=pl.lit(None, pl.Float64)), "temperature that is missing"),
        (lambda frame: frame.with_columns(humidity=pl.lit(float("nan"))), "humidity that is missing"),
        (lambda frame: frame.with_columns(humidity=pl.lit(130.0)), "outside 0 to 100"),
        (lambda frame: frame.with_columns(known_from=pl.col("issued_at").dt.offset_by("-1h")), "before it was issued"),
    ],
)
def test_a_file_that_is_not_of_issues_is_refused_with_what_was_expected(
    spoil: Callable[[pl.DataFrame], pl.DataFrame], told: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=told):
        read_issues(write(spoil(rows()), tmp_path))


def test_a_path_that_is_no_parquet_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no file"):
        read_issues(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("no")
    with pytest.raises(InputError, match="expected a Parquet file"):
        read_issues(tmp_path / "text.parquet")


def test_a_backtest_with_weather_ahead_says_so_and_needs_the_air_outside(tmp_path: Path) -> None:
    slots = simulate_slots(seed=3, start=START, days=14, house="unseen")
    room = slots.filter(pl.col("room").is_in(["kitchen", "outdoor"]))
    whole, indoors = tmp_path / "whole.parquet", tmp_path / "indoors.parquet"
    room.write_parquet(whole)
    room.filter(pl.col("room") == "kitchen").write_parquet(indoors)
    arguments = ["backtest", "--readings", str(whole), "--prior", "none", "--cold-start", "--json"]
    found = {}
    for options in (
        [],
        ["--weather-noise", "1"],
        ["--weather", "perfect"],
        ["--weather", str(write(rows(), tmp_path))],
    ):
        answer = CliRunner().invoke(roomidity, [*arguments, *options])
        assert answer.exit_code == 0, answer.output
        found[answer_of(answer.stdout)["weather"]] = answer_of(answer.stdout)
    assert list(found)[:3] == [None, "noise 1", "perfect"]
    refused = CliRunner().invoke(roomidity, ["backtest", "--readings", str(indoors), "--weather-noise", "1"])
    assert refused.exit_code == 1
    assert "the air outside of unseen is not known" in str(refused.exception)
    both = CliRunner().invoke(roomidity, [*arguments, "--weather", "perfect", "--weather-noise", "1"])
    assert both.exit_code == 2


def answer_of(text: str) -> dict[str, object]:
    answer: dict[str, object] = json.loads(text)
    return answer
