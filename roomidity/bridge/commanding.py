"""Switches fans by the advice: on while it holds, and off whenever that is in doubt. It knows neither MQTT nor threads.

Limits are kept here as well as by the advice, by a clock of its own, so that no error elsewhere holds a fan on. The
person wins over all of it: what they say on a room's override topic holds for as long as they said.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from roomidity.bridge.act_log import ActLog
from roomidity.bridge.overrides import Override, read_override
from roomidity.bridge.relay import Clocks
from roomidity.domain.advice.issue import OUTDATED_AFTER
from roomidity.domain.slots import format_moment, parse_time
from roomidity.errors import InputError

__all__ = ["AGAIN_S", "LOST_AFTER_S", "OFF_AGAIN", "Commander", "Heard", "Limits", "Link"]

logger: Final = logging.getLogger("roomidity.bridge")

AGAIN_S: Final = 60.0
"""How often ON is repeated while it holds, which a device with a timer of its own can be made to depend on."""
OFF_AGAIN: Final = 3
"""How often OFF is repeated, since nobody keeps it for a device that is not there."""
LOST_AFTER_S: Final = 1_200.0
"""Advice is asked for once a tick of 15 minutes. Not heard of for longer than this, its source counts as lost."""
_REFUSED_EVERY_S: Final = 60.0


@dataclass(frozen=True)
class Heard:
    """A message on a room's override topic."""

    payload: bytes
    is_retained: bool = False


class Link(Protocol):
    """A connection to the broker for one room. The broker switches its fan off when it breaks."""

    @property
    def connections(self) -> int:
        """Number of connections so far."""

    @property
    def is_connected(self) -> bool:
        """Whether there is one now."""

    def heard(self) -> Sequence[Heard]:
        """Returns what was heard on the override topic since the last call."""

    def switch(self, *, on: bool) -> None:
        """Publish the command. ON is dropped rather than kept where there is no connection."""


@dataclass(frozen=True)
class Limits:
    """What holds whatever is advised: seconds of the longest run and of the rest, and hours that an override holds."""

    longest_s: float = 1_800.0
    rest_s: float = 1_800.0
    override_h: float = 4.0


@dataclass
class _Fan:
    """A room's fan as it was commanded. Times are monotonic, in s."""

    link: Link
    override: Override | None = None
    connections: int = 0
    is_on: bool = False
    since_s: float = 0.0
    sent_s: float = 0.0
    off_again: int = 0
    why: str = ""
    refused_s: float = field(default=-_REFUSED_EVERY_S)


