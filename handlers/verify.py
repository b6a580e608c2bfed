"""Daily: forecasts whose 24 h are over are scored, sensor faults flagged, states moved on, trainings asked for."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any, Final

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.runtime import clock, logger, metrics, run_timed, stage
from roomidity.errors import InputError, VerificationError
from roomidity.events import issue_time
from roomidity.pipeline.nights import Night, newest_complete_day, run_night, verify_day
from roomidity.slots import format_moment
from roomidity.terms import is_name

__all__ = ["handler"]

_MARGIN_MS: Final = 20_000
"""No house is begun with less time left; one takes some 2 s."""


@logger.inject_lambda_context
@metrics.log_metrics
@run_timed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Verify; ``event`` is ``{"house"?, "day"?}`` or the schedule's.

    By default every house has its night. With a day, that day's forecasts are scored (again), as far as they are over,
    and nothing else is done. More houses than one call takes are handed, as ``houses``, to calls of their own, which
    run side by side.
    """
    now = issue_time(event, clock=clock())
    day = _day(event.get("day"))
    newest = (day or newest_complete_day(now)).isoformat()
    ports = stage().verify_ports
    names = _houses(event) or [house.name for house in ports.houses.all()]
    metrics.add_metric("SlotsFlagged", MetricUnit.Count, 0)  # a call must have a metric, also one that fails
    most = stage().settings.verify_houses
    if len(names) > most:
        parts = [names[first : first + most] for first in range(0, len(names), most)]
        verify = stage().function("verify")
        for part in parts:
            asked_for = {"time": format_moment(now), "houses": part} | ({"day": newest} if day else {})
            verify.begin(asked_for)
        return {"day": newest, "houses": len(names), "calls": len(parts)}
    done: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    failed = []
    for name in names:
        if context.get_remaining_time_in_millis() < _MARGIN_MS:
            logger.error("no time left to verify the house; raise the function's timeout", house=name)
            failed.append(name)
            continue
        try:
            if day is None:
                night = run_night(ports, house=name, now=now)
            else:
                night = Night(rows=len(verify_day(ports, house=name, day=day, now=now)))
        except Exception:  # noqa: BLE001  # whatever one house raises must not cost the others their night
            logger.exception("not verified, the other houses are", house=name)
            failed.append(name)
            continue
        logger.info("verified", house=name, **vars(night))
        done.update(rows=night.rows, states_advanced=night.state_advanced, slots_flagged=night.slots_flagged)
        asked.update([night.training] if night.training else [])
    metrics.add_metric("SlotsFlagged", MetricUnit.Count, done["slots_flagged"])
    metrics.add_metric("HousesDrifted", MetricUnit.Count, asked["drift"])
    if failed:
        raise VerificationError(failed)
    return {
        "day": newest,
        "houses": len(names),
        "rows": done["rows"],
        "states_advanced": done["states_advanced"],
        "slots_flagged": done["slots_flagged"],
        "trainings_asked": dict(asked),
    }


def _houses(event: dict[str, Any]) -> list[str]:
    """Those asked for; none where it is all."""
    names = [event["house"]] if event.get("house") else event.get("houses", [])
    if not isinstance(names, list) or not all(isinstance(name, str) and is_name(name) for name in names):
        raise InputError(f"the event's houses are {names!r}; expected names of 1 to 64 characters without / # $ +")
    return names


def _day(text: str | None) -> date | None:
    """The day asked for."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise InputError(f"the event's day is {text!r}; expected YYYY-MM-DD") from error
