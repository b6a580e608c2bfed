"""The command line: every command explains itself, speaks JSON, and ends with the status that README promises."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from roomidity.cli.app import roomidity
from roomidity.cli.explanations import explanation_json, explanation_table
from roomidity.cli.output import notes
from roomidity.forecasting import Explanation
from roomidity.local.simulation import simulate_slots

COMMANDS = [
    "demo",
    "up",
    "send",
    "bridge",
    "translate",
    "drain",
    "forecast",
    "show",
    "notices",
    "advice",
    "watch",
    "verify",
    "accuracy",
    "train",
    "models",
    "rejects",
    "replay",
    "house",
    "room",
    "devices",
    "weather",
    "quarantine",
    "token",
    "rederive",
    "export",
    "forget",
    "backtest",
    "doctor",
    "completion",
]
TIMED = ["drain", "forecast", "show", "notices", "advice", "watch", "verify", "accuracy", "train", "rederive", "doctor"]


def test_the_commands_in_the_order_of_a_readings_way() -> None:
    assert list(roomidity.commands) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_and_speaks_json(name: str) -> None:
    shown = CliRunner().invoke(roomidity, [name, "--help"])
    assert shown.exit_code == 0
    assert "--json" in shown.output
    assert len(roomidity.commands[name].help or "") > 60
    assert ("--now" in shown.output) == (name in TIMED)
    options = [option for option in roomidity.commands[name].params if isinstance(option, click.Option)]
    assert all(option.help or option.hidden for option in options)


@pytest.mark.parametrize("name", ["list", "show", "history", "promote", "rollback", "diff", "prune"])
def test_every_command_about_models_teaches_and_speaks_json(name: str) -> None:
    shown = CliRunner().invoke(roomidity, ["models", name, "--help"])
    assert shown.exit_code == 0
    assert "--json" in shown.output
    assert ("--now" in shown.output) == (name in {"list", "show", "promote", "rollback", "prune"})
    command = roomidity.commands["models"].commands[name]  # type: ignore[attr-defined]
    assert all(option.help for option in command.params if option.param_type_name == "option")


def test_readme_names_every_command_or_where_they_are_listed() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    assert "[docs/commands.md](docs/commands.md) has every command" in readme


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


def hourly(simulated: Path, path: Path) -> Path:
    whole = pl.read_parquet(simulated)
    whole.filter(pl.col("ts").dt.minute() == 0).with_columns(pl.lit("hour").alias("house")).write_parquet(path)
    return path


def test_hourly_readings_are_scored_only_when_that_is_asked_for_and_said_to_be_no_protocol(
    simulated: Path, tmp_path: Path
) -> None:
    path = hourly(simulated, tmp_path / "hourly.parquet")
    refused = CliRunner().invoke(roomidity, ["backtest", "--readings", str(path), "--cold-start"])
    assert refused.exit_code == 1
    assert "hour/kitchen, hour/office: hourly data: 25% of slots have a humidity" in str(refused.exception)
    assert "--cadence hourly" in str(refused.exception)
    arguments = ["backtest", "--readings", str(path), "--cold-start", "--cadence", "hourly"]
    done = CliRunner().invoke(roomidity, [*arguments, "--json"])
    answer = json.loads(done.stdout)
    assert (answer["cadence"], answer["protocol"]) == ("hourly", False)
    assert answer["humidity"]["roomidity"]["rooms"] == 2
    assert all(np.isfinite(list(answer["humidity"]["roomidity"]["by_lead"].values())))
    assert "NOT comparable with 15min" in CliRunner().invoke(roomidity, arguments).stdout


def test_a_room_without_a_hygrometer_is_named_and_scored_beside_the_protocol(simulated: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.parquet"
    whole = pl.read_parquet(simulated).with_columns(pl.lit("one").alias("house"))
    is_office = pl.col("room") == "office"
    whole.with_columns(pl.when(~is_office).then("humidity").alias("humidity")).write_parquet(path)
    done = CliRunner().invoke(roomidity, ["backtest", "--readings", str(path), "--cold-start", "--json"])
    answer = json.loads(done.stdout)
    assert answer["protocol"]
    assert answer["humidity"]["roomidity"]["rooms"] == answer["temperature"]["roomidity"]["rooms"] == 1
    assert list(answer["not_scored"]) == list(answer["temperature_only"]) == ["one/office"]
    assert 0 < answer["temperature_only"]["one/office"]["mae"] < 5
    assert "not scored: one/office: it never measures humidity" in done.stderr


@pytest.mark.parametrize("ending", [".png", ".SVG", ".pdf"])
def test_a_plot_is_of_the_kind_that_its_ending_says(simulated: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"plot{ending}"
    arguments = ["backtest", "--readings", str(simulated), "--prior", "none", "--cold-start", "--plot", str(path)]
    done = CliRunner().invoke(roomidity, arguments)
    assert done.exit_code == 0, done.output
    begins = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[ending.lower()]
    assert path.read_bytes().startswith(begins)
    assert path.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--plot", "plot.jpg"], "found the ending '.jpg'; expected .png, .svg, .pdf"),
        (["--plot", "no-such-folder/plot.png"], "there is no folder 'no-such-folder'"),
        (["--predictions", "no-such-folder/out.parquet"], "there is no folder 'no-such-folder'"),
        (["--jobs", "0"], "'--jobs'"),
    ],
)
def test_what_a_backtest_cannot_write_is_wrong_usage(simulated: Path, options: list[str], reason: str) -> None:
    refused = CliRunner().invoke(roomidity, ["backtest", "--readings", str(simulated), *options])
    assert refused.exit_code == 2
    assert reason in " ".join(refused.output.replace("│", " ").split())


def test_without_matplotlib_a_plot_says_what_to_install(simulated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {"matplotlib", *(name for name in sys.modules if name.startswith("matplotlib."))}:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "roomidity.cli.figures", raising=False)
    arguments = ["backtest", "--readings", str(simulated), "--prior", "none", "--plot", "plot.png"]
    refused = CliRunner().invoke(roomidity, arguments)
    assert refused.exit_code == 1
    assert "pip install 'roomidity[plots]'" in str(refused.exception)


def test_matplotlib_is_loaded_for_a_plot_alone() -> None:
    script = "import sys, roomidity.cli.app, roomidity.forecasting.backtest; print('matplotlib' in sys.modules)"
    done = subprocess.run(  # noqa: S603  # our own Python
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_the_rooms_of_a_backtest_average_to_the_house(simulated: Path) -> None:
    arguments = ["backtest", "--readings", str(simulated), "--prior", "none", "--cold-start", "--by-room", "--json"]
    done = CliRunner().invoke(roomidity, arguments)
    answer = json.loads(done.stdout)
    assert list(answer["rooms"]) == ["stambruges/kitchen", "stambruges/office"]
    for quantity in ("humidity", "temperature"):
        rooms = [room[quantity] for room in answer["rooms"].values()]
        whole = answer[quantity]["roomidity"]
        assert sum(room["origins"] for room in rooms) == whole["origins"]
        for figure in ("mae", "coverage"):
            assert np.mean([room[figure] for room in rooms]) == pytest.approx(whole[figure])
    assert "stambruges/kitchen" in done.stderr
    assert "room by room" in done.stderr


def set_to(**columns: pl.Expr) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda readings: readings.with_columns(**columns)


TEMPERATURE, HUMIDITY, TS = pl.col("temperature"), pl.col("humidity"), pl.col("ts")
FAULTS: dict[str, tuple[Any, list[str]]] = {
    "no temperature": (lambda readings: readings.drop("temperature"), ["temperature"]),
    "no humidity": (lambda readings: readings.drop("humidity"), ["humidity"]),
    "no time": (lambda readings: readings.drop("ts"), ["column 'ts': found only", "expected a column 'ts'"]),
    "Fahrenheit": (set_to(temperature=TEMPERATURE * 1.8 + 32), ["temperature 6", "can only be in °F", "--unit f"]),
    "Kelvin": (set_to(temperature=TEMPERATURE + 273.15), ["temperature 29", "kelvin", "--unit k"]),
    "shares": (set_to(humidity=HUMIDITY / 100), ["humidity 0.", "shares of one", "--unit share"]),
    "infinity": (set_to(temperature=pl.lit(float("inf"))), ["implausible", "inf °C"]),
    "naive": (set_to(ts=TS.dt.replace_time_zone(None)), ["bad_time", "has no offset", "--timezone UTC"]),
    "words": (set_to(humidity=pl.lit("dry")), ["bad_value", "'dry' is no number"]),
    "no rows": (pl.DataFrame.clear, ["found no rows; expected readings"]),
}
"""What is done to a file, and words of the error."""


@pytest.mark.parametrize("option", ["--readings", "--outdoor"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_backtest_of_a_bad_file_says_what_was_found_and_what_to_do(
    simulated: Path, tmp_path: Path, option: str, fault: str
) -> None:
    spoil, words = FAULTS[fault]
    good = pl.read_parquet(simulated)
    if option == "--outdoor":
        good = good.filter(pl.col("room") == "office").select("ts", "temperature", "humidity")
    path = tmp_path / "bad.parquet"
    spoil(good).write_parquet(path)
    files = {"--readings": simulated} | {option: path}
    refused = CliRunner().invoke(
        roomidity, ["backtest", "--prior", "none", *(str(part) for pair in files.items() for part in pair)]
    )
    assert refused.exit_code == 1
    text = str(refused.exception)
    assert text.startswith(f"roomidity: {path}: ")
    assert all(word in text for word in words), text
    assert len(text.splitlines()) <= 20


FORMS: dict[str, Any] = {
    "text": lambda readings: readings.with_columns(pl.col("ts").dt.to_string("iso")).cast(pl.String),
    "twice": lambda readings: pl.concat([readings, readings.tail(300)]),
    "in another order": lambda readings: readings.sort("ts", "room", descending=True),
    "a clock's times": set_to(ts=TS.dt.convert_time_zone("Europe/Berlin").dt.replace_time_zone(None)),
    "categories": lambda readings: readings.cast({"house": pl.Categorical, "room": pl.Categorical}),
}
"""The same readings otherwise."""


@pytest.mark.parametrize("form", FORMS)
def test_a_backtest_is_the_same_whatever_the_form_of_its_readings(simulated: Path, tmp_path: Path, form: str) -> None:
    arguments = ["--prior", "none", "--cold-start", "--timezone", "Europe/Berlin", "--json"]
    wanted = CliRunner().invoke(roomidity, ["backtest", "--readings", str(simulated), *arguments])
    path = tmp_path / "a.parquet"
    FORMS[form](pl.read_parquet(simulated)).write_parquet(path)
    found = CliRunner().invoke(roomidity, ["backtest", "--readings", str(path), *arguments])
    assert json.loads(found.stdout) == json.loads(wanted.stdout)


@pytest.mark.parametrize("option", ["--readings", "--outdoor"])
def test_a_backtest_of_what_holds_no_readings_says_so(simulated: Path, tmp_path: Path, option: str) -> None:
    path = tmp_path / "bad.parquet"
    path.write_text("Dear diary,\n\ntoday it was damp.\n", "utf-8")
    files = {"--readings": simulated} | {option: path}
    refused = CliRunner().invoke(roomidity, ["backtest", *(str(part) for pair in files.items() for part in pair)])
    assert refused.exit_code == 1
    assert f"{path}: found the columns 'Dear diary'" in str(refused.exception)
    assert "expected a column 'temperature' or 'humidity'" in str(refused.exception)


@pytest.mark.parametrize("column", ["house", "room"])
def test_a_backtest_needs_house_and_room(simulated: Path, tmp_path: Path, column: str) -> None:
    path = tmp_path / "bad.parquet"
    pl.read_parquet(simulated).drop(column).write_parquet(path)
    refused = CliRunner().invoke(roomidity, ["backtest", "--readings", str(path)])
    assert refused.exit_code == 1
    assert f"column {column!r}: found only" in str(refused.exception)
    assert f"--{column} NAME" in str(refused.exception)


def test_an_explanation_has_every_expert_that_counts_and_says_what_is_unknown() -> None:
    experts = (
        ("prior", np.full(5, 0.6), np.array([0.1, 0.2, 0.3, 0.4, 0.5])),
        ("persistence", np.full(5, 0.4), np.zeros(5)),
        ("yesterday", np.zeros(5), np.ones(5)),
    )
    outside, expected = np.array([0.0, 0.1, 0.1, 0.2, 0.2]), np.array([0.06, 0.12, 0.18, 0.24, 0.3])
    ahead = np.array([0.0, -0.5, -1.0, -6.0, -2.0])
    told = "drier air from noon: -6 %RH by 15:00"
    reason = Explanation("humidity", 51.26, -0.4, float("nan"), experts, outside, expected, ahead, told)
    with notes.capture() as shown:
        notes.print(explanation_table(reason))
    assert "from 51.3 %RH (-0.4 in the last hour, unknown in the last 24 h)" in " ".join(shown.get().split())
    assert "nothing changes" in shown.get()
    assert "yesterday" not in shown.get()
    assert "air outside" in shown.get()
    assert "weather ahead" in shown.get()
    assert "-6.0" in shown.get()
    assert explanation_json(reason)["weather"] == {"words": told, "changes": ahead.tolist()}
    assert explanation_json(reason)["last_day"] is None
    assert explanation_json(reason)["outdoor"] == outside.tolist()
    assert explanation_json(reason)["expected"] == [0.06, 0.12, 0.18, 0.24, 0.3]
