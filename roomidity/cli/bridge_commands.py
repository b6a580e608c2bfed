"""The bridge's options that switch fans by the advice, and the thread that does it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from roomidity.bridge.filters import is_filter
from roomidity.bridge.relay import Clocks
from roomidity.cli.bridge_telling import Reach, stepping
from roomidity.domain.names import is_name, kept_name

__all__ = ["Asked", "command_options", "commanding"]

Offer = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Asked:
    """Which fans to switch by which topic, and how."""

    topics: Mapping[str, str]
    on: str
    off: str
    log: Path
    longest_min: float
    rest_min: float
    override_h: float


def _fans(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        room, _, topic = one.partition("=")
        room = kept_name(room)
        if not is_name(room) or not is_filter(topic) or set(topic) & set("+#") or topic.startswith("$"):
            raise click.BadParameter(
                f"{one!r} is no room and topic; expected one such as bath=zigbee2mqtt/bath_fan/set"
            )
        if room in found or topic in found.values():
            raise click.BadParameter(f"{one!r}: its room or its topic is given twice")
        found[room] = topic
    return found


def command_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options; the command gets them as ``commands``, an :class:`Asked`, or None where no fan is given."""

    @wraps(function)
    def gathered(*arguments: Any, **named: Any) -> None:
        keys = ("command", "command_on", "command_off", "command_log", "command_longest", "command_rest", "override_h")
        topics, on, off, log, longest_min, rest_min, override_h = (named.pop(key) for key in keys)
        if topics and log is None:
            raise click.UsageError("--command needs --command-log FILE: what switches a fan leaves a log of it")
        if topics and named["api"] is None:
            raise click.UsageError("--command needs --api and --token-file: fans are switched by the API's advice")
        if on == off:
            raise click.UsageError(f"--command-on and --command-off are both {on!r}; expected two payloads")
        asked = Asked(topics, on, off, log, longest_min, rest_min, override_h) if topics else None
        function(*arguments, commands=asked, **named)

    options = (
        click.option(
            "--command",
            metavar="ROOM=TOPIC",
            multiple=True,
            callback=_fans,
            help="Switch a room's fan by its advice, on this topic; several times for several. Takes --api.  [default: "
            "none is switched]",
        ),
        click.option("--command-on", metavar="TEXT", default="ON", show_default=True, help="What switches a fan on."),
        click.option("--command-off", metavar="TEXT", default="OFF", show_default=True, help="What switches it off."),
        click.option(
            "--command-log",
            type=click.Path(dir_okay=False, path_type=Path),
            help="A file that gets a line of JSON for each act: what, when and why.",
        ),
        click.option(
            "--command-longest",
            type=click.FloatRange(5, 120),
            default=30.0,
            show_default=True,
            help="Longest run in minutes, whatever is advised.",
        ),
        click.option(
            "--command-rest",
            type=click.FloatRange(10, 480),
            default=30.0,
            show_default=True,
            help="Minutes of rest after a run, and after a start.",
        ),
        click.option(
            "--override-h",
            type=click.FloatRange(0.1, 24),
            default=4.0,
            show_default=True,
            help="Hours that an override holds where it does not say.",
        ),
    )
    decorated: Callable[..., None] = gathered
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


@contextmanager
def commanding(
    asked: Asked | None,
    reach: Reach,
    *,
    session: str,
    house: str,
) -> Iterator[Offer | None]:
    """Within it, a thread switches the fans by what is offered to it; whatever is on is switched off with it."""
    if asked is None:
        yield None
        return
    from roomidity.bridge.act_log import ActLog  # noqa: PLC0415  # as paho, for who asks for it
    from roomidity.bridge.command_link import Command, CommandLink  # noqa: PLC0415
    from roomidity.bridge.commanding import Commander, Limits  # noqa: PLC0415
    from roomidity.bridge.discovery import override_topic  # noqa: PLC0415

    links = {
        room: CommandLink(
            reach.address,
            Command(topic, override_topic(house, room), asked.on, asked.off),
            client_id=f"{session}-{number}",
            **reach.options(),
        )
        for number, (room, topic) in enumerate(asked.topics.items())
    }
    commander = Commander(
        house,
        links,
        clocks=Clocks(lambda: datetime.now(UTC), time.monotonic),
        log=ActLog(asked.log),
        limits=Limits(60 * asked.longest_min, 60 * asked.rest_min, asked.override_h),
    )
    try:
        with stepping("commanding", commander.step, failed="fans could not be commanded; tried again"):
            yield commander.offer
    finally:
        commander.leave()
        for link in links.values():
            link.close()
