"""Trains a challenger for a house, once for each job, and promotes it if it wins.

This is the only function that imports scikit-learn.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.batch import Record, process
from handlers.runtime import clock, logger, logs_failure, metrics, run_timed, stage
from roomidity import __version__
from roomidity.domain.messages import TrainingJob
from roomidity.errors import ForgottenError, NotEnoughDataError
from roomidity.pipeline.training import train_house

__all__ = ["handler"]


@logs_failure
def _train(record: Record) -> None:
    job = TrainingJob.from_body(record["body"])
    try:
        trained = train_house(
            stage().training_ports, house=job.house, now=job.now or clock(), reason=job.reason, code_version=__version__
        )
    except NotEnoughDataError as error:
        logger.info("not enough data yet", house=job.house, found_slots=error.found_slots)
        return
    except ForgottenError as error:
        logger.info("the house was forgotten, and needs no model", house=error.house)
        return
    metrics.add_metric("ModelsTrained", MetricUnit.Count, 1)
    metrics.add_metric("ModelsPromoted", MetricUnit.Count, int(trained.promoted))
    logger.info(
        "promoted" if trained.promoted else "trained, and not promoted",
        house=job.house,
        model_version=trained.version,
        adopted=trained.adopted,
        reasons=trained.decision["reasons"],
    )


@logger.inject_lambda_context
@metrics.log_metrics
@run_timed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  # Lambda's
    """Process training jobs. Returns those that failed.

    ``event`` comes from SQS, with bodies ``{"house", "reason"}``.
    """
    # Every call must report the metric, even with too little data.
    metrics.add_metric("ModelsTrained", MetricUnit.Count, 0)
    return process(event, _train)
