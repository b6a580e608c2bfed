"""The routes, by Powertools: each checks its query, asks, and answers text that its shape has checked.

A resolver serves one request at a time: who serves several threads holds a lock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any, Final, cast
from urllib.parse import parse_qs

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from roomidity.api import advice_shapes, shapes
from roomidity.api.accuracy import accuracy
from roomidity.api.advice import advice
from roomidity.api.asked import Asked, moment_of
from roomidity.api.forecasts import forecasts
from roomidity.api.house import house
from roomidity.api.models import models
from roomidity.api.notices import notices
from roomidity.api.observations import observations
from roomidity.api.problems import PROBLEM_TYPE, ProblemError, problem_of
from roomidity.api.series import series
from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import floor_slot

__all__ = ["BASE", "ROUTES", "app", "resolve"]

BASE: Final = "/v1/house"
"""What a token alone names; ``/v1/houses/{house}`` is the same, with the house in the path."""

_DAY: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_TWICE: Final = "was given twice"


_REPEATED: Final = frozenset({"room", "quantity"})
_MAX_FIELDS: Final = 100
_NO_CONTEXT: Final = cast("LambdaContext", None)
"""No route asks for Lambda's."""


def _query(text: str) -> dict[str, list[str]]:
    """A query's values by name.

    Raises
    ------
    ProblemError
        If there are more than any route knows.
    """
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"found more than {_MAX_FIELDS} parameters; expected fewer"
        ) from error


class _Event(APIGatewayProxyEventV2):
    """A request whose query is read as it was sent: AWS joins what is given twice by commas, which names may have."""

    @property
    def resolved_query_string_parameters(self) -> dict[str, list[str]]:
        return _query(self.raw_query_string)


class _Resolver(APIGatewayHttpResolver):
    def _to_proxy_event(self, event: dict[str, Any]) -> _Event:
        return _Event(event)


app: Final = _Resolver(enable_validation=True, debug=False)

Route = Callable[..., str]
ROUTES: Final[dict[str, frozenset[str]]] = {}
"""By path the names of the parameters that a route knows."""

_PROBLEMS: Final = {
    401: "No token, or none that opens a house",
    403: "The token is of another house",
    404: "There is no such house, room or route",
    422: "A parameter cannot be used",
    429: "Too many requests at once",
    503: "The tables do not answer",
}

Rooms = Annotated[
    list[str] | None, Query(max_length=64, description="Of which rooms, once for each; by default all", alias="room")
]
From = Annotated[str | None, Query(alias="from", description="The first time, with an offset; a `+` is sent as `%2B`")]
To = Annotated[str | None, Query(description="The time before which it ends, with an offset")]
Cursor = Annotated[str | None, Query(max_length=200, description="What the last answer said, to go on from there")]


def _route(path: str, shape: type[BaseModel], summary: str, *known: str) -> Callable[[Route], Route]:
    """Registers a route, and says all that it may answer: a status that is named drops those that are not."""
    responses: dict[int, Any] = {
        200: {"description": summary, "content": {"application/json": {"model": shape}}},
        304: {"description": "Nothing has changed since the ETag in If-None-Match"},
    }
    responses |= {
        status: {"description": said, "content": {PROBLEM_TYPE: {"model": shapes.Problem}}}
        for status, said in _PROBLEMS.items()
    }
    ROUTES[f"{BASE}{path}"] = frozenset(known)
    register: Callable[[Route], Route] = app.get(f"{BASE}{path}", summary=summary, responses=responses)
    return register


def _asked() -> Asked:
    asked: Asked = app.context["asked"]
    return asked


def _text(shape: type[BaseModel], plain: Mapping[str, Any]) -> str:
    return shape.model_validate(plain).model_dump_json()


@_route("", shapes.HouseAnswer, "The house and its rooms")
def get_house() -> str:
    """The rooms as they were seen, with what each measures and when it was last heard."""
    return _text(shapes.HouseAnswer, house(_asked()))


@_route("/forecasts", shapes.ForecastsAnswer, "The newest forecasts, or those issued at a time", "room", "issued_at")
def get_forecasts(
    room: Rooms = None,
    issued_at: Annotated[
        str | None, Query(description="When they were issued; by default the newest are given")
    ] = None,
) -> str:
    """Of each room what it measured last, and the next 24 hours as they were forecast, with the p10 to p90 band."""
    asked = _asked()
    at = floor_slot(moment_of("issued_at", issued_at)) if issued_at else None
    return _text(shapes.ForecastsAnswer, forecasts(asked, asked.rooms(room), issued_at=at))


@_route(
    "/observations", shapes.ObservationsAnswer, "What was measured between two times",
    "room", "from", "to", "statistics", "cursor",
)  # fmt: skip
def get_observations(
    room: Rooms = None,
    first: From = None,
    to: To = None,
    *,
    statistics: Annotated[bool, Query(description="Least, greatest and number of readings as well")] = False,
    cursor: Cursor = None,
) -> str:
    """Columns by room and quantity, a value for each slot; by default of the last 24 hours."""
    asked = _asked()
    span = asked.span(first, to, before=timedelta(days=1), after=timedelta(0))
    plain = observations(asked, asked.rooms(room), span, statistics=statistics, cursor=cursor)
    return _text(shapes.ObservationsAnswer, plain)


