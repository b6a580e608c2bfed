"""A challenge: a model is trained without the newest slots, and meets those that could serve in its place on them.

Backtest and training call the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from roomidity.forecasting.gate import CHALLENGER, Verdict, held_out_slots, judge, rehearse
from roomidity.forecasting.model import Model, State
from roomidity.forecasting.online import advance
from roomidity.forecasting.training import Trained, train
from roomidity.forecasting.window import Window

__all__ = ["Challenge", "challenge"]

MIN_JUDGED_SLOTS: Final = 96
"""A verdict on less than a day says more about the hour than about the model."""


@dataclass(frozen=True)
class Challenge:
    """A trained challenger and its verdict.

    Parameters
    ----------
    trained
        The challenger, and the state that it had before the slots held out: what a later challenge rehearses it from.
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
    """A model of the house, judged on slots that neither it nor the champion was trained on.

    Parameters
    ----------
    history
        All readings up to the present.
    prior
        The shipped model, and the state that a new house starts from.
    champion
        The model that serves and the state that it was trained with, if the house has one of its own.
    seed, jobs, keep_estimators
        As :func:`~roomidity.forecasting.training.train` takes them.

    Raises
    ------
    NotEnoughDataError
        If there is too little to train on before the slots held out.
    """
    first = history.last - held_out_slots(history.slots)
    seen = history.between(history.first, first)
    trained = train(seen, prior=prior, seed=seed, jobs=jobs, keep_estimators=keep_estimators)
    contenders = {CHALLENGER: (trained.model, trained.state), "prior": prior}
    if champion is not None:
        contenders["champion"] = champion
    # As a rule the champion was trained through an older slot; by hand, in quick succession, through a newer one.
    first = max(first, *(model.trained_through for model, _ in contenders.values()))
    return Challenge(
        trained=trained,
        state=advance(trained.state, trained.model, history),
        verdict=_verdict(contenders, history, first=first, seed=seed),
        judged_from=first,
    )


def _verdict(contenders: Mapping[str, tuple[Model, State]], history: Window, *, first: int, seed: int) -> Verdict:
    left = history.last - first
    if left < MIN_JUDGED_SLOTS:
        return Verdict(
            won=False,
            comparisons=(),
            scores={},
            slots=0,
            unjudged="there is nothing new to judge on: the champion has seen all but the last "
            f"{max(left, 0) / 4:g} h; train again when it is {MIN_JUDGED_SLOTS // 4} h",
        )
    return judge({name: rehearse(*one, history, first=first) for name, one in contenders.items()}, seed=seed)
