"""Deleting all that stands under a key, however much it is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from pynamodb.models import Model

__all__ = ["erase"]

_AT_ONCE: Final = 25
"""BatchWriteItem takes no more."""


def erase(item: type[Model], owner: str) -> Iterator[int]:
    """Delete every item under the hash key ``owner``; how many, some at a time.

    Where it ends half way, running it again does the rest. It reads consistently, so that what was written before is
    seen; and no more of an item than its key.
    """
    keys = [name for name, one in item.get_attributes().items() if one.is_hash_key or one.is_range_key]
    found: Iterator[Any] = iter(item.query(owner, consistent_read=True, attributes_to_get=keys))
    while some := list(islice(found, _AT_ONCE)):
        with item.batch_write() as batch:
            for one in some:
                batch.delete(one)
        yield len(some)
