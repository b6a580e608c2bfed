"""Schemathesis reads the API's description, and tries to find a request that is not answered as it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from roomidity.api.document import document
from tests.api import ApiWorld, event_of

world: Final = ApiWorld()
TOKEN: Final = world.house("h1", "bath", "kitchen", "outdoor", days=0.2)


def served(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The API as WSGI, in process."""
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    event = event_of(environ["PATH_INFO"].encode("latin-1").decode(errors="replace"), method=environ["REQUEST_METHOD"])
    event |= {"rawQueryString": environ["QUERY_STRING"], "headers": headers}
    answered = world.answer(event)
    start_response(f"{answered.status} said", list(answered.headers.items()))
    return [answered.body]


schema = schemathesis.openapi.from_dict(document())
schema.app = served


@schema.parametrize()
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_request_is_answered_as_described(case: Any) -> None:
    if "house" in case.path_parameters:
        case.path_parameters["house"] = "h1"
    case.headers = {"authorization": f"Bearer {TOKEN}"}
    case.call_and_validate(
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_headers_conformance,
            response_schema_conformance,
            negative_data_rejection,
        ]
    )
