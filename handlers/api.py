"""Serves a house as JSON to holders of its token, and the web page.

It is called by an HTTP API, or by the laptop's own server.
"""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.runtime import clock, is_live, logger, metrics, run_timed, stage, stopwatch
from roomidity.api.authority import AUTHORITIES, Authority
from roomidity.api.front import Clocks, answer, route_of
from roomidity.api.ports import ApiPorts
from roomidity.api.request import Request

__all__ = ["handler"]

_AUTHORITY: Final[Authority] = next(
    (one for one in AUTHORITIES if one == os.environ.get("ROOMIDITY_API_AUTH")), "token"
)


def _ports() -> ApiPorts:
    with stopwatch("connect"):
        return stage().api_ports


def _clocks(context: LambdaContext) -> Clocks:
    """Returns the clocks of a call. Only the laptop's server can say, by its context, when replayed data end.

    An event cannot, and on AWS the context is ignored.
    """
    wall = clock()
    replayed_to: datetime | None = None if is_live() else getattr(context, "replayed_to", None)
    return Clocks(wall, replayed_to or wall)


@logger.inject_lambda_context
@metrics.log_metrics
@run_timed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Returns the reply to an HTTP request, both in payload 2.0.

    Only the route is logged, never a query, header or token.
    """
    begin = time.perf_counter()
    request = Request.from_event(event)
    reply = answer(request, _ports, _clocks(context), authority=_AUTHORITY).to_event(request)
    ms = round(1000 * (time.perf_counter() - begin), 2)
    logger.info("answered", route=route_of(request), method=request.method, status=reply["statusCode"], ms=ms)
    return reply
