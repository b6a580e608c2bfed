"""What serves a house: the first model in line whose bytes are intact; the prior where there is none of its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from roomidity.errors import ModelRefusedError, ModelUnreadableError, StoreError
from roomidity.forecasting import Model, State, load_prior
from roomidity.forecasting.model import Champion
from roomidity.pipeline.ports import Registry

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
    """The house's champion; what served before where that is refused; the prior where there is nothing of its own.

    Where not even the name of the champion can be read, the prior serves too: the forecast never stops.
    """
    try:
        versions = registry.succession(house)
    except StoreError:
        logger.exception("model refused, its name cannot be read: the prior serves", extra={"house": house})
        return _prior(refused=True)
    own = first_intact(registry, house, versions)
    if own is not None:
        return Serving(own.version, own.model, own.state, refused=own.version != versions[0])
    return _prior(refused=bool(versions))


def first_intact(
    registry: Registry, house: str, versions: Sequence[str], *, skip_unreadable: bool = True
) -> Champion | None:
    """The first of ``versions`` that is not refused.

    Raises
    ------
    ModelUnreadableError
        If one cannot be read now, and such are not to be skipped.
    """
    skipped = (ModelRefusedError, ModelUnreadableError) if skip_unreadable else (ModelRefusedError,)
    for version in versions:
        try:
            return registry.load(house, version)
        except skipped:
            logger.exception("model refused, the next in line serves", extra={"house": house, "version": version})
    return None


def _prior(*, refused: bool) -> Serving:
    model, state, manifest = load_prior()
    return Serving(str(manifest["version"]), model, state, refused=refused)
