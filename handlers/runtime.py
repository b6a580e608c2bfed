"""What every function shares: structured logs, metrics, and the adapters, made once per environment."""

from __future__ import annotations

import gc
import os
import sys
from datetime import UTC, datetime
from functools import cache
from typing import Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from roomidity.composition import Roomidity

__all__ = ["clock", "logger", "metrics", "stage"]

logger: Final = Logger(stream=sys.stderr)  # standard output belongs to answers and metrics
metrics: Final = Metrics()
copy_config_to_registered_loggers(source_logger=logger, include={"roomidity"})


gc.freeze()  # what was imported stays: without it, each answer of DynamoDB is parsed in four times the time


@cache
def stage() -> Roomidity:
    """The stage that this environment belongs to."""
    return Roomidity.from_environment(os.environ)


def clock() -> datetime:
    """Now; only where an event has no time of its own."""
    return datetime.now(UTC)
