"""Rejected readings as NDJSON in the bucket: reason, message and original, so that none is lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from roomidity.bucket import Bucket

__all__ = ["RejectLog"]

_PREFIX: Final = "rejects"


class RejectLog:
    """Rejects by day, in objects named by their content, so that the same wave again writes the same object."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def put(self, day: date, rejects: Sequence[Mapping[str, Any]]) -> str:
        """Write rejects as one object, a line each; its key."""
        content = "".join(json.dumps(reject, ensure_ascii=True) + "\n" for reject in rejects).encode()
        key = f"{_PREFIX}/{day.isoformat()}/{hashlib.sha256(content).hexdigest()[:24]}.ndjson"
        self._bucket.put(key, content, content_type="application/x-ndjson")
        return key

    def days(self, days: Iterable[date]) -> Iterator[dict[str, Any]]:
        """The rejects of ``days``; one that was written in two waves comes twice."""
        for day in days:
            yield from self._below(f"{_PREFIX}/{day.isoformat()}/")

    def all(self) -> Iterator[dict[str, Any]]:
        """The rejects that are kept."""
        return self._below(f"{_PREFIX}/")

    def _below(self, prefix: str) -> Iterator[dict[str, Any]]:
        for key in self._bucket.keys(prefix):
            for line in self._bucket.get(key).splitlines():
                yield json.loads(line)
