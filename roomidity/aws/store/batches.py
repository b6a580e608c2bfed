"""BatchGetItem in parts of 100 keys. Unprocessed keys are requested again with exponential back-off."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from pynamodb.exceptions import GetError

from roomidity.aws.store.reading import Item
from roomidity.errors import StoreError

__all__ = ["batch_get"]

_AT_ONCE: Final = 100
"""BatchGetItem accepts no more keys."""

_PAUSES_S: Final = (0.05, 0.1, 0.2, 0.4)
"""Pauses in s, with jitter. A table that is still throttled after these stays busy for longer than a reader waits."""

Found = TypeVar("Found", bound=Item)


def batch_get(
    item: type[Found], keys: Iterable[tuple[str, str]], *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Found]:
    """Yields the existing items of the given keys, each read once, in no particular order.

    Each 4 KB of an item costs half a read unit. pynamodb's own method retries at once and for ever.

    Raises
    ------
    StoreError
        If the table does not respond, or does not get to all of them.
    """
    asked = list(dict.fromkeys(keys))
    for first in range(0, len(asked), _AT_ONCE):
        yield from _part(item, asked[first : first + _AT_ONCE], sleep)


def _part(item: type[Found], keys: Sequence[tuple[str, str]], sleep: Callable[[float], None]) -> Iterator[Found]:
    names = [one.attr_name for one in item.get_attributes().values() if one.is_hash_key or one.is_range_key]
    names.sort(key=lambda name: not item.get_attributes()[name].is_hash_key)
    left: list[dict[str, Any]] = [{name: {"S": part} for name, part in zip(names, key, strict=True)} for key in keys]
    for pause_s in (*_PAUSES_S, None):
        try:
            page, unprocessed = item._batch_get_page(left, consistent_read=False, attributes_to_get=None)  # type: ignore[no-untyped-call]  # noqa: SLF001
        except GetError as error:
            raise StoreError(f"table {item.Meta.table_name} does not answer: {error}") from error
        yield from (item.from_raw_data(found) for found in page)
        if not unprocessed:
            return
        left = list(unprocessed)
        if pause_s is not None:
            sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311  # jitter, not a secret
    raise StoreError(
        f"table {item.Meta.table_name} is busy: {len(left)} items were not read after {len(_PAUSES_S)} pauses"
    )
