"""Selects what serves a house: the first model in line whose bytes are intact, or else the prior."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from roomidity.domain.aliases import NO_ALIASES, Aliases, present_rooms
from roomidity.errors import ModelRefusedError, ModelUnreadableError, StoreError
from roomidity.forecasting import Model, State, load_prior
from roomidity.forecasting.model import Champion
from roomidity.pipeline.ports import Registry

__all__ = ["Serving", "by_present_names", "first_intact", "prior_serving", "serving_model"]

logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Serving:
    """The model and state that serve a house.

    ``refused`` is true if its own champion, or that one's state, was unusable.

    ``others`` are the versions that are next in line.
    """

    version: str
    model: Model
    state: State
    refused: bool = False
    others: tuple[str, ...] = ()


def serving_model(registry: Registry, house: str, *, aliases: Aliases = NO_ALIASES) -> Serving:
    """Returns the house's champion, or what served before if that is refused, or finally the prior.

    The model has the rooms' present names, including rooms that it was trained on under former names (``aliases``). If
    not even the champion's name can be read, the prior serves, so that forecasts never stop.
    """
    try:
        versions = registry.succession(house)
    except StoreError:
        logger.exception("model refused, its name cannot be read: the prior serves", extra={"house": house})
        return prior_serving(refused=True)
    own = first_intact(registry, house, versions, aliases=aliases)
    if own is not None:
        refused = own.version != versions[0] or own.state_lost is not None
        others = versions[versions.index(own.version) + 1 :]
        return Serving(own.version, own.model, own.state, refused=refused, others=tuple(others))
    return prior_serving(refused=bool(versions))


def first_intact(
    registry: Registry,
    house: str,
    versions: Sequence[str],
    *,
    skip_unreadable: bool = True,
    aliases: Aliases = NO_ALIASES,
) -> Champion | None:
    """Returns the first of ``versions`` that is not refused, under the rooms' present names, or None.

    Raises
    ------
    ModelUnreadableError
        If one cannot be read now, and ``skip_unreadable`` is false.
    """
    skipped = (ModelRefusedError, ModelUnreadableError) if skip_unreadable else (ModelRefusedError,)
    for version in versions:
        try:
            champion = registry.load(house, version)
            if champion.state_lost is not None:
                logger.error(
                    "model refused its state, the one that training left serves",
                    extra={"house": house, "version": version, "why": champion.state_lost},
                )
            return by_present_names(champion, aliases)
        except skipped:
            logger.exception("model refused, the next in line serves", extra={"house": house, "version": version})
    return None


def by_present_names(champion: Champion, aliases: Aliases) -> Champion:
    """Returns the model and its state with rooms renamed since its training under their present names."""
    model, state = champion.model, champion.state
    if aliases.keys().isdisjoint((*model.rooms, *state.rooms)):
        return champion
    return replace(
        champion,
        model=replace(model, rooms=present_rooms(model.rooms, aliases)),
        state=replace(state, rooms=present_rooms(state.rooms, aliases)),
    )


def prior_serving(*, refused: bool) -> Serving:
    """Returns the prior, which is the model shipped with the package, with its state."""
    model, state, manifest = load_prior()
    return Serving(str(manifest["version"]), model, state, refused=refused)
