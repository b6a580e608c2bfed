"""What serves a house: the first model in line whose bytes are intact; the prior where there is none of its own."""

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
    """The model and state that serve a house. ``refused`` if its own champion, or its state, could not be used.

    ``others`` are the versions that are next in line.
    """

    version: str
    model: Model
    state: State
    refused: bool = False
    others: tuple[str, ...] = ()


def serving_model(registry: Registry, house: str, *, aliases: Aliases = NO_ALIASES) -> Serving:
    """The house's champion; what served before where that is refused; the prior where there is nothing of its own.

    It knows the rooms by their present names, also those that it was trained on under former ones (``aliases``). Where
    not even the name of the champion can be read, the prior serves too: the forecast never stops.
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
    """The first of ``versions`` that is not refused, with the rooms by their present names.

    Raises
    ------
    ModelUnreadableError
        If one cannot be read now, and such are not to be skipped.
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
    """The model and its state with rooms that were renamed since its training called as they are now."""
    model, state = champion.model, champion.state
    if aliases.keys().isdisjoint((*model.rooms, *state.rooms)):
        return champion
    return replace(
        champion,
        model=replace(model, rooms=present_rooms(model.rooms, aliases)),
        state=replace(state, rooms=present_rooms(state.rooms, aliases)),
    )


def prior_serving(*, refused: bool) -> Serving:
    """The model shipped with the package, and its state."""
    model, state, manifest = load_prior()
    return Serving(str(manifest["version"]), model, state, refused=refused)
