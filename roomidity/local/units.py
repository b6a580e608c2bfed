"""Counts what AWS would bill for a session's calls: DynamoDB units, and requests to queues and bucket.

They are derived from the calls themselves, since an emulator's own figures are not reliable.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from math import ceil
from time import thread_time
from typing import Any, Final

from roomidity.aws.sizes import Item, item_bytes, write_units
from roomidity.doctor.parts import TABLES

__all__ = ["Item", "Meter", "Units", "item_bytes", "read_units", "write_units"]

_READ_BYTES: Final = 4096
_REQUEST_BYTES: Final = 65_536
"""SQS bills each started 64 KiB of a call's bodies as one request."""

_NAMES: Final = re.compile(r"'(\w+)': \?")
"""Of attributes, in an INSERT."""

_S3_WRITES: Final = frozenset(
    {"PutObject", "CopyObject", "ListObjects", "ListObjectsV2", "ListObjectVersions", "CreateMultipartUpload"}
)
_S3_FREE: Final = frozenset({"DeleteObject", "DeleteObjects"})

Units = dict[tuple[str, str], float]
"""Amounts by what and where, such as ("write_units", "houses")."""


def read_units(size_bytes: int, *, consistent: bool) -> float:
    """Returns the units for reading an item or a page of a query.

    These are one per started 4 KiB, and half of that for an eventually consistent read.

    >>> read_units(4097, consistent=True), read_units(4097, consistent=False)
    (2.0, 1.0)
    """
    return max(1, ceil(size_bytes / _READ_BYTES)) * (1.0 if consistent else 0.5)


class Meter:
    """Counts the calls of a session's clients that are created from now on.

    It counts write_units and read_units by table, sqs_requests by queue, s3_writes and s3_reads of the bucket, and
    calls by operation. A partial read of an item is counted as a read of the whole item, as it is billed.

    Parameters
    ----------
    session
        The botocore session whose clients are counted.
    stored
        Returns an item by table and key, using another session. An update only contains its changes, but is billed by
        the size of the resulting item. A read may ask for a part, but is billed by the whole item.
    """

    def __init__(self, session: Any, *, stored: Callable[[str, Item], Item]) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._stored = stored
        self._lock = threading.Lock()
        self._cpu_s = 0.0
        session.register("provide-client-params", self._note)
        session.register("after-call", self._measured)

    def take(self) -> Units:
        """Returns what was counted since the last call."""
        with self._lock:
            taken, self._counts = self._counts, Counter()
        return dict(taken)

    def take_cpu_s(self) -> float:
        """Returns the CPU time in seconds that counting itself took since the last call."""
        with self._lock:
            taken, self._cpu_s = self._cpu_s, 0.0
        return taken

    def _measured(self, **call: Any) -> None:
        begin = thread_time()
        try:
            self._count(**call)
        finally:
            with self._lock:
                self._cpu_s += thread_time() - begin

    @staticmethod
    def _note(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["asked"] = dict(params)  # The answer does not contain the request.

    def _count(
        self, model: Any, parsed: Mapping[str, Any], context: Mapping[str, Any], http_response: Any = None, **_: Any
    ) -> None:
        service, operation, asked = model.service_model.service_name, model.name, context["asked"]
        found: list[tuple[str, str, float]] = [("calls", operation, 1)]
        if service == "dynamodb":
            found += [("write_units", _table(name), units) for name, units in self._written(operation, asked)]
            items = parsed.get("Items", ())
            if items and not isinstance(items[0], Mapping):  # decoded the short way, in part
                parsed = json.loads(http_response.content)
            found += [("read_units", _table(name), units) for name, units in self._read(operation, asked, parsed)]
        elif service == "sqs":
            found.append(("sqs_requests", _queue(asked), _sqs_requests(asked, parsed)))
        elif service == "s3" and operation not in _S3_FREE:
            found.append(("s3_writes" if operation in _S3_WRITES else "s3_reads", "bucket", 1))
        with self._lock:
            for what, where, units in found:
                self._counts[what, where] += units  # type: ignore[assignment]  # a Counter of halves

    def _written(self, operation: str, asked: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
        """Yields the units that a call writes, by table."""
        match operation:
            case "PutItem" | "UpdateItem" | "DeleteItem":
                yield asked["TableName"], self._units_of(asked)
            case "BatchWriteItem":
                for name, requests in asked["RequestItems"].items():
                    for request in requests:
                        (one,) = request.values()
                        yield name, self._units_of({"TableName": name, **one})
            case "BatchExecuteStatement":
                for one in asked["Statements"]:
                    names = _NAMES.findall(one["Statement"])
                    item = dict(zip(names, one["Parameters"], strict=True))
                    yield one["Statement"].split('"')[1], write_units(item_bytes(item))
            case "TransactWriteItems":
                for request in asked["TransactItems"]:
                    (one,) = request.values()
                    yield one["TableName"], 2 * self._units_of(one)  # transactions cost double, also for checks

    def _read(self, operation: str, asked: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
        """Units of what a call reads, by table."""
        match operation:
            case "GetItem":
                size = item_bytes(answer.get("Item", {}))
                yield asked["TableName"], read_units(size, consistent=_is_consistent(asked))
            case "BatchGetItem":
                for name, wanted in asked["RequestItems"].items():
                    items = answer.get("Responses", {}).get(name, [])
                    sizes = [
                        *(self._read_bytes(name, wanted, item) for item in items),
                        *[0] * (len(wanted["Keys"]) - len(items)),
                    ]  # one in vain costs as well
                    for size in sizes:
                        yield name, read_units(size, consistent=_is_consistent(wanted))
            case "Query" | "Scan":
                name = asked["TableName"]
                size = sum(self._read_bytes(name, asked, item) for item in answer.get("Items", []))
                yield name, read_units(size, consistent=_is_consistent(asked))

    def _read_bytes(self, name: str, wanted: Mapping[str, Any], item: Item) -> int:
        """The size of an item of which a part was read."""
        if "ProjectionExpression" not in wanted:
            return item_bytes(item)
        key = {part: item[part] for part in TABLES[_table(name)] if part in item}
        return item_bytes(self._stored(name, key) if len(key) == len(TABLES[_table(name)]) else item)

    def _units_of(self, one: Mapping[str, Any]) -> int:
        item = one["Item"] if "Item" in one else self._stored(one["TableName"], one["Key"])
        return write_units(item_bytes(item))


def _is_consistent(asked: Mapping[str, Any]) -> bool:
    return bool(asked.get("ConsistentRead"))


def _sqs_requests(asked: Mapping[str, Any], answer: Mapping[str, Any]) -> int:
    bodies = [entry.get("MessageBody", "") for entry in asked.get("Entries", ())]
    bodies += [message["Body"] for message in answer.get("Messages", ())]
    return max(1, ceil(sum(len(body.encode()) for body in bodies) / _REQUEST_BYTES))


def _queue(asked: Mapping[str, Any]) -> str:
    """Returns ``forecast-jobs`` for ``<service>-<stage>-forecast-jobs``."""
    name = asked.get("QueueUrl", asked.get("QueueName", "")).rpartition("/")[2]
    return "-".join(name.split("-")[2:])


def _table(name: str) -> str:
    """Returns ``houses`` for ``<service>-<stage>-houses``."""
    return name.rpartition("-")[2]
