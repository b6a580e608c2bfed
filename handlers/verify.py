"""Daily: forecasts whose 24 h are over against what happened; the champions' online states move on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.runtime import clock, logger, metrics, stage
from roomidity.errors import InputError, VerificationError
from roomidity.events import issue_time
from roomidity.pipeline.verification import advance_state, verify_house
from roomidity.slots import SLOT

__all__ = ["handler"]


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Verify; ``event`` is ``{"house"?, "day"?}`` or the schedule's.

    By default every house, and the newest day whose last forecast is over.
    """
    now = issue_time(event, clock=clock())
    first = _day(event.get("day"), now)
    last = first + timedelta(days=1) - SLOT
    ports = stage().verify_ports
    names = [event["house"]] if event.get("house") else [house.name for house in ports.houses.all()]
    metrics.add_metric("HousesToVerify", MetricUnit.Count, len(names))
    advanced = 0
    failed = []
    for name in names:
        try:
            scores = verify_house(ports, house=name, first=first, last=last, now=now)
            advanced += advance_state(ports, house=name, now=now)
        except Exception:  # noqa: BLE001  # whatever one house raises must not cost the others their night
            logger.exception("not verified, the other houses are", house=name)
            failed.append(name)
            continue
        mae = {room: {q: round(float(one.total().mae[0]), 3) for q, one in of.items()} for room, of in scores.items()}
        logger.info("verified", house=name, day=first.date().isoformat(), mae=mae)
    if failed:
        raise VerificationError(failed)
    return {"day": first.date().isoformat(), "houses": len(names), "states_advanced": advanced}


def _day(text: str | None, now: datetime) -> datetime:
    """The start of the day asked for; else of the newest one whose last forecast is over."""
    if text is None:
        return now.replace(hour=0, minute=0) - timedelta(days=2)
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), tzinfo=UTC)
    except (TypeError, ValueError) as error:
        raise InputError(f"the event's day is {text!r}; expected YYYY-MM-DD") from error
