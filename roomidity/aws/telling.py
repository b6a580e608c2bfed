"""Changes of notices and of advice to EventBridge, on the stage's own bus."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final

__all__ = ["SOURCE", "EventBus"]

SOURCE: Final = "roomidity"
"""What rules match on, with the detail types ``NoticeRaised``, ``NoticeCleared`` and ``AdviceChanged``."""

_TYPES: Final = {"raised": "NoticeRaised", "cleared": "NoticeCleared", "advised": "AdviceChanged"}


class EventBus:
    """One bus, whose client is made when something is first told."""

    def __init__(self, connect: Callable[[], Any], name: str) -> None:
        self._connect = connect
        self.name = name

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def tell(self, events: Sequence[dict[str, Any]]) -> list[bool]:
        """Put events, at most ten, in one call; for each whether it was taken. A call that fails raises."""
        answer = self._client.put_events(
            Entries=[
                {
                    "EventBusName": self.name,
                    "Source": SOURCE,
                    "DetailType": _TYPES[event["change"]],
                    "Detail": json.dumps(event, ensure_ascii=False),
                }
                for event in events
            ]
        )
        return ["EventId" in entry and "ErrorCode" not in entry for entry in answer["Entries"]]
