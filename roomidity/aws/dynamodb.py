"""The DynamoDB client that all tables share, which passes values through without conversion.

botocore walks every value of a request or response through ten possible types, at about 7 µs each, and two days of a
house have 17,000 values. Their JSON already has the form that pynamodb produces and accepts, except for bytes, which
JSON encodes in base64. Our tables hold bytes only as attributes of an item, never inside a list or a map.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import botocore.session
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.exceptions import ConnectionError as NotConnectedError
from botocore.parsers import JSONParser, ResponseParserFactory
from botocore.serialize import JSONSerializer

from roomidity.aws.silence import Silence

__all__ = ["HastyClient", "botocore_session", "decoded_by", "dynamodb_client", "is_decoding"]

_CONFIG: Final = Config(
    connect_timeout=1,
    read_timeout=3,  # the default is 60 s, in which one hanging call would use up an invocation
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=16,
    parameter_validation=False,  # pynamodb's models have validated them
)

_HASTY: Final = _CONFIG.merge(Config(read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}))
"""For callers with ten houses to forecast in 60 s and a fallback for some of the data. A table that hangs takes 4 s in
all.
"""


_decoder: Final[ContextVar[msgspec.json.Decoder[Any] | None]] = ContextVar("decoder", default=None)


@contextmanager
def decoded_by(decoder: msgspec.json.Decoder[Any]) -> Iterator[None]:
    """The items of answers are made by ``decoder``; an answer that it does not know is read as ever."""
    token = _decoder.set(decoder)
    try:
        yield
    finally:
        _decoder.reset(token)


def is_decoding() -> bool:
    """Whether a decoder makes the items of answers just now."""
    return _decoder.get() is not None


class _PlainValues(JSONParser):
    """botocore's parser, which here leaves DynamoDB values as they are in the response."""

    def _parse_shape(self, shape: Any, node: Any) -> Any:
        if shape.name == "AttributeValue":
            return {"B": base64.b64decode(node["B"])} if "B" in node else node
        if shape.name == "ItemList" and node and isinstance(node[0], msgspec.Struct):
            return node
        return super()._parse_shape(shape, node)  # type: ignore[misc]  # the stubs leave it out

    def _parse_body_as_json(self, body_contents: bytes) -> Any:
        if (decoder := _decoder.get()) is not None:
            try:
                return decoder.decode(body_contents)
            except msgspec.DecodeError:
                pass  # an error, or an item of another form
        try:
            return msgspec.json.decode(body_contents)
        except msgspec.DecodeError:
            return super()._parse_body_as_json(body_contents)  # type: ignore[misc]


class _PlainSerializer(JSONSerializer):
    """botocore's serializer, which here puts DynamoDB values into the request as they are."""

    def _serialize(self, serialized: Any, value: Any, shape: Any, key: Any = None) -> None:
        if shape.name == "AttributeValue":
            serialized[key] = {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        else:
            super()._serialize(serialized, value, shape, key)  # type: ignore[misc]  # the stubs leave it out


class _Parsers(ResponseParserFactory):
    def create_parser(self, protocol_name: str) -> Any:
        return _PlainValues() if protocol_name == "json" else super().create_parser(protocol_name)


def botocore_session() -> botocore.session.Session:
    """Returns a session whose clients parse DynamoDB's responses without conversion."""
    session = botocore.session.get_session()
    session.register_component("response_parser_factory", _Parsers())
    return session


class NotAskedError(NotConnectedError):
    """The table is not called, because it did not respond within the last minute."""

    fmt = "table {table} is not asked: it gave no answer in the last minute"


class HastyClient:
    """A client that stops calling a table for a while after it failed to respond. Other tables are not affected.

    Parameters
    ----------
    client
        The client that makes the calls.
    clock
        A monotonic clock in seconds.
    """

    def __init__(self, client: Any, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock
        self._silences: dict[str, Silence] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def _make_api_call(self, operation: str, parameters: Mapping[str, Any]) -> Any:  # the method that pynamodb calls
        table = _table_of(parameters)
        silence = self._silences.setdefault(table, Silence(self._clock))
        if silence.holds:
            raise NotAskedError(table=table)
        try:
            return self._client._make_api_call(operation, parameters)  # noqa: SLF001  # see above
        except BotoCoreError as error:
            silence.learn(error)
            raise


def _table_of(parameters: Mapping[str, Any]) -> str:
    """Returns the table that a call concerns. Batches name the tables of their requests, and ours have only one."""
    return str(parameters.get("TableName") or next(iter(parameters.get("RequestItems", {"": None}))))


def dynamodb_client(session: botocore.session.Session, *, region: str, hasty: Callable[[], float] | None = None) -> Any:
    """Returns a client for all tables. Endpoint and credentials come from the usual AWS variables.

    If a clock is given as ``hasty``, the client has short timeouts, and stops calling a table that does not respond.
    """
    config = _CONFIG if hasty is None else _HASTY
    client: Any = session.create_client("dynamodb", region_name=region, config=config)
    client._serializer = _PlainSerializer()  # noqa: SLF001  # a session accepts parsers, but not serializers
    return client if hasty is None else HastyClient(client, hasty)
