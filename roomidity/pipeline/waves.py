"""A wave: as many messages as fit in memory, received in parallel where there are many."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from roomidity.domain.messages import Message
from roomidity.pipeline.ports import ReadingsQueue

__all__ = ["Wave", "WaveSize", "portions", "receive_wave"]

_RECEIVERS: Final = 4
"""Threads; they reach 6,000 messages a second, 16 threads fewer."""


_MANY: Final = 10
"""What one call can bring at most; when the first brings that, there are more."""


@dataclass(frozen=True)
class WaveSize:
    """Where a wave ends: bounds the drain's memory."""

    messages: int = 5_000
    body_bytes: int = 64 * 2**20
    commas: int = 1_000_000
    """Of a portion: a packed reading has five, but 1 MiB can also hold half a million things that are none."""
    portion_bytes: int = 16 * 2**20
    """Of a portion: what is rejected of it stands in memory four times, in at most three times as many bytes."""


@dataclass(frozen=True)
class Wave:
    """Messages, and whether they were the last: then no further wave is worth its polls."""

    messages: list[Message]
    last: bool


def portions(messages: Sequence[Message], size: WaveSize) -> Iterator[list[Message]]:
    """Messages in their order, in portions that fit in memory whatever the bodies hold; one has a message at least."""
    portion: list[Message] = []
    commas = length = 0
    for message in messages:
        count = message.body.count(",") + 1
        if portion and (commas + count > size.commas or length + len(message.body) > size.portion_bytes):
            yield portion
            portion, commas, length = [], 0, 0
        portion.append(message)
        commas += count
        length += len(message.body)
    if portion:
        yield portion


def receive_wave(queue: ReadingsQueue, size: WaveSize) -> Wave:
    """Messages up to the wave's size, fewer when the queue is empty.

    A receiver that ends by an error does not lose what the others hold: the error is raised after they stopped, and
    what was received comes again after the visibility timeout.
    """
    messages: list[Message] = []
    received_bytes = 0
    lock = threading.Lock()

    def receive() -> list[Message]:
        nonlocal received_bytes
        batch = queue.receive()
        with lock:
            messages.extend(batch)
            received_bytes += sum(len(message.body) for message in batch)
        return batch

    def receive_on() -> None:
        while len(messages) < size.messages and received_bytes < size.body_bytes:
            if not receive():
                return

    first = receive()  # tells whether there is work for more than one: most ticks of a few houses have one message each
    if len(first) < _MANY:
        if first:
            receive_on()
    else:
        with ThreadPoolExecutor(max_workers=_RECEIVERS) as pool:
            receivers = [pool.submit(receive_on) for _ in range(_RECEIVERS)]
        for receiver in receivers:
            receiver.result()
    full = len(messages) >= size.messages or received_bytes >= size.body_bytes
    return Wave(messages=messages, last=not full)
