"""Rejected readings as NDJSON in the bucket, with reason, message and original, so that none is lost.

A line is one reading, or several readings of one message that are kept together. See
:mod:`roomidity.readings.rejected`.
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
    """Rejects by day, in objects named by a hash of their content.

    Writing the same wave again is therefore idempotent.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def put(self, day: date, rejects: Sequence[Mapping[str, Any]]) -> str:
        """Write rejects as one object, one line each. Returns its key."""
        content = _content(rejects)
        key = f"{_below(day)}{hashlib.sha256(content).hexdigest()[:24]}.ndjson"
        self._bucket.put(key, content, content_type=_NDJSON)
        return key

    def replace(self, key: str, rejects: Sequence[Mapping[str, Any]]) -> str:
        """Replace all lines of an object, possibly by no lines. Returns its version.

        A versioned bucket keeps the former content as an older version.
        """
        return self._bucket.put(key, _content(rejects), content_type=_NDJSON)

    def days(self, first: date | None = None, last: date | None = None) -> list[date]:
        """Returns the days that have rejects, from ``first`` to ``last``, both included."""
        kept = (date.fromisoformat(name) for name in self._bucket.folders(f"{_PREFIX}/"))
        return [day for day in kept if (first is None or first <= day) and (last is None or day <= last)]

    def keys(self, day: date) -> list[str]:
        """Returns the keys of a day's objects."""
        return list(self._bucket.keys(_below(day)))

    def read(self, key: str) -> Iterator[dict[str, Any]]:
        """Yields an object's rejects, read on demand, or none if it is gone.

        A message that was received in two waves has its rejects in two objects.
        """
        for line in self.lines(key):
            yield from expand(line)

    def lines(self, key: str) -> Iterator[dict[str, Any]]:
        """Yields an object's lines, read on demand, or none if it is gone."""
        try:
            for line in self._bucket.lines(key):
                yield json.loads(line)
        except NotFoundError:
            return

    def rewrite(self, key: str, rejects: Sequence[Mapping[str, Any]]) -> str | None:
        """Replace all lines of an object.

        Returns its new version, or None if there are no lines left and it was deleted.
        """
        if rejects:
            return self._bucket.put(key, _content(rejects), content_type=_NDJSON)
        self._bucket.delete(key)
        return None

    def erase(self, house: str, *, dry_run: bool = False) -> Iterator[int]:
        """Delete the rejects that concern a house, including those in old versions of objects.

        All rejects are searched, repeatedly until none is found, so that those written in the meantime are found as
        well.

        Yields
        ------
        The number deleted, object by object. If it is interrupted, running it again does the rest.
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
            if version != one.version:  # without versioning, the new object has already replaced the old one
                self._bucket.erase([one])
        return named


def _below(day: date) -> str:
    return f"{_PREFIX}/{day.isoformat()}/"


def _content(rejects: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(reject, ensure_ascii=True) + "\n" for reject in rejects).encode()
