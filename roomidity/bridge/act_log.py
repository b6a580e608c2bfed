"""The log of what was commanded: a line of JSON for each act, with what, when and why."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime
from os import SEEK_END
from pathlib import Path
from typing import IO, Any, Final, cast, get_args

from roomidity.bridge.overrides import Mode, Override
from roomidity.domain.slots import parse_time

__all__ = ["ActLog"]

logger: Final = logging.getLogger("roomidity.bridge")

_MOST_BYTES: Final = 4 * 2**20
"""Some 25,000 acts; then the file is put aside as ``FILE.1``, and that before it is gone."""


class ActLog:
    """A file of acts. What cannot be written is logged elsewhere, and stops nothing: switching off must go on."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, act: Mapping[str, Any]) -> None:
        """Append an act."""
        logger.info("%s", act["act"], extra=dict(act))
        line = json.dumps(act, ensure_ascii=False) + "\n"
        try:
            if self._path.exists() and self._path.stat().st_size + len(line) > _MOST_BYTES:
                self._path.replace(self._former)
            with self._path.open("ab+") as file:
                if file.tell() and not self._ends_a_line(file):  # The bridge was killed while it wrote.
                    file.write(b"\n")
                file.write(line.encode())
        except OSError as error:
            logger.warning("%s cannot be written (%s); this act stands here alone: %s", self._path, error, line.strip())

    def overrides(self, house: str, *, at: datetime) -> dict[str, Override]:
        """Returns by room what people said that still holds, so that a restart does not forget it."""
        lines: list[str] = []
        for path in (self._former, self._path):
            if path.is_file():
                lines += path.read_text("utf-8", errors="replace").splitlines()
        found: dict[str, Override] = {}
        for line in lines:
            try:
                act = json.loads(line)
                if act["act"] == "override" and act["house"] == house and act["mode"] in get_args(Mode):
                    found[str(act["room"])] = Override(cast("Mode", act["mode"]), parse_time(act["until"]))
            except (ValueError, TypeError, KeyError, RecursionError):
                continue  # A line that was cut off.
        return {room: one for room, one in found.items() if one.mode != "auto" and one.until > at}

    @property
    def _former(self) -> Path:
        return self._path.with_name(f"{self._path.name}.1")

    @staticmethod
    def _ends_a_line(file: IO[bytes]) -> bool:
        file.seek(-1, SEEK_END)
        return file.read(1) == b"\n"
