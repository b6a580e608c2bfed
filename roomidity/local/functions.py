"""The handlers' own functions, called as Lambda would call them: a schedule's event, or the messages of a queue."""

from __future__ import annotations

import gc
import io
import sys
import uuid
from collections.abc import Callable, Mapping, Sized
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from roomidity.aws.queues import Queue
from roomidity.domain.messages import Message
from roomidity.domain.slots import format_moment
from roomidity.errors import EngineError
from roomidity.local.stack import checkout

__all__ = ["Context", "Functions"]

_TIMEOUT_MS: Final = 900_000

Handler = Callable[[Mapping[str, Any], "Context"], dict[str, Any]]


@dataclass(frozen=True)
class Context:
    """What a handler sees of Lambda."""

    function_name: str
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 1769
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:000000000000:function:local"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    replayed_to: datetime | None = None
    """Where the data are replayed, their end: the clock of a function that has no event with a time."""

    def get_remaining_time_in_millis(self) -> int:
        """The laptop is in no hurry."""
        return _TIMEOUT_MS


class Functions:
    """The functions of the stage that the process's environment names."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def scheduled(self, name: str, at: datetime) -> dict[str, Any]:
        """Call a function as its schedule does at ``at``."""
        return self._call(name, {"source": "aws.events", "time": format_moment(at), "detail": {}})

    def requested(self, name: str, event: Mapping[str, Any], *, replayed_to: datetime | None) -> dict[str, Any]:
        """Call a function as an HTTP API does; ``replayed_to`` is the end of the data, where they are replayed."""
        return self._call(name, event, replayed_to=replayed_to)

    def work_off(self, name: str, queue: Queue) -> int:
        """Call a function with the messages of its queue until none is left. Returns how many there were.

        Raises
        ------
        EngineError
            If it failed on one.
        """
        done = 0
        while messages := queue.receive():
            try:
                answer = self._call(name, {"Records": [_record(message) for message in messages]})
            except Exception as error:  # whatever a function raises, Lambda would only call it failed
                raise EngineError(
                    f"the function {name!r} failed on {_jobs(messages)}: {_first_words(error)}; its log above says more"
                ) from error
            failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
            queue.delete([message for message in messages if message.id not in failed])
            if failed:
                raise EngineError(f"the function {name!r} failed on {_jobs(failed)}; its log above says why")
            done += len(messages)
        return done

    def _handler(self, name: str) -> Handler:
        if name not in self._handlers:
            if find_spec("handlers") is None:  # no wheel has them: they are the checkout's
                sys.path.append(str(checkout()))
            self._handlers[name] = import_module(f"handlers.{name}").handler
            gc.freeze()  # as the functions do: what was imported stays
        return self._handlers[name]

    def _call(self, name: str, event: Mapping[str, Any], *, replayed_to: datetime | None = None) -> dict[str, Any]:
        handler = self._handler(name)
        with redirect_stdout(io.StringIO()):  # metrics, which Lambda would read there
            return handler(event, Context(function_name=name, replayed_to=replayed_to))


def _jobs(of: Sized) -> str:
    return "1 job" if len(of) == 1 else f"{len(of)} jobs"


def _first_words(error: Exception) -> str:
    """What an error says in a line; of a batch's errors, which it tells with their traces, the first."""
    each: list[tuple[object, BaseException, object]] = getattr(error, "child_exceptions", [])
    first = each[0][1] if each else error
    return (str(first).splitlines() or [type(first).__name__])[0]


def _record(message: Message) -> dict[str, Any]:
    """A message as an event source mapping hands it over."""
    return {
        "messageId": message.id,
        "receiptHandle": message.handle,
        "body": message.body,
        "attributes": {"SentTimestamp": str(message.sent_ms), "ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "awsRegion": "eu-central-1",
    }
