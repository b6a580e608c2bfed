"""Forecasts the next 24 hours of every room of a house, once for each job.

A job that fails is delivered again, and the others of its batch are not.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.batch import Record, process
from handlers.runtime import logger, logs_failure, metrics, run_timed, stage, stopwatch
from roomidity.domain.messages import ForecastJob
from roomidity.errors import ForgottenError
from roomidity.pipeline.forecasts import forecast_house

__all__ = ["handler"]


@logs_failure
def _forecast(record: Record) -> None:
    job = ForecastJob.from_body(record["body"])
    with stopwatch("connect"):
        ports = stage().forecast_ports
    try:
        issued = forecast_house(ports, house=job.house, issued_at=job.issued_at, timed=stopwatch)
    except ForgottenError as error:
        logger.info("the house was forgotten, and needs no forecast", house=error.house)
        return
    metrics.add_metric("HousesForecast", MetricUnit.Count, 1)
    metrics.add_metric("RoomsForecast", MetricUnit.Count, len(issued.rooms))
    metrics.add_metric("ModelsRefused", MetricUnit.Count, int(issued.serving.refused))
    metrics.add_metric("ForecastsRefused", MetricUnit.Count, len(issued.refused))
    untold = issued.noticed.untold + issued.advised.untold
    failed = int(issued.noticed.failed) + int(issued.advised.failed)
    metrics.add_metric("NoticesFailed", MetricUnit.Count, failed + untold)
    logger.info(
        "forecast",
        house=job.house,
        issued_at=job.issued_at.isoformat(),
        rooms=len(issued.rooms),
        model_version=issued.serving.version,
    )


@logger.inject_lambda_context
@metrics.log_metrics
@run_timed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  # Lambda's
    """Process forecast jobs. Returns those that failed.

    ``event`` comes from SQS, with bodies ``{"house", "issued_at"}``.
    """
    metrics.add_metric("ModelsRefused", MetricUnit.Count, 0)  # every call must report the metric, even if it fails
    return process(event, _forecast)
