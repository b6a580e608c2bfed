"""Calls functions of the stage without waiting for their result."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from roomidity.errors import NotFoundError

__all__ = ["Function"]


class Function:
    """One Lambda function, whose client is made at the first call."""

    def __init__(self, connect: Callable[[], Any], name: str) -> None:
        self._connect = connect
        self.name = name

    @cached_property
    def _client(self) -> Any:
        return self._connect()

    def begin(self, event: Mapping[str, Any]) -> None:
        """Invoke the function with ``event``, asynchronously. Lambda keeps the event, and retries if the call fails.

        Raises
        ------
        NotFoundError
            If the function does not exist, as on the local engine.
        """
        try:
            self._client.invoke(FunctionName=self.name, InvocationType="Event", Payload=json.dumps(event).encode())
        except self._client.exceptions.ResourceNotFoundException as error:
            raise NotFoundError(f"function {self.name!r}", hint="deploy the stack") from error