class Commander:
    """Commands the fans of a house. :meth:`offer` may be called from another thread than the rest."""

    def __init__(
        self, house: str, links: Mapping[str, Link], *, clocks: Clocks, log: ActLog, limits: Limits | None = None
    ) -> None:
        self._house = house
        self._clocks = clocks
        self._log = log
        self._limits = limits or Limits()
        known = log.overrides(house, at=clocks.utc())
        self._fans = {room: _Fan(link, known.get(room)) for room, link in links.items()}
        self._offered: tuple[Mapping[str, Any], float] | None = None
        self._unknown: set[str] = set()

    def offer(self, answer: Mapping[str, Any]) -> None:
        """Take the API's newest answer to ``/v1/house/advice``."""
        self._offered = (answer, self._clocks.monotonic())

    def step(self) -> None:
        """Command what is due."""
        for room, fan in self._fans.items():
            try:
                self._step(room, fan)
            except Exception:
                logger.exception("a fan could not be commanded, and is switched off", extra={"room": room})
                fan.is_on, fan.since_s = False, self._clocks.monotonic()
                fan.link.switch(on=False)

    def leave(self) -> None:
        """Switch off whatever is on, before the bridge ends."""
        for room, fan in self._fans.items():
            if fan.is_on:
                self._switch(room, fan, on=False, why="bridge_ends", until=None)
            else:
                fan.link.switch(on=False)

    def _step(self, room: str, fan: _Fan) -> None:
        now_s, now = self._clocks.monotonic(), self._clocks.utc()
        if fan.is_on and not fan.link.is_connected:  # The broker has switched it off by the last will.
            fan.is_on, fan.since_s = False, now_s
            self._note(room, "off", why="broker_lost")
        if not fan.link.is_connected:
            return
        if fan.link.connections != fan.connections:
            # What the fan did meanwhile is not known: it is switched off, and rests.
            fan.connections = fan.link.connections
            self._switch(room, fan, on=False, why="connected", until=None)
        for heard in fan.link.heard():
            self._hear(room, fan, heard, now=now, now_s=now_s)
        wanted, why, until = self._wanted(room, fan, now=now, now_s=now_s)
        if wanted != fan.is_on:
            self._switch(room, fan, on=wanted, why=why, until=until)
        elif now_s - fan.sent_s >= AGAIN_S and (fan.is_on or fan.off_again > 0):
            fan.off_again -= not fan.is_on
            fan.sent_s = now_s
            fan.link.switch(on=fan.is_on)

    def _wanted(self, room: str, fan: _Fan, *, now: datetime, now_s: float) -> tuple[bool, str, datetime | None]:
        """Returns whether a fan is to be on, why, and until when."""
        if fan.override is not None and now >= fan.override.until:
            fan.override = None
            self._note(room, "override_ends", why="time")
        if fan.override is not None:
            return fan.override.mode == "on", "override", fan.override.until
        why, until = self._advised(room, now=now, now_s=now_s)
        if until is None:
            return False, why, None
        if fan.is_on and now_s - fan.since_s >= self._limits.longest_s:
            return False, "ran_longest", None
        if not fan.is_on and now_s - fan.since_s < self._limits.rest_s:
            return False, "resting", None
        return True, why, until

    def _advised(self, room: str, *, now: datetime, now_s: float) -> tuple[str, datetime | None]:
        """Returns why, and until when to be open; None is closed."""
        if self._offered is None:
            return "no_advice", None
        answer, heard_s = self._offered
        if now_s - heard_s > LOST_AFTER_S:
            return "advice_lost", None
        issued = answer.get("issued_at")
        if answer.get("house") != self._house or answer.get("replayed") or issued is None:
            return "no_advice", None
        if not -OUTDATED_AFTER <= now - parse_time(issued) <= OUTDATED_AFTER:
            return "advice_outdated", None
        advised = next((one for one in answer["rooms"] if one["room"] == room), None)
        if advised is None:
            if room not in self._unknown:
                self._unknown.add(room)
                there = ", ".join(repr(one["room"]) for one in answer["rooms"])
                logger.warning("room %r is not advised, and stays off; there are %s", room, there or "none")
            return "not_advised", None
        until = None if advised["until"] is None else parse_time(advised["until"])
        if advised["action"] != "open" or until is None or now >= until:
            return ("until" if advised["action"] == "open" else str(advised["reason"])), None
        return str(advised["reason"]), until

    def _hear(self, room: str, fan: _Fan, heard: Heard, *, now: datetime, now_s: float) -> None:
        try:
            said = read_override(heard.payload, at=now, hours=self._limits.override_h, is_retained=heard.is_retained)
        except InputError as error:
            if now_s - fan.refused_s >= _REFUSED_EVERY_S:  # Whoever floods the topic does not flood the log.
                fan.refused_s = now_s
                self._note(room, "refused", why=str(error))
            return
        fan.override = None if said.mode == "auto" else said
        fan.sent_s, fan.off_again = now_s - AGAIN_S, max(fan.off_again, 1)  # Said again, though nothing may change.
        self._note(room, "override", why="person", mode=said.mode, until=format_moment(said.until))

    def _switch(self, room: str, fan: _Fan, *, on: bool, why: str, until: datetime | None) -> None:
        now_s = self._clocks.monotonic()
        fan.is_on, fan.since_s, fan.sent_s, fan.off_again = on, now_s, now_s, 0 if on else OFF_AGAIN
        fan.link.switch(on=on)
        ends = {} if until is None else {"until": format_moment(until)}
        self._note(room, "on" if on else "off", why=why, **ends)

    def _note(self, room: str, act: str, **more: str) -> None:
        self._log.write(
            {"at": format_moment(self._clocks.utc()), "house": self._house, "room": room, "act": act, **more}
        )
