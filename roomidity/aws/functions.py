"""Functions of the stage, called without waiting for what they do."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from roomidity.errors import NotFoundError

__all__ = ["Function"]


class Function:
    """One function in Lambda, whose client is made when it is first called."""

    def __init__(self, connect: Callable[[], Any], name: str) -> None:
        self._connect = connect
        self.name = name

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def begin(self, event: Mapping[str, Any]) -> None:
        """Have it called with ``event``: Lambda keeps the event, and tries again where the call fails.

        Raises
        ------
        NotFoundError
            If there is no such function, as on the local engine.
        """
        try:
            self._client.invoke(FunctionName=self.name, InvocationType="Event", Payload=json.dumps(event).encode())
        except self._client.exceptions.ResourceNotFoundException as error:
            raise NotFoundError(f"function {self.name!r}", hint="deploy the stack") from error
