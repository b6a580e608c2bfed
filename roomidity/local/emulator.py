"""The emulator's process: ``python -m roomidity.local.emulator``, configured by its own environment variables.

It holds tables as nested dictionaries, which makes four things noticeably slow on a laptop. They are sped up here
without changing any answer. Python's garbage collector repeatedly walks over all items. A Query parses its key
condition again for every item of a house. Every number goes through decimal arithmetic, though most have been seen
before. The state is written with the slower of Python's two JSON encoders.

Three gaps are closed as well. The state is saved as it grows (:mod:`roomidity.local.saving`), not only at the end. A
stack's queues get the dead-letter queues defined in its template. A stack's events are listed newest first even within
one millisecond, because the Serverless CLI otherwise waits for ever for a stack created within one.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import signal
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ministack import app as application
from ministack.core import persistence
from ministack.services import dynamodb, sqs
from ministack.services.cloudformation import stacks
from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS

from roomidity.local.saving import Saver

__all__ = ["give_queues_their_dead_letters", "keep_events_in_order"]

_SPAN: Final = re.compile(r"\((\S+) = (\S+) AND (\S+) BETWEEN (\S+) AND (\S+)\)")
"""A key condition as pynamodb writes it for a range of a house's slots."""


def _evaluate_spans_at_once() -> None:
    evaluate = dynamodb._evaluate_condition  # noqa: SLF001  # there is no public way
    checked: dict[str, int] = {}

    def evaluate_span(expression: str, item: Any, values: Any, names: Any, slot: str = "ConditionExpression") -> bool:
        span = _SPAN.fullmatch(expression) if slot == "KeyConditionExpression" else None
        if span is None or id(values) != checked.get(expression):
            checked[expression] = id(values)  # The first item of a Query gets every check of text and values.
            return bool(evaluate(expression, item, values, names, slot=slot))
        house, wanted, slot_key, first, last = span.groups()
        place = item[names[slot_key]]["S"]
        return bool(item[names[house]] == values[wanted] and values[first]["S"] <= place <= values[last]["S"])

    dynamodb._evaluate_condition = evaluate_span  # noqa: SLF001


def _remember_numbers() -> None:
    canonical = dynamodb._ddb_canonicalize_number  # noqa: SLF001
    remembered = lru_cache(maxsize=2**17)(canonical)
    dynamodb._ddb_canonicalize_number = lambda text: (remembered if isinstance(text, str) else canonical)(text)  # noqa: SLF001


def _save_as_it_grows(state: Path, tell_fd: int) -> None:
    """Saves the state into a folder as it grows and reports each outcome.

    The format is that of the emulator's own final save, but it is written atomically and by the encoder in C.
    """

    def to_file(service: str, content: Any) -> bytes:
        version = persistence._state_format_version(service)  # noqa: SLF001  # there is no public way
        wrapped = {"__ministack_format__": version, "payload": content}
        return json.dumps(wrapped, default=persistence._json_default).encode()  # noqa: SLF001

    saver = Saver(state, application._build_persistence_save_dict, to_file, tell_fd=tell_fd)  # noqa: SLF001
    run_scripts = application._run_ready_scripts  # noqa: SLF001
    tasks = set()

    async def begin() -> None:
        tasks.add(asyncio.create_task(saver.save_as_it_grows()))
        await run_scripts()

    application._run_ready_scripts = begin  # noqa: SLF001  # what it calls once it listens
    application.save_all = lambda _states: saver.save_and_end()
    application.app = saver.counting(application.app)


def give_queues_their_dead_letters() -> None:
    """Makes CloudFormation set a queue's redrive policy."""
    create = _RESOURCE_HANDLERS["AWS::SQS::Queue"]["create"]

    def create_with_policy(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
        url, attributes = create(logical_id, properties, stack_name)
        if policy := properties.get("RedrivePolicy"):
            sqs._queues[url]["attributes"]["RedrivePolicy"] = json.dumps(policy)  # noqa: SLF001
        return url, attributes

    _RESOURCE_HANDLERS["AWS::SQS::Queue"]["create"] = create_with_policy


def keep_events_in_order() -> None:
    """Gives each event of a stack a distinct time, because events are sorted by time."""
    told_us = 0

    def now() -> str:
        nonlocal told_us
        told_us = max(told_us + 1, time.time_ns() // 1_000)
        return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=told_us):%Y-%m-%dT%H:%M:%S.%fZ}"

    stacks.now_iso = now


def _end_with(parent: int) -> None:
    """Ends this process with its state saved once its parent process is gone for any reason."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    gc.set_threshold(200_000, 50, 1_000)  # The tables are millions of small objects, none of them garbage.
    _evaluate_spans_at_once()
    _remember_numbers()
    if "ROOMIDITY_ENGINE_STATE" in os.environ:
        _save_as_it_grows(Path(os.environ["ROOMIDITY_ENGINE_STATE"]), int(os.environ["ROOMIDITY_ENGINE_TELL"]))
    give_queues_their_dead_letters()
    keep_events_in_order()
    application.main()
