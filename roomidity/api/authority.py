"""Authorisation: who may read which house. The house that is read is always the one that was authorised."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Literal, get_args
from urllib.parse import unquote

from roomidity.api.problems import ProblemError
from roomidity.api.request import Request
from roomidity.domain.tokens import parse_token
from roomidity.pipeline.ports import Settings
from roomidity.pipeline.tokens import may_read

__all__ = ["AUTHORITIES", "Authority", "UnauthorizedError", "house_of"]

Authority = Literal["token", "iam", "jwt"]
"""How requests are authorised: by a token of the house, which is checked here, or by what the gateway has already
checked, an IAM signature or a JWT and its claim.
"""

AUTHORITIES: Final[tuple[Authority, ...]] = get_args(Authority)

_CLAIM: Final = "houses"
"""The JWT claim that names a house or a list of houses. HTTP APIs pass a list as the text ``[h1 h2]``."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9._~-]{1,64}")
"""Names that are unambiguous in a policy's resource and in a list given as text. Houses with other names need a
token.
"""


class UnauthorizedError(ProblemError):
    """The request has no token, or one that does not open a house."""

    def __init__(self, detail: str) -> None:
        super().__init__(HTTPStatus.UNAUTHORIZED, detail)


def house_of(request: Request, named: str | None, *, authority: Authority, settings: Settings, now: datetime) -> str:
    """Returns the name of the house that a request may read.

    Nothing is read from the tables before there is a well-formed token, which must name the house in the path if there
    is one. A token that turns out to be invalid costs the read of one item.

    Parameters
    ----------
    named
        The house in the path, or None if the path names none.
    now
        The wall clock. Tokens expire by it, whatever clock the data follow.

    Raises
    ------
    UnauthorizedError
        If the request is not authorised.
    ProblemError
        If it is authorised for another house.
    StoreError
        If the table of tokens does not respond.
    """
    if authority == "iam":
        return _checked_before(named, allowed=bool(_authorizer(request).get("iam")))
    if authority == "jwt":
        claims = (_authorizer(request).get("jwt") or {}).get("claims") or {}
        return _checked_before(named, allowed=named in _houses_in(claims))
    token = parse_token(_bearer(request))
    if token is None:
        raise UnauthorizedError("found no token; expected the header `Authorization: Bearer rm1.HOUSE.SECRET`")
    if named is not None and token.house not in {named, unquote(named)}:
        raise _foreign()
    if not may_read(settings, token, now=now):
        raise UnauthorizedError(
            "the token opens nothing: it was revoked, has expired, or is mistyped; ask for a new one"
        )
    return token.house


def _bearer(request: Request) -> str:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip(" ") if scheme.lower() == "bearer" else ""


def _authorizer(request: Request) -> Mapping[str, Any]:
    return request.context.get("authorizer") or {}


def _checked_before(named: str | None, *, allowed: bool) -> str:
    if named is None or not _PLAIN.fullmatch(named):
        raise ProblemError(
            HTTPStatus.FORBIDDEN,
            "expected the house in the path, /v1/houses/HOUSE, in letters, digits and . _ ~ - alone",
        )
    if not allowed:
        raise _foreign()
    return named


def _houses_in(claims: Mapping[str, Any]) -> set[str]:
    text = str(claims.get(_CLAIM, ""))
    return set(text[1:-1].split()) if text.startswith("[") and text.endswith("]") else {text}


def _foreign() -> ProblemError:
    return ProblemError(HTTPStatus.FORBIDDEN, "this opens another house than the path names")
