"""Read tokens of houses: adding, listing, revoking and checking them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from roomidity.domain.setting import Setting
from roomidity.domain.tokens import (
    MAX_TOKENS,
    TOKENS,
    ReadToken,
    Token,
    format_token,
    opened_by,
    plain_tokens,
    sha256_of_token,
    stored_tokens,
)
from roomidity.errors import ConflictError, InputError, NotFoundError
from roomidity.pipeline.backoff import ATTEMPTS, BackOff
from roomidity.pipeline.ports import Settings

__all__ = ["add_token", "may_read", "revoke_token", "tokens_of"]


def may_read(settings: Settings, presented: Token, *, now: datetime) -> bool:
    """Returns whether a well-formed token opens its house. This takes one read in either case.

    Raises
    ------
    StoreError
        If the table does not respond, or the stored tokens cannot be read. Nothing is opened then.
    """
    setting = settings.get(presented.house, TOKENS)
    stored = () if setting is None else stored_tokens(setting.content)
    return opened_by(stored, presented, now=now) is not None


def tokens_of(settings: Settings, house: str) -> tuple[ReadToken, ...]:
    """Returns the tokens of a house, oldest first, including those that have expired."""
    setting = settings.get(house, TOKENS)
    return () if setting is None else stored_tokens(setting.content)


def add_token(
    settings: Settings,
    backoff: BackOff,
    house: str,
    *,
    label: str,
    now: datetime,
    expires_at: datetime,
    secret: bytes,
    of_label: int | None = None,
) -> tuple[str, ReadToken]:
    """Create a token of a house, and remove those that have expired.

    If ``of_label`` is given, only the newest tokens with this label are kept, up to that number.

    Returns
    -------
    tuple[str, ReadToken]
        The token, which is stored nowhere, and what is stored of it.

    Raises
    ------
    InputError
        If the house has as many tokens as it may.
    ConflictError
        If other writers were faster every time.
    """
    text = format_token(house, secret)
    sha256 = sha256_of_token(text)
    added = ReadToken(sha256[:8], sha256, label, now, expires_at)

    def grown(standing: Sequence[ReadToken]) -> Sequence[ReadToken]:
        valid = [one for one in standing if not one.has_expired(now)]
        same = [one for one in valid if one.label == label]
        if of_label is not None:
            valid = [one for one in valid if one not in same[: max(0, len(same) + 1 - of_label)]]
        if len(valid) >= MAX_TOKENS:
            raise InputError(f"house {house!r} has {len(valid)} tokens, as many as it may; revoke one first")
        return [*valid, added]

    _change(settings, backoff, house, grown)
    return text, added


def revoke_token(settings: Settings, backoff: BackOff, house: str, token_id: str) -> ReadToken:
    """Revoke a token of a house by its id, effective from the next request. Returns what was stored of it.

    Raises
    ------
    NotFoundError
        If the house has no such token.
    ConflictError
        If other writers were faster every time.
    """
    revoked: list[ReadToken] = []

    def without(standing: Sequence[ReadToken]) -> Sequence[ReadToken]:
        revoked[:] = [one for one in standing if one.id == token_id]
        if not revoked:
            known = ", ".join(one.id for one in standing) or "none"
            raise NotFoundError(f"token {token_id!r} of house {house!r}", hint=f"tokens: {known}")
        return [one for one in standing if one.id != token_id]

    _change(settings, backoff, house, without)
    return revoked[0]


def _change(
    settings: Settings, backoff: BackOff, house: str, change: Callable[[Sequence[ReadToken]], Sequence[ReadToken]]
) -> None:
    for attempt in range(ATTEMPTS):
        read = settings.get(house, TOKENS) or Setting(house, TOKENS, {})
        tokens = change(stored_tokens(read.content))
        last = max((one.expires_at for one in tokens), default=None)
        try:
            if tokens:
                settings.put(replace(read, content=plain_tokens(tokens), expires_at=last))
            else:
                settings.delete(read)
        except ConflictError:
            backoff.pause(attempt)
        else:
            return
    raise ConflictError(f"the tokens of house {house!r}", attempts=ATTEMPTS)
