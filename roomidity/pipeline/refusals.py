"""What a drain could not do as it should, noted for the doctor: that AWS refused its batches of INSERTs."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from roomidity.domain.setting import STAGE, Setting
from roomidity.domain.slots import format_moment
from roomidity.errors import RoomidityError
from roomidity.pipeline.ports import Settings

__all__ = ["note_refusal", "noted_refusal"]

logger: Final = logging.getLogger(__name__)

_KIND: Final = "batch-insert"
_KEPT_FOR: Final = timedelta(days=1)


def note_refusal(settings: Settings, why: str, *, now: datetime) -> None:
    """Keep for a day why batches were refused; where that fails, only the log says so."""
    try:
        held = settings.get(STAGE, _KIND) or Setting(STAGE, _KIND, {})
        content = {"why": why, "at": format_moment(now)}
        settings.put(replace(held, content=content, expires_at=now + _KEPT_FOR))
    except Exception:  # a note is not worth a drain
        logger.exception("that batches were refused could not be noted")


def noted_refusal(settings: Settings, *, now: datetime) -> str | None:
    """Returns when and why batches were refused within the last day, or None."""
    try:
        held = settings.get(STAGE, _KIND)
    except RoomidityError:  # whoever looks at stored items names it
        return None
    if held is None or held.has_expired(now):
        return None
    return f"{held.content.get('at')}: {held.content.get('why')}"
