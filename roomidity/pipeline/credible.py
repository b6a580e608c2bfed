"""Checks forecasts before they are written.

A forecast that fails is replaced by that of the next model in line, and finally by persistence.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from roomidity.domain.houses import House
from roomidity.forecasting import HouseForecast, Model, State, Window, forecast, incredible
from roomidity.pipeline.ports import Registry
from roomidity.pipeline.serving import Serving, first_intact, prior_serving

__all__ = ["Credible", "credible_forecasts"]

logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Credible:
    """For each of the window's rooms, the house forecast to take the room from, and the model's version.

    ``refused`` maps rooms to why the forecast of the model that serves the house was refused.
    """

    by_room: Sequence[tuple[HouseForecast, str]]
    refused: Mapping[str, str]


def credible_forecasts(registry: Registry, home: House, window: Window, serving: Serving) -> Credible:
    """Returns for each room the first forecast in line that passes the check.

    The line is: what serves the house, what served before, the prior, and persistence, which uses only the readings.
    Models further down are loaded and used only if those above fail, so for most houses they cost nothing.
    """
    found: dict[str, tuple[HouseForecast, str]] = {}
    first: dict[str, str] | None = None
    for version, model, state in _line(registry, home, serving):
        issued, refused = _checked(window, model, state)
        if issued is not None:
            found |= {room: (issued, version) for room in window.rooms if room not in refused and room not in found}
        first = refused if first is None else first
        if refused:
            logger.error(
                "a forecast was refused, the next in line serves",
                extra={"house": home.name, "version": version, "rooms": sorted(refused), "why": _said(refused)},
            )
        if len(found) == len(window.rooms):
            return Credible([found[room] for room in window.rooms], first)
    last = prior_serving(refused=True)
    issued = forecast(window, last.model, last.state, unchanged=True)  # nothing simpler is left to try
    found |= {room: (issued, last.version) for room in window.rooms if room not in found}
    return Credible([found[room] for room in window.rooms], first or {})


def _line(registry: Registry, home: House, serving: Serving) -> Iterator[tuple[str, Model, State]]:
    """Yields the models in line, as version, model and state."""
    yield serving.version, serving.model, serving.state
    for version in serving.others:
        own = first_intact(registry, home.name, [version], aliases=home.aliases)
        if own is not None:
            yield version, own.model, own.state
    prior = prior_serving(refused=True)
    if serving.version != prior.version:
        yield prior.version, prior.model, prior.state


def _checked(window: Window, model: Model, state: State) -> tuple[HouseForecast | None, dict[str, str]]:
    """Returns a forecast, and why it is refused for some rooms. If forecasting fails, returns None and all rooms."""
    try:
        issued = forecast(window, model, state)
        return issued, incredible(issued, window, state)
    except Exception as error:  # whatever damaged numbers lead to, the next in line is used
        logger.exception("a forecast failed")
        return None, dict.fromkeys(window.rooms, f"{type(error).__name__}: {error}")


def _said(refused: Mapping[str, str]) -> str:
    room, why = next(iter(refused.items()))
    return f"{room}: {why}"
