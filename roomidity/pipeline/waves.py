"""A wave: as many messages as fit in memory, received in parallel if there are many."""

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
"""Number of threads. Four reach 6,000 messages a second, and 16 are slower."""


_MANY: Final = 10
"""Maximum messages of one call. If the first call returns as many, there are more."""


@dataclass(frozen=True)
class WaveSize:
    """The limits of a wave, which bound the drain's memory."""

    messages: int = 5_000
    body_bytes: int = 64 * 2**20
    commas: int = 1_000_000
    """Limit of a portion. A packed reading has five, but 1 MiB can also hold half a million things that are not
    readings.
    """
    portion_bytes: int = 16 * 2**20
    """Limit of a portion. Its rejects are held in memory four times, in up to three times as many bytes."""


@dataclass(frozen=True)
class Wave:
    """Messages, and whether they were the last, in which case polling for another wave is not worthwhile."""

    messages: list[Message]
    last: bool


def portions(messages: Sequence[Message], size: WaveSize) -> Iterator[list[Message]]:
    """Yields messages in order, in portions that fit in memory whatever the bodies hold.

    A portion has at least one message.
    """
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
    """Returns messages up to the wave's size, or fewer if the queue becomes empty.

    If a receiver fails, its error is raised after the others have stopped. What was received is then received again
    after the visibility timeout.
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

    # Shows whether there is work for more than one thread: most ticks of a few houses have one message each.
    first = receive()
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
