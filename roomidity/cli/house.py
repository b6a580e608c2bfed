"""What is set of a house: shown, checked and changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import click

from roomidity.cli.advice_options import given_advice, house_advice_options
from roomidity.cli.context import stage
from roomidity.cli.house_tables import advice_text, house_json, house_table
from roomidity.cli.output import Output, json_option, notes, shown
from roomidity.cli.places import house_argument
from roomidity.domain.houses import House
from roomidity.domain.names import is_name
from roomidity.domain.notices.words import LANGUAGES, Language
from roomidity.domain.position import Position
from roomidity.errors import InputError
from roomidity.pipeline.advice_settings import with_house_advice
from roomidity.pipeline.changing import change_house
from roomidity.pipeline.hearing import as_heard
from roomidity.pipeline.house_settings import (
    MAX_NOTICES_A_DAY,
    bad_settings,
    with_notices,
    with_position,
    with_timezone,
)
from roomidity.pipeline.ports import known_house
from roomidity.settings import check_timezone

__all__ = ["change_setting", "house"]


@click.command()
@house_argument
@click.option("--timezone", metavar="ZONE", help="Set the house's IANA time zone, such as Europe/Brussels.")
@click.option(
    "--position",
    metavar="LAT,LON",
    help="Set where the house is, such as 52.5,13.4; kept to .1 degree, some 10 km. 'none' takes it out.",
)
@click.option("--language", type=click.Choice(LANGUAGES), help="Set the language of the house's notices.")
@click.option(
    "--notices-a-day",
    type=click.IntRange(0, MAX_NOTICES_A_DAY),
    metavar="N",
    help="Set how many notices are sent on a day of the house's clock; 6 unless set, 0 for none.",
)
@house_advice_options
@json_option
def house(
    house: str,
    timezone: str | None,
    position: str | None,
    language: Language | None,
    notices_a_day: int | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Show HOUSE: its rooms, time zone and settings; or set its time zone, where it is, what it is told and advised.

    Forecasts go by local time: people air and shower by the clock. A zone can be set before the first reading comes;
    until it is, the house has the stage's. A `timezone` that a message bears beside its readings is not heeded: a
    setting is a person's, whoever may send. Of a file, `send` reads times without an offset by it.

    The position is for the weather ahead: where the stage asks a provider for it, that learns the position to .1 degree
    and nothing else of the house. `roomidity forget` erases it.

    Advice (`roomidity advice HOUSE`) keeps to the hours, temperatures and times that are set here for the whole house,
    and reckons with its prices; what holds for one room is set by `roomidity room`.

      roomidity house h1
      roomidity house h1 --timezone Europe/Brussels
      roomidity house h1 --position 50.8,4.4
      roomidity house h1 --language de --notices-a-day 3
      roomidity house h1 --quiet-hours 23:00-07:00 --heat-price 0.15
      roomidity house h1 --cheap-hours 22:00-06:00 --cheap-power-price 0.22
    """
    output = Output(as_json=as_json)
    changes: list[Callable[[House], House]] = []
    if timezone is not None:
        zone = check_timezone(timezone.strip(), "--timezone")
        changes.append(lambda read: with_timezone(read, zone))
    if position is not None:
        place = None if position.strip().lower() == "none" else Position.parse(position)
        changes.append(lambda read: with_position(read, place))
    if language is not None or notices_a_day is not None:
        changes.append(lambda read: with_notices(read, language=language, a_day=notices_a_day))
    advice = given_advice(given)
    if advice:
        changes.append(lambda read: with_house_advice(read, advice))
    if changes:
        home = change_setting(house, lambda read: reduce(lambda one, change: change(one), changes, read))
    else:
        home = known_house(stage().houses, house)
    home = as_heard(stage().observations, home)
    output.tables.print(house_table(home))
    output.tables.print(shown(advice_text(home)))
    for bad in bad_settings(home):
        notes.print(f"{bad}. To mend: {bad.mend}", soft_wrap=True)
    output.answer(house_json(home))


def change_setting(name: str, change: Callable[[House], House], *, room: str | None = None) -> House:
    """Change a house, also one that was not heard yet: a setting may come before the first reading.

    Raises
    ------
    InputError
        If no house or room can have such a name.
    """
    for part in (name, room):
        if part is not None and not is_name(part):
            raise InputError(f"found the name {part!r}; expected 1 to 64 characters that can be seen, none of / # $ +")
    unheard = House(name=name, timezone=stage().settings.timezone)
    home, _ = change_house(stage().houses, stage().backoff, name, change, default=unheard)
    if not home.rooms or (room is not None and home.present(room) not in home.rooms):
        known = ", ".join(sorted(home.rooms)) or f"no room of {name}"
        what = name if room is None else f"{name}/{room}"
        notes.print(f"{what} was not heard yet; the setting waits for its first reading. Heard so far: {known}.")
    return home
