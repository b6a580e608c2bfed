"""What serves a house: the first model in line whose bytes are intact; the prior where there is none of its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from roomidity.errors import ModelRefusedError
from roomidity.forecasting import Model, State, load_prior
from roomidity.pipeline.ports import Registry
from roomidity.registry import Champion

__all__ = ["Serving", "first_intact", "serving_model"]

logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Serving:
    """The model and state that serve a house. ``refused`` if its own champion could not be used."""

    version: str
    model: Model
    state: State
    refused: bool = False


def serving_model(registry: Registry, house: str) -> Serving:
    """The house's champion; what served before where that is refused; the prior where there is nothing of its own."""
    versions = registry.succession(house)
    own = first_intact(registry, house, versions)
    if own is not None:
        return Serving(own.version, own.model, own.state, refused=own.version != versions[0])
    model, state, manifest = load_prior()
    return Serving(str(manifest["version"]), model, state, refused=bool(versions))


def first_intact(
    registry: Registry, house: str, versions: Sequence[str], *, first_state: bool = False
) -> Champion | None:
    """The first of ``versions`` that is not refused, with its state or the one that its training left it."""
    for version in versions:
        try:
            return registry.load(house, version, first_state=first_state)
        except ModelRefusedError as error:
            logger.exception("model refused, the next in line serves", extra={"house": house, "version": error.version})
    return None
