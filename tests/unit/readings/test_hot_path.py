"""A guard without a clock: on the way of packed readings no Python object is made for each of them."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from roomidity.domain.messages import Message
from roomidity.domain.slots import to_epoch_ms
from roomidity.readings import LIMITS, check, decode, union, unpack_sets
from tests.unit.samples import NOW, SENT, reading


def messages(count: int) -> list[Message]:
    """``count`` readings of one house in messages of 500, five seconds apart in one slot of ten rooms."""
    sent = to_epoch_ms(SENT)
    some = [
        reading(room=f"room {number % 10}", ts=to_epoch_ms(NOW) - 1_800_000 + 5_000 * (number // 10 % 180))
        for number in range(500)
    ]
    body = json.dumps({"readings": some})
    return [Message(f"m{place}", body, sent, handle="h") for place in range(count // 500)]


def objects_of(work: Callable[[], Any]) -> int:
    """How many objects are there, tracked or not, because of what ``work`` returns."""
    gc.collect()
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        kept = work()
        made = sys.getallocatedblocks() - before
        del kept
    finally:
        gc.enable()
    return made


@pytest.mark.parametrize("step", ["decode", "check", "union"])
def test_objects_do_not_grow_with_readings(step: str) -> None:
    def work(count: int) -> Callable[[], Any]:
        given = messages(count)
        decoded = decode(given)
        if step == "decode":
            return lambda: decode(given)
        checked = check(decoded, now=NOW, limits=LIMITS)
        if step == "check":
            return lambda: check(decoded, now=NOW, limits=LIMITS)
        rows, none = checked.accepted.with_row_index("row"), unpack_sets({}).values
        return lambda: union(none, rows)

    few, many = 5_000, 50_000
    for count in (few, many):
        work(count)()  # caches and imports
    grown = objects_of(work(many)) - objects_of(work(few))
    assert grown < 0.1 * (many - few), f"{grown / (many - few):.2f} objects a reading"


def test_the_guard_bites() -> None:
    given = messages(5_000)
    assert objects_of(lambda: [json.loads(one.body) for one in given]) > 5_000
