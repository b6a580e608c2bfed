"""Entry point of `serverless invoke local` in place of a handler. It reports a failure in one line, not a traceback.

It is inserted by the local Serverless plugin and is not deployed. In Lambda the handler itself is called, and its logs
have the full traceback.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from roomidity.domain.names import visible
from roomidity.errors import InputError

__all__ = ["handler"]

_HANDLER: Final = "ROOMIDITY_HANDLER"
"""The variable in which the plugin names the actual handler, such as ``handlers.drain.handler``."""


def handler(event: Any, context: Any) -> Any:
    """Returns the actual handler's answer. If it fails for known reasons, the process exits with status 1.

    The reasons are written to standard error, one per line. A fault of the program is raised, as every error is in
    Lambda.
    """
    module_name, _, name = os.environ[_HANDLER].rpartition(".")
    try:
        from roomidity.aws.account import explanation_of  # noqa: PLC0415  # needs what may not be installed

        module = import_module(module_name)
    except ImportError as error:
        sys.exit(
            f"{sys.executable}: {error}; expected what scripts/demo installs into .venv: run it, or activate yours"
        )
    reasons = _Reasons(explanation_of)
    loggers = (logging.root, *map(logging.getLogger, tuple(logging.root.manager.loggerDict)))
    outputs = [output for logger in loggers for output in logger.handlers]
    for output in outputs:
        output.addFilter(reasons)
    try:
        _check(event, of_jobs=hasattr(module, "process"))  # of handlers.batch
        return getattr(module, name)(event, context)
    except Exception as error:
        if not reasons.take(error):
            raise
        sys.exit(1)
    finally:
        for output in outputs:
            output.removeFilter(reasons)
        for line in reasons.lines:
            sys.stderr.write(visible(f"{module_name.rpartition('.')[2]}: {line}\n"))


class _Reasons(logging.Filter):
    """Collects the reasons for a failure, and drops log records that contain them with a traceback."""

    def __init__(self, explanation_of: Callable[[BaseException], str | None]) -> None:
        super().__init__()
        self._explanation_of = explanation_of
        self._taken: dict[str, str] = {}

    @property
    def lines(self) -> list[str]:
        """Each reason once, with the message under which it was logged."""
        return [f"{reason} ({logged_as})" if logged_as else reason for reason, logged_as in self._taken.items()]

    def filter(self, record: logging.LogRecord) -> bool:
        """Returns whether the record is to be logged unchanged."""
        error = record.exc_info[1] if record.exc_info else None
        return error is None or not self.take(error, logged_as=record.getMessage())

    def take(self, error: BaseException, *, logged_as: str = "") -> bool:
        """Records the known reasons for an error. Returns whether all of them are known."""
        jobs = [one for _, one in getattr(error, "failures", ())]  # if all jobs of a batch failed
        reasons = [self._explanation_of(one) for one in jobs or [error]]
        for reason in filter(None, reasons):
            self._taken.setdefault(reason, logged_as)
        return all(reasons)


def _check(event: Any, *, of_jobs: bool) -> None:
    """Raises InputError unless the event is an object, and for job functions one with records as from SQS."""
    if not isinstance(event, dict):
        raise InputError(f"the event is {event!r:.80}; expected a JSON object, such as those in tests/events")
    records = event.get("Records")
    if of_jobs and not (isinstance(records, list) and records and all(map(_is_job, records))):
        raise InputError(
            "the event is no batch of jobs; expected 'Records', each with messageId and body, as in "
            "tests/events/forecast.json and train.json"
        )


def _is_job(record: Any) -> bool:
    return isinstance(record, dict) and all(isinstance(record.get(key), str) for key in ("messageId", "body"))
