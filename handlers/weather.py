"""On a schedule, if switched on: fetch a provider's weather forecast for each place with an active house."""

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
    """Fetch and store the forecasts. Returns their counts.

    ``event`` is that of the schedule, whose time becomes the issue time, or ``{}`` for now. `known_from` is taken from
    the clock when the answer arrives, so that no forecast looks ahead. On a laptop, where the past may be replayed, it
    is the event's time.
    """
    now = issue_time(event, clock=clock(), is_live=is_live())
    fetched = fetch_weather(
        stage().weather_ports,
        now=now,
        known=clock if is_live() else lambda: now,
        remaining_s=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    return fetched.as_dict()
