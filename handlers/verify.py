"""Runs daily: scores forecasts whose 24 h are over, flags sensor faults, advances states, and requests trainings."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.runtime import clock, logger, metrics, run_timed, stage
from roomidity.domain.messages import NightCall
from roomidity.errors import NotFoundError, VerificationError
from roomidity.pipeline.fleet import divide, run_nights, run_parts
from roomidity.pipeline.nightly import newest_complete_day

__all__ = ["handler"]


@logger.inject_lambda_context
@metrics.log_metrics
@run_timed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Verify houses. Returns the counts. ``event`` is ``{"house"?, "day"?}`` or that of the schedule.

    By default every house gets its nightly run. If a day is given, only that day's forecasts are scored (again), as far
    as they are over. If there are more houses than one call can process, they are passed as ``houses`` to calls of
    their own, which run in parallel. A laptop has no functions to call, so there the parts run here, each within the
    time of one call.
    """
    metrics.add_metric("SlotsFlagged", MetricUnit.Count, 0)  # every call must report the metric, even if it fails
    call = NightCall.from_event(event, clock=clock())
    ports, at_most = stage().verify_ports, stage().settings.verify_houses
    houses = call.houses or [house.name for house in ports.houses.all() if not house.has_expired(call.now)]
    if len(houses) > at_most:
        try:
            calls = divide(stage().function("verify"), houses, day=call.day, now=call.now, at_most=at_most)
        except NotFoundError:
            logger.info("there is no function to divide the houses among", houses=len(houses))
            part_s = context.get_remaining_time_in_millis() / 1000
            fleet = run_parts(ports, houses, day=call.day, now=call.now, at_most=at_most, part_s=part_s)
        else:
            day = call.day or newest_complete_day(call.now)
            return {"day": day.isoformat(), "houses": len(houses), "calls": calls}
    else:
        fleet = run_nights(
            ports, houses, day=call.day, now=call.now, remaining_s=lambda: context.get_remaining_time_in_millis() / 1000
        )
    metrics.add_metric("SlotsFlagged", MetricUnit.Count, fleet.slots_flagged)
    metrics.add_metric("ForecastsRefused", MetricUnit.Count, fleet.states_refused)
    metrics.add_metric("HousesDrifted", MetricUnit.Count, fleet.trainings_asked["drift"])
    if fleet.failed:
        raise VerificationError(fleet.failed)
    return fleet.as_dict()
