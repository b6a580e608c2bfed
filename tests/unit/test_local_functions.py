"""The laptop's functions: what one fails with is told in a line, however much the batch says of it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from handlers.batch import process
from roomidity.aws.queues import Queue
from roomidity.domain.messages import Message
from roomidity.errors import EngineError
from roomidity.local.functions import Functions
from tests.conftest import CHECKOUT


class OneBatch:
    """A queue with two messages."""

    def receive(self) -> list[Message]:
        return [Message("1", "{}", 0, "a"), Message("2", "{}", 0, "b")]


def fails(event: Any, _: Any) -> Any:
    """A handler whose every job fails, as the functions' own are written."""

    def work(record: object) -> None:
        raise ValueError("Read timeout on endpoint URL\nand more")

    return process(event, work)


def test_a_function_that_fails_on_every_job_says_why_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = Functions()
    monkeypatch.setattr(functions, "_handlers", {"train": fails})
    with pytest.raises(EngineError) as raised:
        functions.work_off("train", cast("Queue", OneBatch()))
    said = str(raised.value)
    assert "the function 'train' failed on 2 jobs: Read timeout on endpoint URL; its log above says more" in said
    assert "\n" not in said
    assert "Traceback" not in said


def test_an_installed_package_finds_the_handlers_of_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "handlers"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path and Path(path).resolve() != CHECKOUT])
    monkeypatch.chdir(CHECKOUT / "docs")
    with pytest.raises(ModuleNotFoundError, match=r"handlers\.nothing"):
        Functions().scheduled("nothing", datetime(2026, 3, 1, tzinfo=UTC))
    assert sys.path[-1] == str(CHECKOUT)