@_route("/accuracy", shapes.AccuracyAnswer, "How good the forecasts were, by day", "room", "from", "to", "cursor")
def get_accuracy(
    room: Rooms = None,
    first: Annotated[str | None, Query(alias="from", pattern=_DAY, description="The first day (UTC)")] = None,
    to: Annotated[str | None, Query(pattern=_DAY, description="The last day (UTC)")] = None,
    cursor: Cursor = None,
) -> str:
    """A row for each room and day of issue that was scored; by default of the last 28 days."""
    asked = _asked()
    plain = accuracy(asked, asked.rooms(room), asked.day_span(first, to, before=28), cursor=cursor)
    return _text(shapes.AccuracyAnswer, plain)


@_route("/models", shapes.ModelsAnswer, "Which models served")
def get_models() -> str:
    """What serves the house, what served it and why, and the models that there are."""
    return _text(shapes.ModelsAnswer, models(_asked()))


@_route("/notices", shapes.NoticesAnswer, "What there is to tell")
def get_notices() -> str:
    """The notices that are open, and those of the newest 100 that were cleared; kept for 90 days."""
    return _text(shapes.NoticesAnswer, notices(_asked()))


@_route("/advice", advice_shapes.AdviceAnswer, "When to air and to dehumidify")
def get_advice() -> str:
    """What to do now, by room, and the plan of the day; no rooms where none was made in the last hour and a half."""
    return _text(advice_shapes.AdviceAnswer, advice(_asked()))


@_route(
    "/series", shapes.SeriesAnswer, "Flat rows for a chart: forecast and measured",
    "room", "quantity", "from", "to", "lead_h", "every", "cursor",
)  # fmt: skip
def get_series(
    room: Rooms = None,
    quantity: Annotated[
        list[str] | None, Query(max_length=2, description="`humidity`, `temperature`; by default both")
    ] = None,
    first: From = None,
    to: To = None,
    lead_h: Annotated[int, Query(ge=0, le=18, description="At least so many hours ahead the past was forecast")] = 0,
    every: Annotated[int, Query(ge=1, le=96, description="Of so many slots one row")] = 1,
    cursor: Cursor = None,
) -> str:
    """Rows of time, room, quantity, p10, p50, p90 and actual; by default from 24 hours ago to 24 hours ahead.

    Slots of the past go by the newest forecast issued at 00, 06, 12 or 18 UTC, `lead_h` or more hours before; slots
    ahead by the newest there is.
    """
    asked = _asked()
    unknown = sorted({*(quantity or ())} - {*QUANTITIES})
    if unknown:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"found quantity={unknown[0]!r:.40}; expected {' or '.join(QUANTITIES)}"
        )
    span = asked.span(first, to, before=timedelta(days=1), after=timedelta(days=1))
    plain = series(
        asked,
        asked.rooms(room),
        span,
        quantities=[one for one in QUANTITIES if not quantity or one in quantity],
        lead_h=lead_h,
        every=every,
        cursor=cursor,
    )
    return _text(shapes.SeriesAnswer, plain)


def _problem(error: ProblemError) -> Response[str]:
    return Response(int(error.status), PROBLEM_TYPE, json.dumps(problem_of(error.status, error.detail)))


def _invalid(error: RequestValidationError) -> Response[str]:
    said = [f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()]
    return _problem(ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(said)))


app.exception_handler(ProblemError)(_problem)
app.exception_handler(RequestValidationError)(_invalid)


def resolve(asked: Asked, path: str, query: str) -> tuple[int, str, str]:
    """Answer a request of who may read the house.

    Parameters
    ----------
    path
        As under :data:`BASE`, whatever the request's own began with.
    query
        The raw query string.

    Returns
    -------
    The status, the content's type and the content.

    Raises
    ------
    ProblemError
        If there is no such route, or it has no such parameter, or one that cannot be given twice was.
    """
    if path not in ROUTES:
        ways = ", ".join(sorted(ROUTES))
        raise ProblemError(HTTPStatus.NOT_FOUND, f"found no such route; expected one of {ways}")
    given = _query(query)
    unknown = sorted(given.keys() - ROUTES[path])
    if unknown:
        known = ", ".join(sorted(ROUTES[path])) or "none"
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"found the parameter {unknown[0]!r:.40}; expected of these: {known}"
        )
    twice = sorted(name for name, values in given.items() if len(values) > 1 and name not in _REPEATED)
    if twice:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"found {twice[0]} {_TWICE}; expected it once")
    asked_for = {name: values for name, values in given.items() if name != "cursor"}
    app.context["asked"] = replace(asked, query={"house": asked.home.name, "path": path, **asked_for})
    event = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {},
        "requestContext": {"http": {"method": "GET", "path": path}, "stage": "$default"},
    }
    answer = app.resolve(event, _NO_CONTEXT)
    return answer["statusCode"], answer["headers"]["Content-Type"], answer["body"]
