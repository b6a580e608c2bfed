"""Calls of ports that go wrong: each :data:`Fault` between a use case and its ports, whatever stands behind them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, Final, Literal, get_args

from roomidity.domain.messages import Message
from roomidity.errors import ConflictError
from roomidity.pipeline.drain import DrainPorts

__all__ = ["ASKING", "FAULTS", "LATE_S", "Fault", "Faults", "Killed", "OutageError", "faults_of", "go_wrong", "watched"]

Fault = Literal[
    "killed before",
    "killed half way",  # the first half of what is written, sent or deleted is done
    "killed after",
    "failed",  # nothing is done, and the caller is told
    "half done",  # the caller is told that it failed
    "timed out",  # all is done, and the caller is told that it failed
    "left over",  # of what is deleted, half is reported as not deleted
    "overtaken",  # of what is written on a version, half is reported as changed by another, and is not written
    "unrecognised",  # all is written, and reported as changed by another: the answer to the first attempt was lost
    "empty",  # nothing is received, though messages wait
    "twice",  # what is received waits for others as well
    "reordered",
    "out of time",  # the call takes so long that hardly any time is left after it
]
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)

LATE_S: Final = 31.0
"""What is left where a call has taken too long: just enough to ask for forecasts."""

ASKING: Final = {("houses", "active"), ("forecast_jobs", "send")}

Show = Callable[[Sequence[Message]], object]
"""Makes received messages wait for others as well."""


class Killed(BaseException):
    """The end of a Lambda: nothing may catch it."""


class OutageError(Exception):
    """A call that failed, or whose answer was lost."""


_BREAKS: Final[Mapping[Fault, tuple[str, type[BaseException]]]] = {
    "killed before": ("nothing", Killed),
    "killed half way": ("half", Killed),
    "killed after": ("all", Killed),
    "failed": ("nothing", OutageError),
    "half done": ("half", OutageError),
    "timed out": ("all", OutageError),
}
"""How much is done, and how it ends."""

_ON_VERSIONS: Final = {"sets.put_many", "observations.put_many", "houses.put", "houses.mark"}
_OF_PARTS: Final = {"sets.put_many", "observations.put_many", "houses.mark", "readings.delete", "forecast_jobs.send"}
_RECEIVE: Final = {"readings.receive"}
_ONLY_OF: Final[Mapping[Fault, set[str]]] = {
    "killed half way": _OF_PARTS,
    "half done": _OF_PARTS,
    "left over": {"readings.delete"},
    "overtaken": _ON_VERSIONS,
    "unrecognised": _ON_VERSIONS,
    "empty": _RECEIVE,
    "twice": _RECEIVE,
    "reordered": _RECEIVE,
}
"""The calls that can go wrong so; the other faults are of any call."""


def faults_of(name: str, method: str) -> list[Fault]:
    """How a call of a port can go wrong."""
    return [fault for fault in FAULTS if f"{name}.{method}" in _ONLY_OF.get(fault, {f"{name}.{method}"})]


def go_wrong(fault: Fault, call: str, do: Callable[..., Any], *arguments: Any, show: Show) -> Any:
    """Make a call with a fault, or a part of it."""
    if fault == "out of time":  # who keeps the drain's clock sets it
        return do(*arguments)
    if fault in _BREAKS:
        done, end = _BREAKS[fault]
        if done != "nothing":
            do(*((_half(arguments[0]),) if done == "half" else arguments))
        raise end(f"{fault}: {call}")
    match fault, call:
        case "empty", _:
            return []
        case "reordered", _:
            return do()[::-1]
        case "twice", _:
            messages = do()
            show(messages)
            return messages
        case "left over", _:
            first = _half(arguments[0])
            return [*do(first), *arguments[0][len(first) :]]
        case _, "houses.put":
            if fault == "unrecognised":
                do(*arguments)
            raise ConflictError(fault, attempts=1)
        case "overtaken", _:
            first = _half(arguments[0])
            return do(first) | (_named(arguments[0]) - _named(first))
        case _:  # unrecognised
            return do(*arguments) | _named(arguments[0])


@dataclass
class Faults:
    """Records the calls to ports as (port, method), and lets call number ``at`` (from 0) go wrong if it can so."""

    at: int | None = None
    fault: Fault = "killed before"
    show: Show = lambda _: None
    calls: list[tuple[str, str]] = field(default_factory=list)
    injected: int = 0
    left_s: float = 300.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def at_asking(self) -> bool:
        """Whether it was a call by which forecasts are asked for that went wrong."""
        return self.injected > 0 and self.at is not None and self.calls[self.at] in ASKING

    def call(self, name: str, method: str, do: Callable[..., Any], arguments: Sequence[Any]) -> Any:
        with self._lock:
            number = len(self.calls)
            self.calls.append((name, method))
        if number != self.at or self.fault not in faults_of(name, method):
            return do(*arguments)
        self.injected += 1
        self.left_s = LATE_S if self.fault == "out of time" else self.left_s
        return go_wrong(self.fault, f"{name}.{method}", do, *arguments, show=self.show)


def watched(ports: DrainPorts, watcher: Any) -> DrainPorts:
    """The same ports with ``watcher.call`` (that of :class:`Faults`, or alike) between them and the drain."""
    names = [one.name for one in fields(ports) if one.name not in ("backoff", "parsed_maps", "batches_refused")]
    between: dict[str, Any] = {name: _Port(getattr(ports, name), name, watcher) for name in names}
    return replace(ports, **between)


class _Port:
    def __init__(self, port: Any, name: str, watcher: Any) -> None:
        self._port, self._name, self._watcher = port, name, watcher

    def __getattr__(self, method: str) -> Any:
        do = getattr(self._port, method)
        return lambda *arguments, **named: self._watcher.call(self._name, method, partial(do, **named), arguments)


def _named(things: Any) -> set[Any]:
    """What the answer calls them: their keys, or the names of houses."""
    return set(things) if isinstance(things, Mapping) else {house.name for house in things}


def _half(things: Any) -> Any:
    if isinstance(things, Mapping):
        return dict(list(things.items())[: len(things) // 2])
    return list(things)[: len(things) // 2]
