"""The daily step of a champion's state, checked before and after: nonsense is neither moved on nor written."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from roomidity.domain.houses import House
from roomidity.domain.slots import SLOT, SLOT_MS, from_epoch_ms
from roomidity.errors import ItemDamagedError, ModelRefusedError, ModelUnreadableError
from roomidity.forecasting import WINDOW_SLOTS, State, Window, advance, forecast, incredible
from roomidity.forecasting.model import Champion
from roomidity.forecasting.window import slot_number
from roomidity.pipeline.history import KEPT_FOR, read_history
from roomidity.pipeline.ports import Registry, known_house
from roomidity.pipeline.serving import by_present_names, first_intact
from roomidity.pipeline.verification import VerifyPorts
from roomidity.pipeline.weather_ahead import with_weather_history

__all__ = ["Moved", "move_state"]

logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Moved:
    """Whether the state moved; and why the champion or its state could not be used as it was, if it could not."""

    advanced: bool = False
    refused: str | None = None

    @property
    def wants_training(self) -> bool:
        """Whether a training is to bring what is whole again."""
        return self.refused is not None


def move_state(ports: VerifyPorts, *, house: str, now: datetime) -> Moved:
    """Move the online state of what serves on over the slots that have closed.

    What serves is the champion, or the one before it while that is refused; the prior has no state of a house's own.
    Running it again changes nothing: the state knows through which slot it has been advanced. Where the pointer is
    damaged, nothing of the house's own serves.

    A state whose forecast cannot be is not moved on: the one that training left is, over all that happened since. One
    that could not be afterwards is not written.
    """
    home = known_house(ports.houses, house)
    try:
        versions = ports.registry.succession(house)
    except ItemDamagedError:
        return Moved()  # the registry has named it
    serving = first_intact(ports.registry, house, versions, aliases=home.aliases)
    rooms = home.rooms_to_forecast(now)
    if serving is not None and serving.state.through > slot_number(now):
        return Moved()  # a night of the past, again
    refused = _why_refused(ports.registry, house, versions, serving)
    if serving is None or not rooms:
        return Moved(refused=refused if rooms else None)
    window = read_history(ports.observations, home, rooms, start=now - WINDOW_SLOTS * SLOT, end=now)
    window = with_weather_history(window, ports.weather, home)
    why = _trouble(serving, serving.state, window)
    if why is not None:
        _tell(house, serving.version, why)
        refused = why
        serving = _as_trained(ports.registry, home, serving.version)
        if serving is None or _trouble(serving, serving.state, window) is not None:
            return Moved(refused=refused)
    start = min(max(from_epoch_ms(serving.state.through * SLOT_MS), now - KEPT_FOR), now)
    closed = window.between(slot_number(start), window.last)
    if start < window.start:
        closed = read_history(ports.observations, home, rooms, start=start, end=now)
        closed = with_weather_history(closed, ports.weather, home)
    try:
        moved = advance(serving.state, serving.model, closed)
    except Exception as error:  # whatever damaged numbers lead to
        logger.exception("a state cannot be moved on", extra={"house": house, "version": serving.version})
        return Moved(refused=f"{type(error).__name__}: {error}")
    if moved is serving.state:
        return Moved(refused=refused)
    why = _trouble(serving, moved, window)
    if why is not None:
        _tell(house, serving.version, why)
        return Moved(refused=why)
    return Moved(ports.registry.put_state(house, serving.version, moved), refused)


def _why_refused(registry: Registry, house: str, versions: Sequence[str], serving: Champion | None) -> str | None:
    """Why it is not the champion, with its own state, that serves; None where it does, or just cannot be read now."""
    if not versions:
        return None
    if serving is not None and serving.version == versions[0]:
        return serving.state_lost
    try:
        registry.load(house, versions[0])
    except ModelRefusedError as error:
        return None if error.is_newer else str(error)
    except ModelUnreadableError:
        return None
    return None


def _as_trained(registry: Registry, home: House, version: str) -> Champion | None:
    try:
        return by_present_names(registry.load(home.name, version, first_state=True), home.aliases)
    except (ModelRefusedError, ModelUnreadableError):
        logger.exception("the state that training left cannot be used", extra={"house": home.name, "version": version})
        return None


def _trouble(serving: Champion, state: State, window: Window) -> str | None:
    """Why what a state forecasts at the window's end cannot be; None if it can."""
    try:
        found = incredible(forecast(window, serving.model, state), window, state)
    except Exception as error:  # noqa: BLE001  # whatever damaged numbers lead to
        return f"{type(error).__name__}: {error}"
    return next((f"{room}: {why}" for room, why in found.items()), None)


def _tell(house: str, version: str, why: str) -> None:
    logger.error("a state was refused and is not moved on", extra={"house": house, "version": version, "why": why})
