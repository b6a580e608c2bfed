"""A challenge: a model is trained without the newest slots, and meets those that could serve in its place on them.

Backtest and training call the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.forecasting.evaluation.gate import CHALLENGER, Verdict, held_out_slots, judge, score_holdout
from roomidity.forecasting.model import Model, State
from roomidity.forecasting.serving.faults import without_faults
from roomidity.forecasting.serving.gaps import measured_slots
from roomidity.forecasting.serving.online import advance
from roomidity.forecasting.training.ridges import Trained, train
from roomidity.forecasting.window import Window

__all__ = ["Challenge", "challenge"]

MIN_JUDGED_SLOTS: Final = SLOTS_A_DAY
"""A verdict on less than a day of readings says more about the hour than about the model."""


@dataclass(frozen=True)
class Challenge:
    """A trained challenger and its verdict.

    Parameters
    ----------
    trained
        The challenger, and the state that it had before the slots held out: with which a later challenge scores it.
    state
        The state moved on to the present: what serves if it won.
    verdict
        Whether it won, and why.
    judged_from
        Number of the first slot that it was judged on.
    """

    trained: Trained
    state: State
    verdict: Verdict
    judged_from: int


def challenge(
    history: Window,
    *,
    prior: tuple[Model, State],
    champion: tuple[Model, State] | None,
    seed: int,
    jobs: int = 1,
    keep_estimators: bool = False,
) -> Challenge:
    """Returns a model of the house, judged on slots that neither it nor the champion was trained on.

    Slots are held out by what was measured, so that hours without readings, or with faulty ones, are no evidence.

    Parameters
    ----------
    history
        All readings up to the present.
    prior
        The shipped model, and the state that a new house starts from.
    champion
        The model that serves and the state that it was trained with, if the house has one of its own.
    seed, jobs, keep_estimators
        As :func:`~roomidity.forecasting.training.ridges.train` takes them.

    Raises
    ------
    NotEnoughDataError
        If there is too little to train on before the slots held out.
    """
    measured = measured_slots(without_faults(history))
    held_out = held_out_slots(len(measured))
    first = int(measured[-held_out]) if len(measured) > held_out else history.first
    seen = history.between(history.first, first)
    trained = train(seen, prior=prior, seed=seed, jobs=jobs, keep_estimators=keep_estimators)
    contenders = {CHALLENGER: (trained.model, trained.state), "prior": prior}
    if champion is not None:
        contenders["champion"] = champion
    # As a rule the champion was trained through an older slot; by hand, in quick succession, through a newer one.
    first = max(first, *(model.trained_through for model, _ in contenders.values()))
    slots = int((measured >= first).sum())
    return Challenge(
        trained=trained,
        state=advance(trained.state, trained.model, history),
        verdict=_verdict(contenders, history, first=first, slots=slots, seed=seed),
        judged_from=first,
    )


def _verdict(
    contenders: Mapping[str, tuple[Model, State]], history: Window, *, first: int, slots: int, seed: int
) -> Verdict:
    if slots < MIN_JUDGED_SLOTS:
        return Verdict(
            won=False,
            comparisons=(),
            scores={},
            slots=slots,
            unjudged=f"there is nothing new to judge on: the champion has seen all but the last {slots / 4:g} h; "
            f"train again when it is {MIN_JUDGED_SLOTS // 4} h of readings",
        )
    scores = {name: score_holdout(*one, history, first=first) for name, one in contenders.items()}
    return judge(scores, slots=slots, seed=seed)
