"""Rejected readings as NDJSON in the bucket: reason, message and original, so that none is lost.

A line is one reading, or those of a message that are kept together: :mod:`roomidity.readings.rejected`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from roomidity.aws.bucket import Bucket, ObjectVersion
from roomidity.domain.rejects import concerns
from roomidity.errors import NotFoundError
from roomidity.readings.rejected import count_by_reason, divide, expand

__all__ = ["RejectLog"]

_PREFIX: Final = "rejects"
_NDJSON: Final = "application/x-ndjson"


class RejectLog:
    """Rejects by day, in objects named by their content, so that the same wave again writes the same object."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def put(self, day: date, rejects: Sequence[Mapping[str, Any]]) -> str:
        """Write rejects as one object, as many lines. Returns its key."""
        content = _content(rejects)
        key = f"{_below(day)}{hashlib.sha256(content).hexdigest()[:24]}.ndjson"
        self._bucket.put(key, content, content_type=_NDJSON)
        return key

    def replace(self, key: str, rejects: Sequence[Mapping[str, Any]]) -> str:
        """Put lines in the place of all that an object had, also none; what it was is kept as an older version."""
        return self._bucket.put(key, _content(rejects), content_type=_NDJSON)

    def days(self, first: date | None = None, last: date | None = None) -> list[date]:
        """The days of which rejects are kept, from ``first`` to ``last``, both included."""
        kept = (date.fromisoformat(name) for name in self._bucket.folders(f"{_PREFIX}/"))
        return [day for day in kept if (first is None or first <= day) and (last is None or day <= last)]

    def keys(self, day: date) -> list[str]:
        """The objects of a day."""
        return list(self._bucket.keys(_below(day)))

    def read(self, key: str) -> Iterator[dict[str, Any]]:
        """An object's rejects, as they are asked for; none where it is gone. What came in two waves stands in two."""
        for line in self.lines(key):
            yield from expand(line)

    def lines(self, key: str) -> Iterator[dict[str, Any]]:
        """An object's lines, as they are asked for; none where it is gone."""
        try:
            for line in self._bucket.lines(key):
                yield json.loads(line)
        except NotFoundError:
            return

    def rewrite(self, key: str, rejects: Sequence[Mapping[str, Any]]) -> str | None:
        """Put lines of rejects in the place of all that an object had, its version; without any, the object goes."""
        if rejects:
            return self._bucket.put(key, _content(rejects), content_type=_NDJSON)
        self._bucket.delete(key)
        return None

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete the rejects that are of a house, also from what a versioned bucket keeps of older objects.

        All of them are looked at, again until none is found: one that is written meanwhile is found as well.

        Yields
        ------
        How many, object by object. Where it ends half way, running it again does the rest.
        """
        while True:
            found = 0
            for page in self._bucket.versions(f"{_PREFIX}/"):
                for one in page:
                    if not one.is_marker:
                        count = self._erase_from(one, house, dry_run=dry_run)
                        found += count
                        yield count
            if dry_run or not found:
                return

    def _erase_from(self, one: ObjectVersion, house: str, *, dry_run: bool) -> int:
        left, named = [], 0
        try:
            for line in self._bucket.lines(one.key, version=one.version):
                of_house, others = divide(json.loads(line), lambda reject: concerns(reject, house))
                named += sum(count_by_reason(of_house).values()) if of_house else 0
                if others and one.is_latest:
                    left.append(others)
        except NotFoundError:
            return 0
        if named and not dry_run:
            version = self.rewrite(one.key, left) if one.is_latest else None
            if version != one.version:  # in a bucket that keeps no versions the new one is where the old one was
                self._bucket.erase([one])
        return named


def _below(day: date) -> str:
    return f"{_PREFIX}/{day.isoformat()}/"


def _content(rejects: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(reject, ensure_ascii=True) + "\n" for reject in rejects).encode()
