"""Train: a house's history from the observations, a model from the history, the model into the registry.

Imports scikit-learn by way of :mod:`roomidity.forecasting.training`; nothing that serves imports this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from roomidity.errors import NotEnoughDataError
from roomidity.forecasting import load_prior
from roomidity.forecasting.training import train
from roomidity.pipeline.lookup import known_house
from roomidity.pipeline.ports import TrainingPorts
from roomidity.pipeline.windows import KEPT_FOR, read_history
from roomidity.slots import floor_slot, format_slot

__all__ = ["TrainedHouse", "TrainingPorts", "train_house"]


@dataclass(frozen=True)
class TrainedHouse:
    """A model that was trained, kept and promoted: version, manifest, and the estimators if asked for."""

    version: str
    manifest: Mapping[str, Any]
    estimators: Mapping[str, Mapping[str, Any]]


def train_house(
    ports: TrainingPorts,
    *,
    house: str,
    now: datetime,
    reason: str,
    code_version: str,
    seed: int = 0,
    jobs: int = 1,
    keep_estimators: bool = False,
) -> TrainedHouse:
    """Train on all slots closed by ``now``, keep the model, and make it the champion.

    Raises
    ------
    NotFoundError
        If the house was never seen.
    NotEnoughDataError
        If its history is too short; the prior serves on.
    """
    home = known_house(ports.houses, house)
    end = floor_slot(now)
    rooms = home.rooms_to_forecast(end)
    first_seen = min((home.rooms[room].first_seen for room in rooms), default=end)
    start = min(max(floor_slot(first_seen), end - KEPT_FOR), end)
    history = read_history(ports.observations, home, rooms, start=start, end=end)
    prior_model, prior_state, prior_manifest = load_prior()
    try:
        trained = train(
            history, prior=(prior_model, prior_state), seed=seed, jobs=jobs, keep_estimators=keep_estimators
        )
    except NotEnoughDataError as error:
        raise NotEnoughDataError(house, found_slots=error.found_slots, needed_slots=error.needed_slots) from error
    manifest = {
        "reason": reason,
        "code_version": code_version,
        "model_schema": trained.model.schema,
        "state_schema": trained.state.schema,
        "prior": prior_manifest["version"],
        "trained_from": format_slot(start),
        "trained_through": format_slot(end),
        "rooms": list(rooms),
        "quarantine": [rule.id for rule in home.quarantine],
        "slots_with_readings": int(np.isfinite(history.values).any(axis=(0, 1)).sum()),
        "seed": seed,
        "report": trained.report,
    }
    version = ports.registry.publish(house, model=trained.model, state=trained.state, manifest=manifest, trained_at=end)
    ports.registry.promote(house, version, at=end)
    return TrainedHouse(version=version, manifest=manifest, estimators=trained.estimators)
