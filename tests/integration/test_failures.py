"""What the world does to a command is told in a sentence: every command through every failure, raised by botocore."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import pytest
from botocore.client import BaseClient
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    SSOTokenLoadError,
)
from botocore.parsers import ResponseParserError
from botocore.session import Session
from moto import mock_aws

from roomidity.aws.dynamodb import botocore_session
from roomidity.cli.app import roomidity
from roomidity.cli.context import stage as cli_stage
from roomidity.composition import Stage
from roomidity.domain.weather import HOURS, WeatherIssue
from roomidity.readings.issue_table import issue_rows
from scripts.tools.write_commands import commands
from tests.integration.conftest import ENVIRONMENT
from tests.integration.stage import create
from tests.integration.test_handlers import NOW, observe

ARGUMENTS: Final[Mapping[str, str]] = {
    "house": "h1",
    "place": "h1/kitchen",
    "version": "20260315T0000Z-0a1b2c3d",
    "other": "20260315T0000Z-4e5f6a7b",
    "file": "readings.jsonl",
    "device": "zigbee2mqtt/bath",
    "room": "bath",
    "token_id": "0a1b2c3d",
}
OPTIONS: Final[Mapping[str, list[str]]] = {
    "readings": ["--readings", "readings.jsonl"],
    "out": ["--out", "exported"],
    "address": ["--mqtt", "mqtt://127.0.0.1:9"],
    "house": ["--house", "h1"],
}
MORE: Final[Mapping[str, list[str]]] = {
    "forget": ["--yes"],
    "quarantine remove": ["--rule", "0a1b2c"],
    "quarantine add": ["--from", "2026-03-14T00:00Z", "--to", "2026-03-15T00:00Z"],
}
LOCAL: Final = {"demo", "up", "bridge", "backtest", "translate", "completion"}
"""They ask nothing of AWS, have an engine of their own, or, as the bridge, outlast its absence."""

ALL: Final = {" ".join(path): command for path, command in commands(roomidity) if not isinstance(command, click.Group)}


def typed(name: str) -> list[str]:
    """A command with all that it must be given; of a new one, what that is has to be said above."""
    if name == "devices import":
        return [*name.split(), "h1", "devices.json"]
    if name == "weather import":
        return [*name.split(), "weather.parquet", "--house", "h1"]
    words = name.split()
    for parameter in ALL[name].params:
        if isinstance(parameter, click.Argument):
            words.append(ARGUMENTS[str(parameter.name)])
        elif parameter.required:
            words += OPTIONS[str(parameter.name)]
    return [*words, *MORE.get(name, [])]


class Ended(NamedTuple):
    status: int
    out: str
    err: str


def ended(capsys: pytest.CaptureFixture[str], *arguments: str) -> Ended:
    """Run a command as a shell does: a status, and what stands on either stream."""
    capsys.readouterr()
    cli_stage.cache_clear()  # a shell starts a process: nothing of the command before is known
    with pytest.raises(SystemExit) as end:
        roomidity.main(list(arguments), prog_name="roomidity")
    out, err = capsys.readouterr()
    code = end.value.code
    if isinstance(code, str):
        return Ended(1, out, err + code + "\n")
    return Ended(int(code or 0), out, err)


def check(done: Ended, *, to_do: str) -> None:
    """One sentence, which says what to do."""
    assert done.status == 1, done
    assert "Traceback" not in done.err
    assert 1 <= len(done.err.strip().splitlines()) <= 3, done.err
    assert to_do in done.err
    assert done.out == ""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    reading = {"house": "h1", "room": "kitchen", "ts": "2026-03-15T00:00:00Z", "temperature": 20.5, "humidity": 50.5}
    (tmp_path / "readings.jsonl").write_text(json.dumps(reading) + "\n", "utf-8")
    hours = (5.0,) * HOURS
    issue_rows([WeatherIssue("house:h1", NOW, NOW, NOW, hours, hours)]).write_parquet(tmp_path / "weather.parquet")
    (tmp_path / "devices.json").write_text('{"zigbee2mqtt/bath": "bath"}', "utf-8")
    for variable, value in ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    return tmp_path


@pytest.fixture(autouse=True, scope="module")
def clients() -> Iterator[None]:
    """Their models are loaded once: what fails does so behind them."""
    cli_stage.cache_clear()
    loader = botocore_session().get_component("data_loader")

    def session() -> Session:
        made = botocore_session()
        made.register_component("data_loader", loader)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("roomidity.aws.clients.botocore_session", session)
        yield
    cli_stage.cache_clear()


def said(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "the service's words"}}, "Operation")


HERE: Final = "http://127.0.0.1:9/"
FAILURES: Final[Mapping[str, tuple[Exception, str]]] = {
    "no credentials": (NoCredentialsError(), "AWS_PROFILE"),
    "no single sign-on": (SSOTokenLoadError(error_msg="no token"), "log in again"),
    "no role": (CredentialRetrievalError(provider="process", error_msg="denied"), "log in again"),
    "an expired token": (said("ExpiredTokenException"), "log in again"),
    "a wrong key": (said("UnrecognizedClientException"), "AWS_ACCESS_KEY_ID"),
    "a wrong clock": (said("RequestTimeTooSkewed"), "clock"),
    "another region": (said("PermanentRedirect"), "AWS_REGION"),
    "nothing there": (EndpointConnectionError(endpoint_url=HERE), "`roomidity up`"),
    "no answer": (ReadTimeoutError(endpoint_url=HERE), "`roomidity up`"),
    "no way": (ConnectTimeoutError(endpoint_url=HERE), "`roomidity up`"),
    "no AWS": (ResponseParserError("Unable to parse response, invalid XML received: <html>"), "AWS_ENDPOINT_URL"),
    "no table": (said("ResourceNotFoundException"), "deploy the stack"),
    "no queue": (said("QueueDoesNotExist"), "deploy the stack"),
    "no bucket": (said("NoSuchBucket"), "deploy the stack"),
    "denied": (said("AccessDeniedException"), "grant these credentials the right"),
    "throttled": (said("ProvisionedThroughputExceededException"), "in a minute"),
    "slowed": (said("SlowDown"), "in a minute"),
    "broken": (said("InternalServerError"), "in a minute"),
    "new to us": (said("SomethingNew"), "`roomidity doctor`"),
    "a full disk": (OSError(errno.ENOSPC, "No space left on device", "/x/y"), "make room"),
    "too many files": (OSError(errno.EMFILE, "Too many open files"), "ulimit"),
}


def failing(error: BaseException) -> Any:
    """In the place of a client's calls."""

    def fails(*_: Any, **__: Any) -> Any:
        raise error

    return fails


