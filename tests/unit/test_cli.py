"""The command line: every command explains itself, speaks JSON, and ends with the status that design.md promises."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from roomidity.cli.app import roomidity
from roomidity.cli.explanations import explanation_json, explanation_table
from roomidity.cli.output import notes
from roomidity.forecasting import Explanation
from roomidity.local.simulation import simulate_slots

COMMANDS = ["demo", "up", "send", "drain", "forecast", "show", "train", "rejects", "backtest"]
TIMED = ["drain", "forecast", "show", "train"]


def test_the_commands_in_the_order_of_a_readings_way() -> None:
    assert list(roomidity.commands) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_and_speaks_json(name: str) -> None:
    shown = CliRunner().invoke(roomidity, [name, "--help"])
    assert shown.exit_code == 0
    assert "--json" in shown.output
    assert len(roomidity.commands[name].help or "") > 60
    assert ("--now" in shown.output) == (name in TIMED)
    assert all(option.help for option in roomidity.commands[name].params if option.param_type_name == "option")


def test_readme_names_every_command_or_where_they_are_listed() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    assert "`roomidity --help` lists the commands" in readme


def test_wrong_usage_is_status_2_and_says_so() -> None:
    for arguments in (["drain", "--now", "yesterday"], ["backtest"], ["send", "no-such-file.parquet"], ["dance"]):
        assert CliRunner().invoke(roomidity, arguments).exit_code == 2, arguments


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("backtest") / "house.parquet"
    start = datetime(2026, 1, 5, tzinfo=UTC)
    slots = simulate_slots(seed=3, start=start, days=18, house="stambruges", timezone="Europe/Brussels")
    slots.filter(pl.col("room").is_in(["kitchen", "office"])).write_parquet(path)
    return path


def test_a_prior_that_knows_the_house_is_refused_by_name(simulated: Path) -> None:
    refused = CliRunner().invoke(roomidity, ["backtest", "--readings", str(simulated)])
    assert refused.exit_code == 1
    assert "trained on stambruges" in str(refused.exception)


def test_a_backtest_answers_one_json_object_and_writes_the_predictions(simulated: Path, tmp_path: Path) -> None:
    out = tmp_path / "predictions.parquet"
    arguments = ["backtest", "--readings", str(simulated), "--prior", "none", "--json", "--predictions", str(out)]
    done = CliRunner().invoke(roomidity, arguments)
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["houses"] == ["stambruges"]
    assert answer["humidity"]["roomidity"]["rooms"] == 2
    assert answer["temperature"]["roomidity"]["persistence_mae"] == answer["temperature"]["persistence"]["mae"]
    predictions = pl.read_parquet(out)
    quantiles = [f"p{level}" for level in range(10, 100, 10)]
    assert predictions.columns == ["house", "room", "issued_at", "lead", "variable", *quantiles]
    assert predictions.schema["issued_at"] == pl.Datetime("ms", "UTC")
    assert set(predictions["lead"]) == set(range(1, 97))
    assert set(predictions["variable"]) == {"humidity", "temperature"}
    assert (np.diff(predictions.select(quantiles).to_numpy(), axis=1) >= 0).all()
    assert set(predictions["issued_at"].dt.hour()) == {0, 6, 12, 18}


def test_too_short_readings_say_how_long_they_should_be(simulated: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.parquet"
    pl.read_parquet(simulated).filter(pl.col("ts") < datetime(2026, 1, 8, tzinfo=UTC)).write_parquet(path)
    refused = CliRunner().invoke(roomidity, ["backtest", "--readings", str(path), "--prior", "none"])
    assert refused.exit_code == 1
    assert "two weeks" in str(refused.exception)


def test_an_explanation_has_every_expert_that_counts_and_says_what_is_unknown() -> None:
    experts = (
        ("prior", np.full(5, 0.6), np.array([0.1, 0.2, 0.3, 0.4, 0.5])),
        ("persistence", np.full(5, 0.4), np.zeros(5)),
        ("yesterday", np.zeros(5), np.ones(5)),
    )
    reason = Explanation("humidity", 51.26, -0.4, float("nan"), experts, np.array([0.06, 0.12, 0.18, 0.24, 0.3]))
    with notes.capture() as shown:
        notes.print(explanation_table(reason))
    assert "from 51.3 %RH (-0.4 in the last hour, unknown in the last 24 h)" in " ".join(shown.get().split())
    assert "nothing changes" in shown.get()
    assert "yesterday" not in shown.get()
    assert explanation_json(reason)["last_day"] is None
    assert explanation_json(reason)["expected"] == [0.06, 0.12, 0.18, 0.24, 0.3]
