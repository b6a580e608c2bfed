"""Turns a request into its response. The page is public, and a house is given only to those who may read it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

from roomidity.api.asked import Asked
from roomidity.api.authority import Authority, UnauthorizedError, house_of
from roomidity.api.page import page_file
from roomidity.api.ports import ApiPorts
from roomidity.api.problems import ProblemError
from roomidity.api.request import Reply, Request
from roomidity.api.routes import BASE, ROUTES, resolve
from roomidity.errors import StoreError

__all__ = ["Clocks", "answer", "route_of"]

logger: Final = logging.getLogger(__name__)

_HOUSES: Final = "/v1/houses/"
_API: Final = "/v1"
_RETRY_S: Final = "5"
_PRIVATE: Final = {
    "cache-control": "private, no-cache",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


@dataclass(frozen=True)
class Clocks:
    """The clocks of a request. ``wall`` is the present, by which tokens expire.

    Responses use ``data``, which differs in a replay.
    """

    wall: datetime
    data: datetime

    @property
    def replayed(self) -> bool:
        """Whether the data are replayed."""
        return self.data != self.wall


def answer(request: Request, ports: Callable[[], ApiPorts], clocks: Clocks, *, authority: Authority = "token") -> Reply:
    """Returns the response to a request. It never raises.

    A failure becomes a problem response that reveals nothing of its cause. The cause is logged.
    """
    if request.method not in {"GET", "HEAD"}:
        allow = "the API only reads; expected GET"
        return Reply.problem(HTTPStatus.METHOD_NOT_ALLOWED, f"found {request.method!r:.20}; {allow}", allow="GET, HEAD")
    if not _is_api(request.path):
        found = page_file(request.path)
        return found or Reply.problem(
            HTTPStatus.NOT_FOUND, "there is nothing here; the page is at /, the API below /v1"
        )
    try:
        return _of_house(request, ports(), clocks, authority)
    except UnauthorizedError as error:
        return Reply.problem(error.status, error.detail, www_authenticate='Bearer realm="roomidity"')
    except ProblemError as error:
        return Reply.problem(error.status, error.detail)
    except StoreError:
        logger.exception("the tables do not answer")
        busy = "the tables do not answer; try again in a moment"
        return Reply.problem(HTTPStatus.SERVICE_UNAVAILABLE, busy, retry_after=_RETRY_S)
    except Exception:  # Whatever the cause, the caller learns no more than this.
        logger.exception("a request failed")
        return Reply.problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this failed, and is in the log; try again later")


def route_of(request: Request) -> str:
    """Returns the route of a request without any names in it, so that it can be logged."""
    if not _is_api(request.path):
        return "page" if page_file(request.path) is not None else "none"
    _, path = _split(request.path)
    return path if path in ROUTES else "none"


def _of_house(request: Request, ports: ApiPorts, clocks: Clocks, authority: Authority) -> Reply:
    named, path = _split(request.path)
    name = house_of(request, named, authority=authority, settings=ports.settings, now=clocks.wall)
    home = ports.houses.get(name)
    if home is None or home.has_expired(clocks.data):
        raise ProblemError(HTTPStatus.NOT_FOUND, "the house was not heard yet; it appears with its first reading")
    asked = Asked(ports, home, clocks.data, replayed=clocks.replayed)
    status, kind, text = resolve(asked, path, request.query)
    if status != HTTPStatus.OK:
        return Reply(status, kind, text.encode(), {"cache-control": "no-store"})
    now = f'"now":"{asked.head["now"]}"'
    return Reply(status, kind, text.encode(), _PRIVATE, tagged=text.replace(now, "", 1).encode())


def _is_api(path: str) -> bool:
    return path == _API or path.startswith(f"{_API}/")


def _split(path: str) -> tuple[str | None, str]:
    """Returns the house that a path names (or None), and the same path below :data:`BASE`."""
    if not path.startswith(_HOUSES):
        return None, path
    named, slash, rest = path.removeprefix(_HOUSES).partition("/")
    return named, f"{BASE}{slash}{rest}"
