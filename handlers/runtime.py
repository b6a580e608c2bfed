"""What all functions share: structured logs, metrics, timings, and the adapters, made once per environment."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, wraps
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.batch import Record
from roomidity.composition import Stage
from roomidity.domain.names import visible
from roomidity.stopwatch import Stopwatch

__all__ = ["Handler", "clock", "is_live", "logger", "logs_failure", "metrics", "run_timed", "stage", "stopwatch"]

Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]
JobHandler = Callable[[Record], None]


def _line(record: dict[str, Any]) -> str:
    """Returns a record as JSON in which hidden characters of names from outside are escaped."""
    return visible(json.dumps(record, default=str, ensure_ascii=False))


logger: Final = Logger(stream=sys.stderr, json_serializer=_line)  # standard output belongs to answers and metrics
metrics: Final = Metrics()
stopwatch: Final = Stopwatch(time.perf_counter)  # of the current call, since an environment handles one at a time
copy_config_to_registered_loggers(source_logger=logger, include={"roomidity"})


@cache
def stage() -> Stage:
    """Returns the stage that this environment belongs to."""
    return Stage.from_environment(os.environ)


def clock() -> datetime:
    """Returns the present time. It is used only if an event has no time of its own."""
    return datetime.now(UTC)


def is_live() -> bool:
    """Returns whether this is Lambda on AWS, where scheduled events are of the present.

    An emulator may replay the past.
    """
    return "AWS_LAMBDA_RUNTIME_API" in os.environ and "AWS_ENDPOINT_URL" not in os.environ


def run_timed(handler: Handler) -> Handler:
    """Returns the handler with logging of how long each phase of a call took. The first call also logs the init time.

    Damaged stored items that the call met are counted, whatever it was called for.

    The init lasts from the start of the process until the handler is imported. It covers the runtime, Python and all
    imports. It does not last until the first call, because Lambda also starts environments ahead of need, which then
    wait.
    """
    # Imported objects stay alive. If they were not frozen, parsing an answer of DynamoDB would take four times as long.
    gc.freeze()
    gc.enable()
    init: dict[str, float] = {"init_ms": _since_process_start_ms()}

    @wraps(handler)
    def timed(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        stopwatch.reset()
        begin = time.perf_counter()
        try:
            return handler(event, context)
        except Exception:
            logger.exception("the call failed")  # Lambda's own line is not JSON, and has no fields to search by
            raise
        finally:
            metrics.add_metric("ItemsDamaged", MetricUnit.Count, len(stage().damage.take()))
            phases = {phase: round(1000 * seconds, 2) for phase, seconds in stopwatch.seconds.items()}
            total_ms = round(1000 * (time.perf_counter() - begin), 2)
            jobs = len(event["Records"]) if "Records" in event else 1
            logger.info("timed", extra={"jobs": jobs, "total_ms": total_ms, "phases_ms": phases, **init})
            init.clear()

    return timed


def logs_failure(handle: JobHandler) -> JobHandler:
    """Returns a job's handler that logs why it failed. Nothing else reports a batch that fails in part."""

    @wraps(handle)
    def logged(record: Record) -> None:
        try:
            handle(record)
        except Exception:
            receives = (record.get("attributes") or {}).get("ApproximateReceiveCount")  # an event made by hand has none
            logger.exception("job failed", job=record["body"], receives=receives)
            raise

    return logged


def _since_process_start_ms() -> float:
    """Returns the age of this process in ms, or without /proc the CPU time that it took, which is a little less."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        started_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # the 22nd field, since boot
        return round(1000 * (time.clock_gettime(time.CLOCK_BOOTTIME) - started_s), 2)
    except (OSError, AttributeError):
        return round(1000 * time.process_time(), 2)