@pytest.mark.parametrize("name", sorted(ALL.keys() - LOCAL - {"doctor"}))
def test_every_command_says_in_a_sentence_what_stopped_it(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for place, (error, to_do) in enumerate(FAILURES.values()):
        monkeypatch.setattr(BaseClient, "_make_api_call", failing(error))
        as_json = ["--json"] if (place + len(name)) % 2 else []  # both ways, in turn: it is one way that words go
        check(ended(capsys, *typed(name), *as_json), to_do=to_do)


@pytest.fixture(scope="module")
def lived_in() -> Iterator[None]:
    """A stage with a house, which no test here changes but by what moto lets happen before a service fails."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for variable, value in ENVIRONMENT.items():
            patch.setenv(variable, value)
        stage = Stage.from_environment(ENVIRONMENT)
        create(stage)
        observe(stage, "h1", days=0.25, end=NOW)
        yield


@pytest.mark.parametrize("service", ["dynamodb", "sqs", "s3"])
@pytest.mark.parametrize("name", sorted(ALL.keys() - LOCAL - {"doctor"}))
def test_one_service_that_fails_is_told_as_well(
    name: str, service: str, lived_in: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call: Any = vars(BaseClient)["_make_api_call"]
    for error, to_do in (FAILURES[failure] for failure in ("nothing there", "denied", "throttled")):
        asked: list[str] = []

        def fails(
            self: Any, operation: str, parameters: Any, error: Exception = error, asked: list[str] = asked
        ) -> Any:
            if self.meta.service_model.service_name == service:
                asked.append(operation)
                raise error
            return call(self, operation, parameters)

        monkeypatch.setattr(BaseClient, "_make_api_call", fails)
        done = ended(capsys, *typed(name), "--json")
        if asked and done.status:
            check(done, to_do=to_do)
        else:  # it asks nothing of that service, or goes on without, as a forecast does without a model's bytes
            assert done.status in (0, 1)


def test_the_doctor_names_it_and_its_json_stays_one_object(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for error, _ in FAILURES.values():
        monkeypatch.setattr(BaseClient, "_make_api_call", failing(error))
        done = ended(capsys, "doctor", "--json")
        assert done.status == 1
        assert "Traceback" not in done.err
        wrong = [one for one in json.loads(done.out)["checks"] if one["status"] == "wrong"]
        assert wrong
        assert all(one["mend"] for one in wrong)


def test_debug_shows_the_trace_and_then_the_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(BaseClient, "_make_api_call", failing(NoCredentialsError()))
    done = ended(capsys, "--debug", "show", "h1", "--json")
    assert done.status == 1
    assert "Traceback" in done.err
    assert done.err.strip().splitlines()[-1].startswith("roomidity: Unable to locate credentials; ")
    assert done.out == ""


@pytest.mark.parametrize("name", sorted(ALL.keys() - LOCAL))
def test_ctrl_c_ends_with_130(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(BaseClient, "_make_api_call", failing(KeyboardInterrupt()))
    done = ended(capsys, *typed(name))
    assert done.status == 130
    told = "roomidity: interrupted; what was done by then stays, the same command again does the rest"
    assert done.err.strip() == told


def test_what_dynamodb_never_took_is_told(
    lived_in: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It answers, and hands back what it was given as unprocessed."""
    assert ended(capsys, "house", "h9", "--timezone", "Europe/Brussels").status == 0
    call: Any = vars(BaseClient)["_make_api_call"]

    def unprocessed(self: Any, operation: str, parameters: Any) -> Any:
        if operation == "BatchWriteItem":
            return {"UnprocessedItems": parameters["RequestItems"]}
        return call(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", unprocessed)
    check(ended(capsys, "forget", "h1", "--yes"), to_do="run the same command again")


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BaseClient, "_make_api_call", failing(KeyError("house")))
    with pytest.raises(KeyError):
        roomidity.main(["show", "h1"], prog_name="roomidity")


# The machine


def spoilt(path: Path, how: str) -> None:
    if how == "is a folder":
        path.mkdir()
    elif how == "cut":
        path.write_bytes(b"PAR1\x00\x00")
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "no text":
        path.write_bytes(bytes(range(256)) * 4)


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl"])
@pytest.mark.parametrize("how", ["is a folder", "cut", "empty", "no text", "is not there"])
@pytest.mark.parametrize("command", ["send", "backtest --readings", "demo --readings"])
def test_a_file_that_cannot_be_read_is_named(  # what is combined
    command: str,
    how: str,
    ending: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(BaseClient, "_make_api_call", failing(NoCredentialsError()))
    path = folder / f"house{ending}"
    spoilt(path, how)
    done = ended(capsys, *command.split(), str(path))
    if command == "send" and ending == ".jsonl" and (done.status == 0 or "credentials" in done.err):
        return  # lines of a text are sent as they stand, for the drain to judge
    assert done.status in (1, 2)
    assert "Traceback" not in done.err
    assert f"house{ending}" in " ".join(done.err.split())
    assert done.out == ""


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO, errno.ENOENT, errno.EISDIR])
def test_what_the_disk_says_is_told_with_the_path(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number), "/data/.roomidity/engine.log")

    monkeypatch.setattr("roomidity.local.engine.running", fails)
    for command in ("up", "demo"):
        done = ended(capsys, command, *(["--days", "4"] if command == "demo" else []))
        assert "/data/.roomidity/engine.log: " in done.err
        check(done, to_do="; ")


def test_output_that_nobody_reads_ends_quietly() -> None:
    """As in `roomidity --help | head -1`; in processes, for it is the interpreter's end that would complain."""
    script = "from roomidity.cli import main; import sys; sys.argv[1:] = ['models', '--help']; main()"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(  # noqa: S603  # our own Python
        [sys.executable, "-c", script], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert done.returncode == 1
    assert done.stderr == ""
