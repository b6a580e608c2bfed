"""Who may read a house: tokens are added, listed, revoked, and looked up."""

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
    """Whether a well-formed token opens its house: one read, whether or not it does.

    Raises
    ------
    StoreError
        If the table does not answer, or what stands there cannot be read: then nothing is opened.
    """
    setting = settings.get(presented.house, TOKENS)
    stored = () if setting is None else stored_tokens(setting.content)
    return opened_by(stored, presented, now=now) is not None


def tokens_of(settings: Settings, house: str) -> tuple[ReadToken, ...]:
    """The tokens of a house, oldest first, also those that have expired."""
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
    """Make a token of a house. Those that have expired go; with ``of_label``, so do all but so many of a label.

    Returns
    -------
    The token, which is stored nowhere, and what is stored of it.

    Raises
    ------
    InputError
        If the house has as many as it may.
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
    """Take a token from a house, by its id; from the next request on it opens nothing.

    Raises
    ------
    NotFoundError
        If the house has none such.
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
