"""Problem responses according to RFC 9457: what was found, what was expected, and what to do.

None reveals anything about another house.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from roomidity.errors import RoomidityError

__all__ = ["PROBLEM_TYPE", "ProblemError", "problem_of"]

_TYPE: Final = "about:blank"

PROBLEM_TYPE: Final = "application/problem+json"


class ProblemError(RoomidityError):
    """A request that cannot be answered. ``detail`` is shown to the person who sent it."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        self.status = status
        self.detail = detail
        super().__init__(detail)


def problem_of(status: HTTPStatus, detail: str) -> dict[str, Any]:
    """Returns the members of a problem. It has no type beyond its status, whose phrase is the title.

    >>> problem_of(HTTPStatus.NOT_FOUND, "house h1 was never heard")["title"]
    'Not Found'
    """
    return {"type": _TYPE, "title": status.phrase, "status": int(status), "detail": detail}
