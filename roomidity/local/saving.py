"""Saves the emulator's state as it grows, in a fork of the process, so that the emulator continues meanwhile.

It runs inside the emulator's process. A request is handled within one turn of the event loop, so a fork made between
two turns holds each request either completely or not at all.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from roomidity.local.kept import RUNNING, write

__all__ = ["SAVE_EVERY_S", "Saver", "longest_loss_s"]

SAVE_EVERY_S: Final = 10.0
"""Interval between saves in s. A killed engine loses at most this much if the time for saving is negligible."""

_SHARE: Final = 20
"""Minimum ratio of the interval to the time for saving, so that a large state takes at most a twentieth of one CPU."""

App = Callable[[Any, Any, Any], Awaitable[None]]
States = Callable[[], Mapping[str, Callable[[], Any]]]


def longest_loss_s(took_s: float) -> float:
    """Returns the longest time in s before its end that a killed engine loses, if saving takes ``took_s``."""
    return max(SAVE_EVERY_S, _SHARE * took_s) + 2 * took_s


class Saver:
    """Saves what ``states`` returns for each service into the folder ``state``. Outcomes are written to ``tell_fd``."""

    def __init__(self, state: Path, states: States, to_file: Callable[[str, Any], bytes], *, tell_fd: int) -> None:
        self._state = state
        self._states = states
        self._to_file = to_file
        self._tell_fd = tell_fd
        self._number = max((int(path.name[6:]) for path in state.glob("saved-????????")), default=0)
        self._requests = self._saved_requests = 0
        self._copy: int | None = None

    def counting(self, app: App) -> App:
        """Returns the application with its requests counted. Without any request there is nothing to save."""

        async def counted(scope: Any, receive: Any, send: Any) -> None:
            await app(scope, receive, send)
            self._requests += scope["type"] == "http" and not scope["path"].startswith("/_ministack/health")

        return counted

    async def save_as_it_grows(self) -> None:
        """Saves repeatedly for as long as the engine runs."""
        while True:
            began = asyncio.get_running_loop().time()
            if self._requests != self._saved_requests:
                requests = self._requests
                if await self._save_in_a_copy():
                    self._saved_requests = requests
            took_s = asyncio.get_running_loop().time() - began
            await asyncio.sleep(max(SAVE_EVERY_S, _SHARE * took_s))

    def save(self) -> bool:
        """Saves now, in this process. Returns whether it succeeded."""
        self._number += 1
        began_at = datetime.now(UTC)
        try:
            kept = write(self._state, self._files(), number=self._number, began_at=began_at)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told
            where = f" in {self._state}" if isinstance(error, OSError) else ""
            self._tell({"trouble": f"{type(error).__name__}{where}: {error}"})
            return False
        self._tell({"saved_at": kept.saved_at.isoformat()})
        return True

    def save_and_end(self) -> None:
        """Saves for the last time, after a saving fork has ended, and removes the mark of a running engine."""
        if self._copy is not None:
            os.waitpid(self._copy, 0)
        if self.save():
            (self._state / RUNNING).unlink(missing_ok=True)

    async def _save_in_a_copy(self) -> bool:
        parent = os.getpid()
        copy = os.fork()
        if copy == 0:
            done = False
            try:
                self._keep_only_what_is_needed()
                done = os.getppid() == parent and self.save()
            finally:
                os._exit(0 if done else 1)
        self._number += 1
        self._copy = copy
        while True:
            ended, status = os.waitpid(copy, os.WNOHANG)
            if ended:
                self._copy = None
                return status == 0
            await asyncio.sleep(0.05)

    def _keep_only_what_is_needed(self) -> None:
        """Closes the emulator's file descriptors, since its sockets must not outlive it."""
        os.closerange(3, self._tell_fd)
        os.closerange(self._tell_fd + 1, 65_536)

    def _files(self) -> Iterator[tuple[str, bytes]]:
        for name, state_of in self._states().items():
            yield f"{name}.json", self._to_file(name, state_of())

    def _tell(self, outcome: Mapping[str, str]) -> None:
        try:
            os.write(self._tell_fd, json.dumps(outcome).encode() + b"\n")
        except OSError:  # The process that started this one is gone.
            sys.stderr.write(f"{outcome}\n")
