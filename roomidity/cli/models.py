"""A house's models: which there are, which serves, which served when; and another one in its place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import click
from rich.table import Column, Table

from roomidity.cli.context import Moment, now_option, stage
from roomidity.cli.help import Commands
from roomidity.cli.output import Output, json_option, shown
from roomidity.cli.places import HOUSE, house_argument
from roomidity.cli.training import comparison_table, explained
from roomidity.domain.models import ModelRecord, Pointer, Served, Standing
from roomidity.domain.slots import format_moment
from roomidity.errors import NotFoundError

__all__ = ["models"]

_OUTCOMES: Final[Mapping[Standing, str]] = {
    "candidate": "It was not promoted yet",
    "champion": "It is the champion",
    "refused": "It was refused",
    "retired": "It has served, and does not now",
}


@click.group(cls=Commands)
def models() -> None:
    """List, show and compare the models of houses; promote one, roll back, prune.

    One pointer a house says what serves; each time it moves, the log keeps from when on, and why. A version is a
    candidate until it is promoted or refused, the champion while the pointer names it, and retired after that.

    Every command takes --json.
    """


@models.command("list")
@click.argument("house", type=HOUSE, required=False)
@now_option("List what has not expired by then.")
@json_option
def list_(house: str | None, now: datetime, as_json: bool) -> None:
    """List the models of HOUSE, or of every house, with what became of each."""
    output = Output(as_json=as_json)
    names = [house] if house is not None else sorted(home.name for home in stage().houses.all())
    table = Table("house", "model", "", "trained from", "through", "kB", "why")
    listed: list[dict[str, Any]] = []
    for name in names:
        pointer = stage().registry.pointer(name)
        for record in stage().registry.records(name, now=now):
            listed.append(_plain(name, record, pointer))
            facts = record.manifest
            table.add_row(
                shown(name),
                record.version,
                _standing(record, pointer),
                facts.get("trained_from", "–"),
                facts.get("trained_through", "–"),
                f"{facts.get('bytes', 0) / 1000:.0f}",
                shown(_reason(record)),
            )
    output.tables.print(table if listed else "There are no models; the prior serves.")
    output.answer({"models": listed})


@models.command()
@house_argument
@click.argument("version", required=False)
@now_option("What has expired by then is not shown.")
@json_option
def show(house: str, version: str | None, now: datetime, as_json: bool) -> None:
    """Show what is known of VERSION of HOUSE (by default its champion): training, scores, why it serves or does not."""
    output = Output(as_json=as_json)
    pointer = stage().registry.pointer(house)
    record = stage().registry.record(house, version or _champion(house, pointer), now=now)
    facts = {name: value for name, value in _facts(record).items() if not isinstance(value, Mapping)}
    table = Table(
        title=f"{house}: {record.version}, {_standing(record, pointer)}", title_justify="left", show_header=False
    )
    for name, value in facts.items():
        table.add_row(name, shown(_cell(value)))
    output.tables.print(table)
    if record.decision is not None:
        if record.decision.get("scores"):
            output.tables.print(comparison_table(record.decision))
        output.tables.print(explained(_OUTCOMES[record.standing(pointer)], record.decision))
    output.answer({**_plain(house, record, pointer), "manifest": dict(record.manifest)})


@models.command()
@house_argument
@click.option("--at", "moment", type=Moment(), help="Only the model that served then, such as 2026-11-22T07:15Z.")
@json_option
def history(house: str, moment: datetime | None, as_json: bool) -> None:
    """Say who served HOUSE since when, and why, newest first; or which model did at a time."""
    output = Output(as_json=as_json)
    if moment is not None:
        _served_at(output, house, moment)
        return
    entries = stage().registry.served(house)
    table = Table("since", "model", "why")
    for entry in entries:
        table.add_row(format_moment(entry.since), entry.version or "the prior", entry.why)
    output.tables.print(table if entries else f"Nothing was ever promoted for {house}; the prior serves.")
    output.answer({"house": house, "served": [_entry(entry) for entry in entries]})


def _served_at(output: Output, house: str, moment: datetime) -> None:
    entry = stage().registry.served_at(house, moment)
    when = format_moment(moment)
    if entry is None:
        output.tables.print(f"At {when} nothing had been promoted for {house}: the prior served.")
    else:
        named, since = entry.version or "the prior", format_moment(entry.since)
        output.tables.print(f"At {when} {named} served {house}, {entry.why} at {since}.")
    output.answer({"house": house, "at": when, "served": [_entry(entry)] if entry else []})


@models.command()
@house_argument
@click.argument("version")
@now_option("It serves from then on.")
@json_option
def promote(house: str, version: str, now: datetime, as_json: bool) -> None:
    """Make VERSION the champion of HOUSE by hand, whatever was decided of it; not if its bytes are not intact.

    The log says that it was by hand. It serves with its state as it is; the next night moves that on.
    """
    output = Output(as_json=as_json)
    registry = stage().registry
    seen = registry.pointer(house)
    registry.record(house, version, now=now)
    registry.load(house, version)
    _moved(output, house, seen, registry.promote(house, version, at=now, why="promoted by hand", seen=seen))


@models.command()
@house_argument
@now_option("It serves from then on.")
@json_option
def rollback(house: str, now: datetime, as_json: bool) -> None:
    """Make what served HOUSE before the champion serve again; where there was nothing, the prior.

    What is not intact any more, or was pruned, is passed over. What serves has its state as it was then; the next night
    moves that on over what happened since. The next training is judged against it.
    """
    output = Output(as_json=as_json)
    registry = stage().registry
    seen = registry.pointer(house)
    back = registry.rollback(house, at=now)
    for why in back.skipped.values():
        output.tables.print(f"Passed over: {why}")
    _moved(output, house, seen, back.pointer, skipped=dict(back.skipped))


@models.command()
@house_argument
@click.argument("version")
@click.argument("other")
@json_option
def diff(house: str, version: str, other: str, as_json: bool) -> None:
    """Show side by side what differs between VERSION and OTHER of HOUSE."""
    output = Output(as_json=as_json)
    one, another = (_flat(_facts(stage().registry.record(house, name))) for name in (version, other))
    differing = {
        name: [one.get(name), another.get(name)]
        for name in dict.fromkeys([*one, *another])
        if one.get(name) != another.get(name)
    }
    table = Table(Column(no_wrap=True), version, other)
    for name, values in differing.items():
        table.add_row(name, *(shown(_cell(value)) for value in values))
    output.tables.print(table if differing else "They do not differ.")
    output.answer({"house": house, "versions": [version, other], "differing": differing})


@models.command()
@house_argument
@now_option("What was trained within the hour before is left alone.")
@json_option
def prune(house: str, now: datetime, as_json: bool) -> None:
    """Delete the bytes of HOUSE's models that serve no more; every training does so.

    Kept are those of the last three that served and of candidates. What is known of the others stays, but they cannot
    serve again.
    """
    output = Output(as_json=as_json)
    pruned = stage().registry.prune(house, now=now)
    for one in pruned:
        output.tables.print(f"{one.version}: {one.objects} objects deleted")
    output.tables.print(f"{len(pruned)} models of {house} were pruned.")
    output.answer({"house": house, "pruned": [{"version": one.version, "objects": one.objects} for one in pruned]})


def _champion(house: str, pointer: Pointer) -> str:
    if pointer.points_to is None:
        raise NotFoundError(
            f"a champion of house {house!r}", hint="the prior serves it; `roomidity models list` has all"
        )
    return pointer.points_to


def _moved(output: Output, house: str, before: Pointer, after: Pointer, **more: Any) -> None:
    """Say what a pointer named, and names now."""
    served, serves = before.points_to or "the prior", after.points_to or "the prior"
    said = f"{served} serves {house} already" if before == after else f"{serves} serves {house}; before, {served} did"
    output.tables.print(f"{said}.")
    since = format_moment(after.since) if after.since else None
    output.answer({"house": house, "version": after.points_to, "before": before.points_to, "since": since, **more})


def _standing(record: ModelRecord, pointer: Pointer) -> str:
    return f"{record.standing(pointer)}{', pruned' if record.pruned else ''}"


def _reason(record: ModelRecord) -> str:
    """Why it serves or does not, in short: what speaks against it, if anything does."""
    reasons = (record.decision or {}).get("reasons") or [record.manifest.get("reason", "–")]
    return str(next((reason for reason in reasons if not reason.startswith("better")), reasons[0]))


def _plain(house: str, record: ModelRecord, pointer: Pointer) -> dict[str, Any]:
    return {
        "house": house,
        "version": record.version,
        "standing": record.standing(pointer),
        "pruned": record.pruned,
        "expires_at": format_moment(record.expires_at) if record.expires_at else None,
        "decision": None if record.decision is None else dict(record.decision),
    }


def _facts(record: ModelRecord) -> dict[str, Any]:
    """The manifest, and why it serves or does not."""
    return {**record.manifest, "decision": dict(record.decision or {})}


def _entry(entry: Served) -> dict[str, Any]:
    return {"version": entry.version, "since": format_moment(entry.since), "why": entry.why}


def _flat(facts: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested facts under names with dots."""
    found: dict[str, Any] = {}
    for name, value in facts.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "–" if value is None else str(value)
