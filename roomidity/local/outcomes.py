"""Receives the outcomes of saves from the running emulator's process: one line of JSON each, through a pipe."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

__all__ = ["Outcomes"]


class Outcomes:
    """The last save (``saved_at``), and why a later one failed (``trouble``, or None). Each is reported once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._read_fd, self.fd = os.pipe()
        self._is_closed = False
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self.saved_at: str | None = None
        self.trouble: str | None = None

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Reads the remaining outcomes. Every other process that can write to the pipe must have ended."""
        if not self._is_closed:
            self._is_closed = True
            os.close(self.fd)
            self._reader.join(timeout=5)

    def _follow(self) -> None:
        with os.fdopen(self._read_fd) as lines:
            for line in lines:
                outcome = json.loads(line)
                if "trouble" in outcome:
                    if outcome["trouble"] != self.trouble:
                        self._tell(f"The engine's state cannot be saved: {outcome['trouble']}. It is tried again.")
                    self.trouble = outcome["trouble"]
                else:
                    self.saved_at, self.trouble = outcome["saved_at"], None
