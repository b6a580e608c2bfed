"""scripts/training-memory: what it measures, on houses as small as a training allows."""

from __future__ import annotations

import json
import shutil
from argparse import ArgumentTypeError

import pytest

from scripts.tools import training_memory

DAYS = 8


def test_a_training_is_measured_apart_and_its_digest_tells_one_model_from_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = [training_memory.measure(1, DAYS, weather=weather) for weather in (False, True)]
    monkeypatch.setattr("sys.argv", ["training-memory", "--rooms", "1", "--days", str(DAYS), "--no-weather", "--json"])
    training_memory.main()
    (apart,) = json.loads(capsys.readouterr().out)["trainings"]
    assert apart["digest"] == here[0]["digest"] != here[1]["digest"]
    assert apart["peak_mb"] > apart["before_mb"] > 0


def test_each_number_of_rooms_is_a_row_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "sys.argv", ["training-memory", "--rooms", "1,2", "--days", str(DAYS), "--no-weather", "--json"]
    )
    monkeypatch.setattr(training_memory, "apart", lambda rooms, arguments: {"rooms": rooms, "days": arguments.days})
    training_memory.main()
    said = capsys.readouterr()
    assert json.loads(said.out) == {
        "days": DAYS,
        "weather": False,
        "trainings": [{"rooms": 1, "days": DAYS}, {"rooms": 2, "days": DAYS}],
    }


def test_a_training_that_dies_is_said_and_ends_with_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["training-memory", "--rooms", "1", "--json"])
    monkeypatch.setattr("sys.executable", shutil.which("false"))
    with pytest.raises(SystemExit, match="1"):
        training_memory.main()
    said = capsys.readouterr()
    assert said.out == ""
    assert "the training of 1 rooms ended with 1: is there memory enough?" in said.err


@pytest.mark.parametrize("text", ["0", "65", "8,65", "-1"])
def test_a_house_has_1_to_64_rooms(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="1 to 64 rooms"):
        training_memory.numbers(text)
