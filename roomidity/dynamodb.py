"""The DynamoDB client that all tables share, with answers taken as they come.

botocore walks every value of an answer through ten possible types, about 7 µs each; a house's two days have 17,000 of
them. Their JSON is already the form that pynamodb expects, so here only binary values are touched.
"""

from __future__ import annotations

import base64
from typing import Any, Final

import botocore.session
from botocore.config import Config
from botocore.parsers import JSONParser, ResponseParserFactory

__all__ = ["botocore_session", "dynamodb_client"]

_CONFIG: Final = Config(
    connect_timeout=1,
    read_timeout=3,  # the default of 60 s would let one hanging call eat an invocation; a call takes milliseconds
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=16,
    parameter_validation=False,  # pynamodb's models have done that
)


class _PlainValues(JSONParser):
    """botocore's parser, but a DynamoDB value stays as it is in the answer."""

    def _parse_shape(self, shape: Any, node: Any) -> Any:
        if shape.name == "AttributeValue":
            return _with_bytes(node)
        return super()._parse_shape(shape, node)  # type: ignore[misc]  # the stubs leave it out


def _with_bytes(value: dict[str, Any]) -> dict[str, Any]:
    """A value whose binary parts, which JSON writes in base64, are bytes."""
    ((kind, inner),) = value.items()
    match kind:
        case "B":
            return {kind: base64.b64decode(inner)}
        case "BS":
            return {kind: [base64.b64decode(part) for part in inner]}
        case "M":
            return {kind: {name: _with_bytes(part) for name, part in inner.items()}}
        case "L":
            return {kind: [_with_bytes(part) for part in inner]}
        case _:
            return value


class _Parsers(ResponseParserFactory):
    def create_parser(self, protocol_name: str) -> Any:
        return _PlainValues() if protocol_name == "json" else super().create_parser(protocol_name)


def botocore_session() -> botocore.session.Session:
    """A session whose clients read DynamoDB's answers the short way."""
    session = botocore.session.get_session()
    session.register_component("response_parser_factory", _Parsers())
    return session


def dynamodb_client(session: botocore.session.Session, *, region: str) -> Any:
    """A client for all tables; the endpoint and credentials are the usual AWS variables'."""
    return session.create_client("dynamodb", region_name=region, config=_CONFIG)
