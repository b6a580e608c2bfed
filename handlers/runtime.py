"""What every function shares: structured logs, metrics, run times, and the adapters, made once per environment."""

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
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from roomidity.composition import Roomidity
from roomidity.domain.names import visible
from roomidity.stopwatch import Stopwatch

if TYPE_CHECKING:  # drain and verify have no jobs, and need not import what knows them
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

__all__ = ["Handler", "clock", "is_live", "logger", "logs_failure", "metrics", "run_timed", "stage", "stopwatch"]

Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]
JobHandler = Callable[["SQSRecord"], None]


def _line(record: dict[str, Any]) -> str:
    """A record as JSON in which names from outside show all that they hold."""
    return visible(json.dumps(record, default=str, ensure_ascii=False))


logger: Final = Logger(stream=sys.stderr, json_serializer=_line)  # standard output belongs to answers and metrics
metrics: Final = Metrics()
stopwatch: Final = Stopwatch(time.perf_counter)  # of the call under way: an environment has one at a time
copy_config_to_registered_loggers(source_logger=logger, include={"roomidity"})


@cache
def stage() -> Roomidity:
    """The stage that this environment belongs to."""
    return Roomidity.from_environment(os.environ)


def clock() -> datetime:
    """Now; only where an event has no time of its own."""
    return datetime.now(UTC)


def is_live() -> bool:
    """Whether this is Lambda on AWS, where a schedule's events are of the present; an emulator may replay the past."""
    return "AWS_LAMBDA_RUNTIME_API" in os.environ and "AWS_ENDPOINT_URL" not in os.environ


def run_timed(handler: Handler) -> Handler:
    """The handler, which logs how long each phase of a call took; the first call also how long the init did.

    What it met of stored items that cannot be read is counted, whatever it was called for.

    The init is from the process's start until the handler is imported: the runtime, Python and all imports. It ends
    there and not with the first call, because Lambda also starts environments ahead of need, which then wait.
    """
    gc.freeze()  # what was imported stays: without it, each answer of DynamoDB is parsed in four times the time
    gc.enable()
    init: dict[str, float] = {"init_ms": _since_process_start_ms()}

    @wraps(handler)
    def timed(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        stopwatch.reset()
        begin = time.perf_counter()
        try:
            return handler(event, context)
        except Exception:
            logger.exception("the call failed")  # Lambda's own line is no JSON, and has no fields to look for
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
    """Returns the handler of a job with a log of why it failed; of a batch that fails in part nothing else tells."""

    @wraps(handle)
    def logged(record: SQSRecord) -> None:
        try:
            handle(record)
        except Exception:
            receives = (record.get("attributes") or {}).get("ApproximateReceiveCount")  # an event by hand has none
            logger.exception("job failed", job=record.body, receives=receives)
            raise

    return logged


def _since_process_start_ms() -> float:
    """How old this process is; where there is no /proc, the CPU time that it took, which is a little less."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        started_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # the 22nd field, since boot
        return round(1000 * (time.clock_gettime(time.CLOCK_BOOTTIME) - started_s), 2)
    except (OSError, AttributeError):
        return round(1000 * time.process_time(), 2)
