"""The daily step of a champion's state.

It is checked before and after, so that bad states are never used or written.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from roomidity.domain.houses import House
from roomidity.domain.reread import REREAD_SLOTS
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
    """Whether the state was advanced, and why the champion or its state could not be used as it was, if so."""

    advanced: bool = False
    refused: str | None = None

    @property
    def wants_training(self) -> bool:
        """Whether a training should repair what was refused."""
        return self.refused is not None


def move_state(ports: VerifyPorts, *, house: str, now: datetime) -> Moved:
    """Advance the online state of what serves over the slots that have closed. Returns whether it was advanced.

    What serves is the champion, or the version before it while the champion is refused. The prior has no state of the
    house's own. The step is idempotent, because the state records through which slot it was advanced. If the pointer is
    damaged, nothing of the house's own serves.

    A state whose forecast is not credible is not advanced. Instead the state that training left is advanced over
    everything that happened since. A state that is not credible afterwards is not written.
    """
    home = known_house(ports.houses, house)
    try:
        versions = ports.registry.succession(house)
    except ItemDamagedError:
        return Moved()  # the registry has logged it
    serving = first_intact(ports.registry, house, versions, aliases=home.aliases)
    rooms = home.rooms_to_forecast(now)
    if serving is not None and serving.state.through > slot_number(now):
        return Moved()  # a past night is being repeated
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
    # What was written since of slots that the state has not seen, or just before, was not marked. No forecast from now
    # on is made from slots before the window.
    again = min(serving.state.through, max(serving.state.seen, window.first + REREAD_SLOTS)) - REREAD_SLOTS
    start = min(max(from_epoch_ms(max(again, 0) * SLOT_MS), now - KEPT_FOR), now)
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
    """Returns why the champion with its own state does not serve, or None if it does or just cannot be read now."""
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
    """Returns why the forecast of a state at the window's end is not credible, or None if it is."""
    try:
        found = incredible(forecast(window, serving.model, state), window, state)
    except Exception as error:  # noqa: BLE001  # whatever damaged numbers lead to
        return f"{type(error).__name__}: {error}"
    return next((f"{room}: {why}" for room, why in found.items()), None)


def _tell(house: str, version: str, why: str) -> None:
    logger.error("a state was refused and is not moved on", extra={"house": house, "version": version, "why": why})
