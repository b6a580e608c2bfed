"""Quarantine: keep readings out of what is derived, and undo that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click
from rich.table import Table

from roomidity import __version__
from roomidity.cli.context import Command, Moment, now_option, stage
from roomidity.cli.help import Commands
from roomidity.cli.output import Output, json_option, progress, shown
from roomidity.cli.places import Place, place_argument
from roomidity.cli.training import verdict
from roomidity.domain.houses import House, Quarantine
from roomidity.domain.slots import SLOT, format_moment
from roomidity.errors import NotFoundError
from roomidity.pipeline.house_settings import known_room
from roomidity.pipeline.ports import known_house
from roomidity.pipeline.quarantine import Affected, affected_models, change_rule, derive_anew

__all__ = ["quarantine"]


class _Verbs(Commands):
    """Takes ``quarantine HOUSE …``, its form before it had verbs, for ``add``, ``remove`` (--undo) or ``list``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments, with the verb that the former form implies."""
        if args and args[0] not in (*self.commands, *self.get_help_option_names(ctx)):
            verb = "list" if "--list" in args else "remove" if "--undo" in args else "add"
            args = [verb, *(one for one in args if one not in ("--list", "--undo"))]
        return super().parse_args(ctx, args)


@click.group(cls=_Verbs)
def quarantine() -> None:
    """Keep readings out of observations, forecasts and training by a rule: add, remove or list the rules of a house.

    The readings stay; only what is derived from them changes. So to remove a rule brings everything back as it was.

    Every command takes --json.
    """


def _of_a_rule(purpose: str) -> Callable[[Command], Command]:
    """Place, interval and sensor of a rule, or its name; and what ``add`` and ``remove`` have in common beside."""
    parts = [
        place_argument,
        click.option(
            "--from", "start", type=Moment(), help="The first moment that is kept out, such as 2026-11-22T07:15Z."
        ),
        click.option("--to", "end", type=Moment(), help="The first moment after it; may lie ahead."),
        click.option("--sensor", help="Only a sensor's readings; '' for those that gave no name.  [default: all]"),
        click.option("--rule", "chosen", help=purpose),
        click.option("--retrain", is_flag=True, help="Train HOUSE anew if its champion learnt otherwise."),
        now_option("With --retrain: train on what had closed by then."),
        json_option,
    ]

    def with_all(command: Command) -> Command:
        for part in reversed(parts):
            command = part(command)
        return command

    return with_all


@quarantine.command()
@_of_a_rule("A rule that stands, by its name in `list`: does what is left of one that ended half way.")
def add(as_json: bool, **asked: Any) -> None:
    """Keep out the readings of HOUSE, or of one room or sensor, in an interval.

    The same rule twice is one rule. It holds for readings that are still to come, too. The rule is put first, then the
    interval's slots are derived anew, beside any drain. Ended half way, the same command does the rest, and only that;
    until then a drain that touches a slot puts it right.

    Models that learnt from the interval are listed, and --retrain trains another where a champion did, which takes its
    place if it is better, as with `roomidity train`.
    """
    _change(Output(as_json=as_json), **asked, undo=False)


@quarantine.command()
@_of_a_rule("A rule by its name in `list`, instead of --from, --to and --sensor.")
def remove(as_json: bool, **asked: Any) -> None:
    """Remove a rule of HOUSE, so that the readings of its interval count again.

    The rule is removed first, then the interval's slots are derived anew, beside any drain. Ended half way, the same
    command with --from and --to does the rest, and only that.

    Models that learnt without the interval are listed, and --retrain trains another where a champion did, which takes
    its place if it is better, as with `roomidity train`.
    """
    _change(Output(as_json=as_json), **asked, undo=True)


@quarantine.command("list")
@place_argument
@json_option
def list_(place: Place, as_json: bool) -> None:
    """List the rules of HOUSE, or those that concern a room of it."""
    output = Output(as_json=as_json)
    home = known_house(stage().houses, place.house)
    room = None if place.room is None else known_room(home, place.room)
    every = zip(home.quarantine, home.present_rules, strict=True)
    rules = [(rule, present.room) for rule, present in every if room is None or present.room in (None, room)]
    table = Table("rule", "room", "sensor", "from", "to", title=f"{len(rules)} rules", title_justify="left")
    for rule, name in rules:
        sensor = shown("all" if rule.sensor is None else repr(rule.sensor))
        table.add_row(rule.id, shown(name or "all"), sensor, format_moment(rule.start), format_moment(rule.end))
    output.tables.print(table)
    output.answer({"house": place.house, "rules": [_rule_json(rule) for rule, _ in rules]})


def _change(
    output: Output,
    *,
    place: Place,
    start: datetime | None,
    end: datetime | None,
    sensor: str | None,
    chosen: str | None,
    retrain: bool,
    now: datetime,
    undo: bool,
) -> None:
    """Add or remove a rule, derive anew what it concerns, and say which models learnt otherwise."""
    if chosen is not None and any(given is not None for given in (start, end, sensor)):
        raise click.UsageError("--rule says the interval and the sensor; leave out --from, --to and --sensor")
    name = place.house
    home = known_house(stage().houses, name)
    rule = _named_rule(home, chosen) if chosen else _new_rule(home, place.room, sensor, start, end, undo=undo)
    rule = home.standing(rule) or rule
    changed = change_rule(stage().quarantine_ports, house=name, rule=rule, remove=undo)
    slots = derived = 0
    with progress() as bar:
        task = bar.add_task("deriving anew", total=max(1, -(-(rule.end - rule.start) // SLOT)))
        for read, written in derive_anew(stage().quarantine_ports, house=name, rule=rule):
            slots, derived = slots + read, derived + written
            bar.update(task, completed=slots)
    said = {
        (False, True): "is quarantined",
        (False, False): "was quarantined already",
        (True, True): "is no longer quarantined",
        (True, False): "has no such rule, so none was removed",
    }[undo, changed]
    models = affected_models(stage().registry, house=name, rule=rule, holds=not undo, now=now, aliases=home.aliases)
    output.tables.print(
        f"{_place(name, rule)} {said}: rule {rule.id}, {format_moment(rule.start)} to {format_moment(rule.end)}.\n"
        f"Of {slots:,} slots with readings, {derived:,} observations were derived anew.",
    )
    if models:
        output.tables.print(_model_table(models, undo=undo))
    stale = any(one.champion for one in models)
    trained = _train(output, name, now) if retrain and stale else None
    if stale and not retrain:
        output.tables.print(f"To train on what counts now: roomidity train {name}")
    output.answer(
        {
            "house": name,
            "rule": _rule_json(rule),
            "changed": changed,
            "quarantined": not undo,
            "slots": slots,
            "derived": derived,
            "models": [asdict(one) for one in models],
            "retrain": f"roomidity train {name}" if stale and not retrain else None,
            "trained": trained,
        }
    )


def _new_rule(
    home: House, room: str | None, sensor: str | None, start: datetime | None, end: datetime | None, *, undo: bool
) -> Quarantine:
    """The rule that the arguments say; its times are whole seconds, as they are stored."""
    if start is None or end is None:
        raise click.UsageError("--from and --to are needed, or --rule with a name from `list`")
    if room is not None:
        room = home.present(room)
    rule = Quarantine(start.replace(microsecond=0), end.replace(microsecond=0), room, sensor)
    if rule.end <= rule.start:
        raise click.UsageError(f"--to {format_moment(end)} is not after --from {format_moment(start)}")
    if not undo:
        _check_names(home, rule)
    return rule


def _check_names(home: House, rule: Quarantine) -> None:
    """A room or sensor that was never seen is most likely written wrong.

    Raises
    ------
    NotFoundError
        If one was never seen.
    """
    if rule.room is not None:
        known_room(home, rule.room)
    rooms = [one for name, one in home.rooms.items() if rule.room in (None, name)]
    sensors = sorted(set().union(*(one.sensors for one in rooms)))
    if rule.sensor is not None and rule.sensor not in sensors:
        raise NotFoundError(f"sensor {rule.sensor!r} there", hint=f"sensors: {', '.join(map(repr, sensors))}")


def _named_rule(home: House, name: str) -> Quarantine:
    for rule in home.quarantine:
        if rule.id == name:
            return rule
    known = ", ".join(rule.id for rule in home.quarantine) or "none"
    raise NotFoundError(
        f"rule {name!r} of {home.name}",
        hint=f"rules: {known}; to finish a removal that was ended half way, give --from and --to",
    )


def _train(output: Output, house: str, now: datetime) -> dict[str, Any]:
    """Train as the command ``train`` does; the version, and whether it was promoted."""
    from roomidity.pipeline.training import train_house  # noqa: PLC0415  # scikit-learn takes a second

    with progress() as bar:
        bar.add_task(f"training {house}", total=None)
        trained = train_house(
            stage().training_ports, house=house, now=now, reason="quarantine", code_version=__version__
        )
    output.tables.print(f"Trained anew: model {trained.version}.")
    output.tables.print(verdict(trained.decision, promoted=trained.promoted, adopted=trained.adopted))
    return {"version": trained.version, "promoted": trained.promoted}


def _place(house: str, rule: Quarantine) -> str:
    place = house if rule.room is None else f"{house}/{rule.room}"
    return place if rule.sensor is None else f"{place}, sensor {rule.sensor!r},"


def _rule_json(rule: Quarantine) -> dict[str, Any]:
    return {
        "rule": rule.id,
        "room": rule.room,
        "sensor": rule.sensor,
        "from": format_moment(rule.start),
        "to": format_moment(rule.end),
    }


def _model_table(models: list[Affected], *, undo: bool) -> Table:
    title = f"{len(models)} models learnt {'without' if undo else 'from'} it"
    table = Table("model", "trained from", "through", "", title=title, title_justify="left")
    for one in models:
        how = ("the champion" if one.champion else "") + ("" if one.by_training else ", by its daily step only")
        table.add_row(one.version, one.trained_from, one.trained_through, how)
    return table
