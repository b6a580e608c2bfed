"""On a schedule, where it is switched on: a provider's forecast of the weather, once a place of active houses."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.runtime import clock, is_live, logger, metrics, run_timed, stage
from roomidity.domain.messages import issue_time
from roomidity.pipeline.weather_fetching import fetch_weather

__all__ = ["handler"]


@logger.inject_lambda_context
@metrics.log_metrics
@run_timed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Fetch; ``event`` is the schedule's, whose time is that of the issues, or ``{}``.

    When an answer came is the clock's word, so that no forecast looks ahead; on a laptop, where the past may be
    replayed, the event's.
    """
    now = issue_time(event, clock=clock(), is_live=is_live())
    fetched = fetch_weather(
        stage().weather_ports,
        now=now,
        known=clock if is_live() else lambda: now,
        remaining_s=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    return fetched.as_dict()
