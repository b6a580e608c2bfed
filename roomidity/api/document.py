"""The API's OpenAPI 3.1 description, generated from the routes and shapes. docs/openapi.json is a copy of it."""

from __future__ import annotations

import copy
import json
from typing import Any, Final

from roomidity.api.routes import BASE, app

__all__ = ["document", "document_text"]

_HOUSES: Final = "/v1/houses/{house}"
_VERSION: Final = "1"
"""Version of the API. Responses under /v1 only ever gain members."""

_DESCRIPTION: Final = (
    "A house's rooms, forecasts, observations, accuracy and models, to who has its token. It only reads. Paths below "
    "/v1/house are of the token's house; those below /v1/houses/{house} are the same and name it."
)
_HOUSE: Final = {
    "name": "house",
    "in": "path",
    "required": True,
    "description": "The token's house; a name that no path carries is read below /v1/house",
    "schema": {"type": "string", "minLength": 1, "maxLength": 64},
}
_ETAG: Final = {"ETag": {"description": "Send it as If-None-Match", "schema": {"type": "string"}}}
_IN_VAIN: Final = ("HTTPValidationError", "ValidationError", "ResponseValidationError")
"""Schemas that Powertools adds by itself, which our problem responses replace."""


def document() -> dict[str, Any]:
    """Returns the OpenAPI description."""
    made: dict[str, Any] = json.loads(
        app.get_openapi_json_schema(title="roomidity", version=_VERSION, description=_DESCRIPTION)
    )
    paths: dict[str, Any] = {}
    for path, item in made["paths"].items():
        operation = item["get"]
        operation["operationId"] = operation["operationId"].removesuffix(f"{path.replace('/', '_')}_get")
        operation["responses"] = {
            status: _described(status, said) for status, said in sorted(operation["responses"].items())
        }
        named = copy.deepcopy(operation)
        named["operationId"] += "_of_house"
        named["parameters"] = [_HOUSE, *named.get("parameters", [])]
        paths[path] = {"get": operation}
        paths[path.replace(BASE, _HOUSES, 1)] = {"get": named}
    for name in _IN_VAIN:
        made["components"]["schemas"].pop(name, None)
    made["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "rm1.HOUSE.SECRET"}
    }
    return {
        "openapi": made["openapi"],
        "info": made["info"],
        "security": [{"token": []}],
        "paths": paths,
        "components": made["components"],
    }


def document_text() -> str:
    """Returns the description as JSON text, in the form that is committed."""
    return json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _described(status: str, said: dict[str, Any]) -> dict[str, Any]:
    if status == "304":
        return {"description": said["description"]}
    return {**said, "headers": _ETAG} if status == "200" else said
