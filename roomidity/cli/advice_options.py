"""The options that set what advice goes by, of a house and of a room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import click

from roomidity.domain.advice.settings import DEFAULT_HOUSE, DEFAULT_ROOM, ROOM_KINDS, VENTILATIONS, HouseAdvice
from roomidity.pipeline.advice_settings import HOUSE_SETTINGS, ROOM_SETTINGS, option_of, plain_settings

__all__ = ["given_advice", "house_advice_options", "room_advice_options"]

Command = TypeVar("Command", bound=Callable[..., Any])

_HOURS: Final = "HH:MM-HH:MM"
_HELP: Final[Mapping[str, tuple[str | None, Any, str]]] = {
    "quiet_hours": (_HOURS, str, "Set the local hours without airing."),
    "min_outdoor_c": ("°C", float, "Set below which temperature outside nothing is opened."),
    "max_outdoor_c": ("°C", float, "Set above which temperature outside nothing is opened."),
    "longest_run_min": ("MIN", float, "Set the longest airing that is advised."),
    "rest_min": ("MIN", float, "Set the least time between two airings."),
    "heat_eur_kwh": ("EUR", float, "Set what a kWh of heat costs."),
    "power_eur_kwh": ("EUR", float, "Set what a kWh of electricity costs."),
    "cheap_power_eur_kwh": ("EUR", float, "Set what it costs in the cheap hours."),
    "cheap_hours": (_HOURS, str, "Set the local hours in which electricity is cheap."),
    "kind": (None, click.Choice(ROOM_KINDS), "Set what the room is; a cellar is advised by its water alone."),
    "open_above": ("%RH", float, "Set from which humidity at the coldest surface airing begins."),
    "close_below": ("%RH", float, "Set at which humidity there it ends, 2 or more lower."),
    "min_temperature_c": ("°C", float, "Set below which temperature the room is never aired."),
    "volume_m3": ("M3", float, "Set the volume of its air, for the heat that an airing costs."),
    "window_contact": (None, click.BOOL, "Set whether a contact tells if its window is open."),
    "ventilation": (None, click.Choice(VENTILATIONS), "Set what mechanical ventilation it has."),
    "dehumidifier_w": ("W", float, "Set the electric power of its dehumidifier, 0 for none."),
}


def house_advice_options(command: Command) -> Command:
    """Add the options of a house; the command takes them as ``**given`` and hands them to :func:`given_advice`."""
    return _with_options(command, DEFAULT_HOUSE, HOUSE_SETTINGS)


def room_advice_options(command: Command) -> Command:
    """Add the options of a room; the command takes them as ``**given`` and hands them to :func:`given_advice`."""
    return _with_options(command, DEFAULT_ROOM, ROOM_SETTINGS)


def given_advice(given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what is to be set; None takes a setting out, so that its default holds again."""
    names = [name for name in given if name != "advice_defaults"]
    if given.get("advice_defaults"):
        if any(given[name] is not None for name in names):
            raise click.UsageError("--advice-defaults takes out all that is set for advice; give it alone")
        return dict.fromkeys(names)
    return {name: given[name] for name in names if given[name] is not None}


def _with_options(command: Command, defaults: HouseAdvice | Any, names: tuple[str, ...]) -> Command:
    command = click.option(
        "--advice-defaults", is_flag=True, help="Take out all that is set for advice: the defaults hold again."
    )(command)
    for name in reversed(names):
        metavar, kind, told = _HELP[name]
        default = plain_settings(defaults)[name]
        shown = str(default).lower() if isinstance(default, bool) else default
        shown = f"{shown:g}" if isinstance(shown, float) else shown
        option = f"--{option_of(name)}"
        command = click.option(option, name, type=kind, metavar=metavar, help=f"{told}  [unless set: {shown}]")(command)
    return command
