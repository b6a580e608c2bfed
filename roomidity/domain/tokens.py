"""Read tokens of a house: ``rm1.<house>.<secret>``. Whoever has one may read that house. Only its hash is stored."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from roomidity.domain.names import is_key
from roomidity.domain.slots import format_moment, parse_time

__all__ = [
    "MAX_TOKENS",
    "SECRET_BYTES",
    "TOKENS",
    "ReadToken",
    "Token",
    "format_token",
    "opened_by",
    "parse_token",
    "plain_tokens",
    "sha256_of_token",
    "stored_tokens",
]

TOKENS: Final = "tokens"
"""The kind of settings that holds a house's tokens."""

SECRET_BYTES: Final = 32
MAX_TOKENS: Final = 100
"""Limit per house, because each token is compared with the one in a request."""

_PREFIX: Final = "rm1"
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_HOUSE: Final = re.compile(r"(?:[A-Za-z0-9._~-]|%[0-9A-F]{2}){1,768}")
"""Allows for a name of 64 four-byte characters, all of them escaped."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Token:
    """A well-formed token: the house that it names, and its whole text."""

    house: str
    text: str


@dataclass(frozen=True)
class ReadToken:
    """What is stored of a token. People revoke it by its ``id``, and ``label`` says whose it is."""

    id: str
    sha256: str
    label: str
    created_at: datetime
    expires_at: datetime

    def has_expired(self, now: datetime) -> bool:
        """Returns whether the token is no longer valid."""
        return self.expires_at <= now


def format_token(house: str, secret: bytes) -> str:
    """Returns the token of a house for a secret of 32 bytes.

    >>> format_token("Küche.1", bytes(32))
    'rm1.K%C3%BCche.1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
    """
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a secret of {len(secret)} bytes; expected {SECRET_BYTES}")
    return f"{_PREFIX}.{quote(house, safe='')}.{base64.urlsafe_b64encode(secret).rstrip(b'=').decode()}"


def parse_token(text: str) -> Token | None:
    """Returns the token that ``text`` represents, or None.

    A token has only one spelling. Other spellings that decode to the same value are refused.

    >>> parse_token("rm1.K%C3%BCche.1." + 43 * "A").house
    'Küche.1'
    >>> parse_token("rm1.h%31." + 43 * "A") is None, parse_token("rm1.h1." + 42 * "A") is None
    (True, True)
    """
    prefix, _, rest = text.partition(".")
    encoded, _, secret = rest.rpartition(".")
    if prefix != _PREFIX or not _HOUSE.fullmatch(encoded) or not _SECRET.fullmatch(secret):
        return None
    try:
        house = unquote_to_bytes(encoded).decode()
        again = format_token(house, base64.urlsafe_b64decode(f"{secret}="))
    except (UnicodeDecodeError, binascii.Error, ValueError):
        return None
    return Token(house, text) if again == text and is_key(house) else None


def sha256_of_token(text: str) -> str:
    """Returns the SHA-256 of a token's text, which is what is stored. 256 random bits need no salt or slow hash."""
    return hashlib.sha256(text.encode()).hexdigest()


def opened_by(tokens: Iterable[ReadToken], presented: Token, *, now: datetime) -> ReadToken | None:
    """Returns the stored token that matches the presented one and has not expired, or None.

    Every stored token is compared, in constant time.
    """
    sha256 = sha256_of_token(presented.text)
    found = None
    for one in tokens:
        if hmac.compare_digest(one.sha256, sha256) and not one.has_expired(now):
            found = one
    return found


def plain_tokens(tokens: Iterable[ReadToken]) -> dict[str, Any]:
    """Returns tokens in their stored form."""
    return {
        "tokens": [
            {
                "id": one.id,
                "sha256": one.sha256,
                "label": one.label,
                "created_at": format_moment(one.created_at),
                "expires_at": format_moment(one.expires_at),
            }
            for one in tokens
        ]
    }


def stored_tokens(content: Mapping[str, Any]) -> tuple[ReadToken, ...]:
    """Returns the tokens in stored content. A token that cannot be read is left out, without affecting the others.

    >>> stored_tokens({"tokens": [{"id": "a"}, 7]}), stored_tokens({})
    ((), ())
    """
    entries = content.get("tokens")
    found = [_read(entry) for entry in entries] if isinstance(entries, list) else []
    return tuple(one for one in found if one is not None)


def _read(entry: Any) -> ReadToken | None:
    try:
        sha256 = str(entry["sha256"])
        if not _SHA256.fullmatch(sha256):
            return None
        moments = parse_time(entry["created_at"]), parse_time(entry["expires_at"])
        return ReadToken(str(entry["id"]), sha256, str(entry.get("label", "")), *moments)
    except (TypeError, KeyError, ValueError, AttributeError):
        return None
