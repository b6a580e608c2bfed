"""Runs every 15 minutes: drains the readings queue into the tables, and requests a forecast of every active house."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.runtime import clock, is_live, logger, metrics, run_timed, stage, stopwatch
from roomidity.domain.messages import issue_time
from roomidity.pipeline.drain import DrainSummary, drain

__all__ = ["handler"]


@logger.inject_lambda_context
@metrics.log_metrics
@run_timed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Drain the queue. Returns the counts.

    ``event`` comes from EventBridge, with its time as the issue time, or is ``{}``.
    """
    # Every call must report the metric, even if it fails.
    metrics.add_metric("ConservationViolations", MetricUnit.Count, 0)
    now = issue_time(event, clock=clock(), is_live=is_live())
    with stopwatch("connect"):
        ports = stage().drain_ports
    summary = DrainSummary()
    try:
        drain(
            ports,
            stage().drain_config,
            now=now,
            remaining_s=lambda: context.get_remaining_time_in_millis() / 1000,
            timed=stopwatch,
            summary=summary,
        )
    finally:  # what was done counts even if something failed
        metrics.add_metric("ReadingsStored", MetricUnit.Count, summary.stored)
        metrics.add_metric("ReadingsRejected", MetricUnit.Count, summary.alarming)
        metrics.add_metric("ConservationViolations", MetricUnit.Count, summary.violations)
        metrics.add_metric("HousesActive", MetricUnit.Count, summary.active_houses)
        logger.info("drained", issued_at=now.isoformat(), drain=summary.as_dict())
    return summary.as_dict()
