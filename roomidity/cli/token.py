"""Who may read a house through the API and the page: tokens are added, listed and revoked."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
from rich.table import Table

from roomidity.cli.context import stage
from roomidity.cli.help import Commands
from roomidity.cli.output import Output, json_option, notes, shown
from roomidity.cli.places import house_argument
from roomidity.domain.names import is_key
from roomidity.domain.slots import format_moment
from roomidity.domain.tokens import SECRET_BYTES, ReadToken
from roomidity.errors import InputError
from roomidity.pipeline.tokens import add_token, revoke_token, tokens_of

__all__ = ["token", "token_for_a_day"]

_DAYS: Final = 365
_LINKS: Final = 10
"""Of a day's starts of the engine, so many links stay good."""


@click.group(cls=Commands)
def token() -> None:
    """Say who may read a house through the API and the page: each of them has a token.

    A token opens one house, for reading. It is printed once, when it is added; what is stored is its hash, so that one
    that was lost is revoked and another added.

    Every command takes --json.
    """


@token.command()
@house_argument
@click.option("--days", type=click.IntRange(1, 3650), default=_DAYS, show_default=True, help="How long it is good for.")
@click.option("--label", default="", help="Whose it is or what it is for, such as 'kitchen tablet'.")
@json_option
def add(house: str, days: int, label: str, as_json: bool) -> None:
    """Add a token for HOUSE and print it, once.

    Send it as `Authorization: Bearer TOKEN`, or open the page at its address followed by #TOKEN.
    """
    output = Output(as_json=as_json)
    if not is_key(house):
        raise InputError(f"found the house {house!r}; expected 1 to 64 characters, none of / # $ +")
    now = datetime.now(UTC).replace(microsecond=0)
    text, added = add_token(
        stage().house_settings,
        stage().backoff,
        house,
        label=label.strip()[:64],
        now=now,
        expires_at=now + timedelta(days=days),
        secret=secrets.token_bytes(SECRET_BYTES),
    )
    if stage().houses.get(house) is None:
        notes.print(f"{shown(house)} was not heard yet; the token waits for its first reading.")
    if not as_json:
        output.tables.print(text, soft_wrap=True)
    notes.print(
        f"Whoever has it can read {shown(house)} until {format_moment(added.expires_at)}. It is not shown again."
    )
    notes.print(f"To take it back: roomidity token revoke {shown(house)} {added.id}")
    output.answer({"token": text, "house": house, **_json(added)})


@token.command("list")
@house_argument
@json_option
def list_(house: str, as_json: bool) -> None:
    """List the tokens of HOUSE by their ids; the tokens themselves are stored nowhere."""
    output = Output(as_json=as_json)
    now = datetime.now(UTC)
    found = tokens_of(stage().house_settings, house)
    table = Table("id", "label", "added", "good until", title_justify="left")
    for one in found:
        until = format_moment(one.expires_at) + (" (over)" if one.has_expired(now) else "")
        table.add_row(one.id, shown(one.label), format_moment(one.created_at), until)
    output.tables.print(table if found else f"{shown(house)} has no tokens; add one: roomidity token add HOUSE")
    output.answer({"house": house, "tokens": [_json(one) | {"expired": one.has_expired(now)} for one in found]})


@token.command()
@house_argument
@click.argument("token_id", metavar="ID")
@json_option
def revoke(house: str, token_id: str, as_json: bool) -> None:
    """Take the token ID of HOUSE back: from the next request on it opens nothing."""
    output = Output(as_json=as_json)
    revoked = revoke_token(stage().house_settings, stage().backoff, house, token_id)
    output.tables.print(f"Token {revoked.id} of {shown(house)} opens nothing any more.")
    output.answer({"house": house, "revoked": _json(revoked)})


def token_for_a_day(house: str) -> str:
    """A new token of a house, for the link that an engine on this machine prints."""
    now = datetime.now(UTC).replace(microsecond=0)
    text, _ = add_token(
        stage().house_settings,
        stage().backoff,
        house,
        label="link of this machine",
        now=now,
        expires_at=now + timedelta(days=1),
        secret=secrets.token_bytes(SECRET_BYTES),
        of_label=_LINKS,
    )
    return text


def _json(one: ReadToken) -> dict[str, Any]:
    return {
        "id": one.id,
        "label": one.label,
        "created_at": format_moment(one.created_at),
        "expires_at": format_moment(one.expires_at),
    }
