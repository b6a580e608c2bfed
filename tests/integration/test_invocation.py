"""What `serverless invoke local` calls: answers as the handler's, and failures in lines for a person."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest

from roomidity.composition import Stage
from roomidity.domain.houses import House
from roomidity.local import invocation
from roomidity.local.functions import Context

JOB: Final = {"house": "h1", "issued_at": "2026-03-15T00:00Z"}

Invoke = Callable[..., Any]


def jobs(*houses: str) -> dict[str, Any]:
    """As a person writes them: with no more than it takes."""
    return {
        "Records": [
            {"messageId": str(number), "body": json.dumps(JOB | {"house": house})}
            for number, house in enumerate(houses)
        ]
    }


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Iterator[Invoke]:
    runtime = import_module("handlers.runtime")
    runtime.stage.cache_clear()

    def call(function: str, event: Any, *, handler: str = "handlers.{}.handler") -> Any:
        monkeypatch.setenv("ROOMIDITY_HANDLER", handler.format(function))
        return invocation.handler(event, Context(function_name=function))

    yield call
    runtime.stage.cache_clear()


@pytest.fixture
def fails(invoke: Invoke, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a failing call says: one line, or as many as it has reasons."""

    def call(function: str, event: Any, *, lines: int = 1) -> str:
        with pytest.raises(SystemExit) as ended:
            invoke(function, event)
        assert ended.value.code == 1
        said = capsys.readouterr().err
        assert [line.startswith(f"{function}: ") for line in said.splitlines()] == [True] * lines
        return said

    return call


def test_an_answer_is_the_handlers(stage: Stage, invoke: Invoke, capsys: pytest.CaptureFixture[str]) -> None:
    stage.houses.put(House(name="h1", timezone="Europe/Brussels", rooms={}))
    assert invoke("forecast", jobs("h1")) == {"batchItemFailures": []}
    assert not capsys.readouterr().err


def test_of_jobs_that_failed_beside_others_each_reason_is_told_once(
    stage: Stage, invoke: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.houses.put(House(name="h1", timezone="Europe/Brussels", rooms={}))
    answer = invoke("forecast", jobs("nobody", "h1", "nobody", "no one"))
    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["0", "2", "3"]
    assert capsys.readouterr().err.splitlines() == [
        "forecast: house 'nobody' does not exist; it appears with its first reading (job failed)",
        "forecast: house 'no one' does not exist; it appears with its first reading (job failed)",
    ]


@pytest.mark.parametrize("function", ["drain", "forecast", "train", "verify"])
def test_of_a_stage_that_is_not_there_a_line_says_what_is_missing(
    stage: Stage, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    monkeypatch.setenv("ROOMIDITY_STAGE", "elsewhere")
    missing = ["queue 'roomidity-elsewhere-readings'"] if function == "drain" else []
    missing.append("roomidity-elsewhere-houses")  # a drain asks for forecasts also where it finds no queue
    said = fails(function, jobs("h1", "h2"), lines=len(missing))  # to drain and verify jobs mean nothing
    for line, name in zip(said.splitlines(), missing, strict=True):
        assert name in line
        assert "deploy the stack, or check ROOMIDITY_STAGE" in line


@pytest.mark.parametrize("event", ["no JSON", ["a", "list"], None, 5])
def test_an_event_that_is_no_object_is_told(fails: Callable[..., str], event: Any) -> None:
    assert "expected a JSON object" in fails("drain", event)


@pytest.mark.parametrize("function", ["forecast", "train"])
@pytest.mark.parametrize(
    "event",
    [
        {},
        JOB,
        {"Records": []},
        {"Records": JOB},
        {"Records": [JOB]},
        {"Records": [{"body": "{}"}]},
        {"Records": [{"messageId": "1", "body": JOB}]},
    ],
)
def test_an_event_that_has_no_jobs_is_told(fails: Callable[..., str], function: str, event: dict[str, Any]) -> None:
    assert "expected 'Records', each with messageId and body" in fails(function, event)


def test_a_setting_that_cannot_be_used_is_told(fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOMIDITY_RETENTION_DAYS", "for ever")
    assert "ROOMIDITY_RETENTION_DAYS is 'for ever'; expected a whole number" in fails("drain", {})


def test_a_fault_of_the_program_stays_one(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is raised and logged; so is the traceback of all that is not left out for its reason."""
    (tmp_path / "faulty.py").write_text(
        "import logging\n"
        "from roomidity.errors import InputError\n"
        "def handler(event, context):\n"
        "    for kind in (InputError, KeyError):\n"
        "        try:\n"
        "            raise kind('here')\n"
        "        except kind:\n"
        "            logging.exception('failed by %s', kind.__name__)\n"
        "    raise KeyError('there')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(KeyError, match="there"):
        invoke("faulty", {}, handler="{}.handler")
    assert [record.getMessage() for record in caplog.records] == ["failed by KeyError"]


def test_a_python_without_what_it_takes_is_told(invoke: Invoke) -> None:
    with pytest.raises(SystemExit, match=r"No module named 'not_installed'; expected what scripts/demo installs"):
        invoke("not_installed", {}, handler="{}.handler")
