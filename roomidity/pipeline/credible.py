"""A forecast is checked before it is written: what fails is forecast by the next in line, in the end by persistence."""

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
    """Of each of the window's rooms the house's forecast that is its own, and the model's version.

    ``refused`` says of the rooms that what serves the house was refused for, why.
    """

    by_room: Sequence[tuple[HouseForecast, str]]
    refused: Mapping[str, str]


def credible_forecasts(registry: Registry, home: House, window: Window, serving: Serving) -> Credible:
    """Forecast each room by the first in line whose forecast of it passes the check.

    The line: what serves the house, what served before, the prior, persistence, which takes nothing but the readings.
    What is further down is loaded and asked only where what stands above fails; so it costs nothing, for most.
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
    issued = forecast(window, last.model, last.state, unchanged=True)  # no more can be done than that
    found |= {room: (issued, last.version) for room in window.rooms if room not in found}
    return Credible([found[room] for room in window.rooms], first or {})


def _line(registry: Registry, home: House, serving: Serving) -> Iterator[tuple[str, Model, State]]:
    """Who is asked, one after the other: version, model and state."""
    yield serving.version, serving.model, serving.state
    for version in serving.others:
        own = first_intact(registry, home.name, [version], aliases=home.aliases)
        if own is not None:
            yield version, own.model, own.state
    prior = prior_serving(refused=True)
    if serving.version != prior.version:
        yield prior.version, prior.model, prior.state


def _checked(window: Window, model: Model, state: State) -> tuple[HouseForecast | None, dict[str, str]]:
    """A forecast, and why the rooms are refused whose part of it cannot be; None and all rooms where there is none."""
    try:
        issued = forecast(window, model, state)
        return issued, incredible(issued, window, state)
    except Exception as error:  # whatever damaged numbers lead to, the next in line is asked
        logger.exception("a forecast failed")
        return None, dict.fromkeys(window.rooms, f"{type(error).__name__}: {error}")


def _said(refused: Mapping[str, str]) -> str:
    room, why = next(iter(refused.items()))
    return f"{room}: {why}"
