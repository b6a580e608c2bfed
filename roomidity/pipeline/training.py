"""Trains a challenger on a house's history and judges it on the newest days, which it never saw.

It serves only if it wins.

This module imports scikit-learn by way of :mod:`roomidity.forecasting.training.ridges`. Nothing that serves imports it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from roomidity.domain.houses import House
from roomidity.domain.models import Pointer, version_of
from roomidity.domain.slots import SLOT_MS, floor_slot, format_moment, format_slot, from_epoch_ms
from roomidity.errors import (
    ChampionChangedError,
    ForgottenError,
    ItemDamagedError,
    ModelRefusedError,
    NotEnoughDataError,
    RoomidityError,
)
from roomidity.forecasting import Model, State, Window, advance, load_prior
from roomidity.forecasting.evaluation.gate import held_out_slots
from roomidity.forecasting.model import Champion
from roomidity.forecasting.serving.faults import without_faults
from roomidity.forecasting.serving.gaps import measured_slots
from roomidity.forecasting.training.challenge import challenge
from roomidity.pipeline.history import KEPT_FOR, check_rules_followed, read_history
from roomidity.pipeline.ports import Registry, TrainingPorts, forgotten_since, known_house
from roomidity.pipeline.serving import by_present_names, first_intact
from roomidity.pipeline.weather_ahead import with_weather_history

__all__ = ["TrainedHouse", "TrainingPorts", "train_house"]


@dataclass(frozen=True)
class TrainedHouse:
    """A challenger that was trained, and what became of it.

    Parameters
    ----------
    version, manifest
        Its name, and what is known of it. It was fitted on the slots before ``fitted_through``. On the slots from there
        to ``trained_through`` it was judged, and its state advanced.
    decision
        ``won``, and the reasons in words and numbers. ``against`` names the model that it was to replace.
    promoted
        Whether it serves now, because it won and this was not a dry run.
    adopted
        The name of the prior as the house's own version, if it now serves instead, or None.
    estimators
        The fitted scikit-learn estimators, if requested.
    """

    version: str
    manifest: Mapping[str, Any]
    decision: Mapping[str, Any]
    promoted: bool
    estimators: Mapping[str, Mapping[str, Any]]
    adopted: str | None = None


def train_house(  # noqa: PLR0913  # all but the ports are passed by name
    ports: TrainingPorts,
    *,
    house: str,
    now: datetime,
    reason: str,
    code_version: str,
    seed: int = 0,
    jobs: int = 1,
    keep_estimators: bool = False,
    dry_run: bool = False,
) -> TrainedHouse:
    """Train on the slots closed by ``now`` except the newest days, judge on these, and promote a challenger that won.

    Returns the challenger and what became of it.

    The challenger is compared with the champion, the prior and the last value. If it lost, it is stored as refused,
    with the reasons. If the house has no intact champion, the prior then becomes its champion, with a state of the
    house's own. The pointer is moved with optimistic locking, only if it still names the champion that the challenger
    was judged against.

    Parameters
    ----------
    dry_run
        Whether to leave the registry unchanged.

    Raises
    ------
    NotFoundError
        If the house was never seen.
    ForgottenError
        If the house was forgotten, possibly in the meantime.
    NotEnoughDataError
        If its history is too short. What serves continues to serve.
    ModelUnreadableError
        If what serves cannot be read now. Without it nothing can be judged, and nothing replaces it.
    RuleNotFollowedError
        If observations are older than a quarantine rule. A training must not use readings that its manifest says were
        excluded.
    ItemDamagedError
        If the house can be read only in part, and so may have unknown rules.
    """
    home = known_house(ports.houses, house)
    if home.flaw is not None:
        raise ItemDamagedError("houses", key={"house": house}, why=home.flaw)
    history = _history(ports, home, now)
    prior_model, prior_state, prior_manifest = load_prior()
    prior = prior_model, prior_state
    pointer = ports.registry.pointer(house)
    serving = first_intact(ports.registry, house, pointer.succession, skip_unreadable=False, aliases=home.aliases)
    champion, remarks = _contender(ports.registry, home, serving)
    try:
        found = challenge(
            history, prior=prior, champion=champion, seed=seed, jobs=jobs, keep_estimators=keep_estimators
        )
    except NotEnoughDataError as error:
        measured = len(measured_slots(without_faults(history)))
        needed = error.needed_slots + held_out_slots(measured)
        raise NotEnoughDataError(house, found_slots=measured, needed_slots=needed) from error
    trained = found.trained
    version = version_of(trained.model.to_bytes(), history.end)
    manifest = {
        "reason": reason,
        "code_version": code_version,
        "model_schema": trained.model.schema,
        "state_schema": trained.state.schema,
        "prior": prior_manifest["version"],
        "trained_from": format_slot(history.start),
        "trained_through": format_slot(history.end),
        "fitted_through": _slot_text(trained.model.trained_through),
        "rooms": list(history.rooms),
        "quarantine": [rule.plain() for rule in home.quarantine],
        "slots_with_readings": len(measured_slots(history)),
        "seed": seed,
        "report": trained.report,
    }
    if pointer.points_to == version:
        decision: dict[str, Any] = {"won": True, "reasons": ["it is the champion already"]}
        return TrainedHouse(version, manifest, decision, promoted=True, estimators=trained.estimators)
    decision = {
        "at": format_moment(now),
        "against": serving.version if serving else prior_manifest["version"],
        **found.verdict.plain(),
        "reasons": [*found.verdict.reasons, *remarks],
        "judged_from": _slot_text(found.judged_from),
        "judged_through": format_slot(history.end),
    }
    promoted, adopted = False, None
    if not dry_run:
        with _unless_forgotten(ports, home):
            ports.registry.publish(
                house,
                model=trained.model,
                state=found.state,
                first_state=trained.state,
                manifest=manifest,
                trained_at=history.end,
                decision=decision,
                home=home,
            )
            if decision["won"]:
                try:
                    refused = [one for one in pointer.succession if serving is None or one != serving.version]
                    ports.registry.promote(house, version, at=now, seen=pointer, refused=refused)
                    promoted = True
                except ChampionChangedError as error:
                    decision |= {"won": False, "reasons": [f"another model was promoted meanwhile: {error}"]}
                    ports.registry.refuse(house, version, decision=decision, at=now)
            elif serving is None:
                adopted = _adopt_prior(ports.registry, home, history, manifest=manifest, seen=pointer, now=now)
            ports.registry.prune(house, now=now)
    return TrainedHouse(version, manifest, decision, promoted=promoted, estimators=trained.estimators, adopted=adopted)


@contextmanager
def _unless_forgotten(ports: TrainingPorts, home: House) -> Iterator[None]:
    """Register something of a house, and undo that if the house was forgotten in the meantime.

    Raises
    ------
    ForgottenError
        If it was forgotten.
    """
    try:
        yield
    except RoomidityError as error:
        if not forgotten_since(ports.houses, home):
            raise
        ports.registry.withdraw(home.name)
        raise ForgottenError(home.name) from error
    if forgotten_since(ports.houses, home):
        ports.registry.withdraw(home.name)
        raise ForgottenError(home.name)


def _history(ports: TrainingPorts, home: House, now: datetime) -> Window:
    """Returns the stored history of the rooms still heard, up to the newest closed slot.

    Quarantined readings are left out.
    """
    end = floor_slot(now)
    rooms = home.rooms_to_forecast(end)
    first_seen = min((home.rooms[room].first_seen for room in rooms), default=end)
    start = min(max(floor_slot(first_seen), end - KEPT_FOR), end)
    check_rules_followed(ports.observations, home, start=start, end=end)
    history = read_history(ports.observations, home, rooms, start=start, end=end)
    return with_weather_history(history, ports.weather, home)


def _contender(
    registry: Registry, home: House, serving: Champion | None
) -> tuple[tuple[Model, State] | None, Sequence[str]]:
    """Returns what serves as it is to be judged, with the state that training left, and remarks about that.

    If only that state is lost, the present one is used with its memory of readings reset. Its weights have seen the
    held-out slots, which makes it harder for the challenger, never easier. The prior is judged in any case.
    """
    if serving is None or serving.model.is_prior:
        return None, ()
    try:
        first = by_present_names(registry.load(home.name, serving.version, first_state=True), home.aliases)
    except ModelRefusedError as error:
        remark = f"the champion was judged with its present state, which has seen these slots; its first: {error}"
        return (serving.model, replace(serving.state, through=0)), (remark,)
    return (first.model, first.state), ()


def _adopt_prior(
    registry: Registry, home: House, history: Window, *, manifest: Mapping[str, Any], seen: Pointer, now: datetime
) -> str | None:
    """Make the prior the house's own version until a challenger beats it, with a state that advances every night.

    Returns its name as such, or None if another model was promoted in the meantime. With the state that every new house
    starts from, its pinball loss is up to 18 % higher after two months.
    """
    house = home.name
    model, state, _ = load_prior()
    broken = "; what served before is not intact" if seen.succession else ""
    reasons = [f"the prior, with what the house has shown of its errors: the challenger did not beat it{broken}"]
    version = registry.publish(
        house,
        model=model,
        state=advance(state, model, history),
        first_state=state,
        # It was trained on nothing of the house.
        manifest={**manifest, "trained_from": format_slot(history.end), "report": {}},
        trained_at=history.end,
        decision={"at": format_moment(now), "won": True, "against": manifest["prior"], "reasons": reasons},
        home=home,
    )
    try:
        registry.promote(house, version, at=now, seen=seen, refused=seen.succession)
    except ChampionChangedError as error:
        registry.refuse(house, version, decision={"won": False, "reasons": [str(error)]}, at=now)
        return None
    return version


def _slot_text(number: int) -> str:
    return format_slot(from_epoch_ms(number * SLOT_MS))
