"""Calls the handlers' functions as Lambda would: with a schedule's event, a request, or the messages of a queue."""

from __future__ import annotations

import gc
import io
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence, Sized
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
    """The part of the Lambda context that handlers use."""

    function_name: str
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 1769
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:000000000000:function:local"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    replayed_to: datetime | None = None
    """The end of replayed data, which is the clock of a function whose event has no time. None without a replay."""

    def get_remaining_time_in_millis(self) -> int:
        """Returns a fixed time in ms, since nothing limits a function on the laptop."""
        return _TIMEOUT_MS


class Functions:
    """The functions of the stage selected by the process's environment."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}

    def scheduled(self, name: str, at: datetime) -> dict[str, Any]:
        """Calls a function as its schedule would at ``at``. Returns its answer."""
        return self._call(name, {"source": "aws.events", "time": format_moment(at), "detail": {}})

    def requested(self, name: str, event: Mapping[str, Any], *, replayed_to: datetime | None) -> dict[str, Any]:
        """Calls a function as an HTTP API would. Returns its answer.

        ``replayed_to`` is the end of the data if they are replayed.
        """
        return self._call(name, event, replayed_to=replayed_to)

    def work_off(self, name: str, queue: Queue) -> int:
        """Calls a function with the messages of its queue until none is left. Returns the number of messages.

        Raises
        ------
        EngineError
            If the function failed on a message.
        """
        done = 0
        while messages := queue.receive():
            try:
                answer = self._call(name, {"Records": [_record(message) for message in messages]})
            except Exception as error:  # whatever is raised, Lambda would only report a failure
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
            if find_spec("handlers") is None:  # A wheel does not contain them, only the checkout does.
                sys.path.append(str(checkout()))
            self._handlers[name] = import_module(f"handlers.{name}").handler
            gc.freeze()  # As in the deployed functions: imported objects live for ever.
        return self._handlers[name]

    def _call(self, name: str, event: Mapping[str, Any], *, replayed_to: datetime | None = None) -> dict[str, Any]:
        handler = self._handler(name)
        with redirect_stdout(io.StringIO()):  # Lambda would read metrics from standard output.
            return handler(event, Context(function_name=name, replayed_to=replayed_to))


def _jobs(of: Sized) -> str:
    return "1 job" if len(of) == 1 else f"{len(of)} jobs"


def _first_words(error: Exception) -> str:
    """Returns the first line of an error's message. If all jobs of a batch failed, it is that of the first error."""
    each: Sequence[tuple[object, Exception]] = getattr(error, "failures", ())
    first = each[0][1] if each else error
    return (str(first).splitlines() or [type(first).__name__])[0]


def _record(message: Message) -> dict[str, Any]:
    """Returns a message in the form of an event source mapping."""
    return {
        "messageId": message.id,
        "receiptHandle": message.handle,
        "body": message.body,
        "attributes": {"SentTimestamp": str(message.sent_ms), "ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "awsRegion": "eu-central-1",
    }
