"""The gate lets through what is better on days that it had not seen, and nothing else."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from roomidity.domain.slots import from_epoch_ms
from roomidity.errors import NotEnoughDataError
from roomidity.forecasting import Model, State, Window, advance
from roomidity.forecasting.evaluation.gate import CHALLENGER, MARGIN, Comparison, held_out_slots, judge, score_holdout
from roomidity.forecasting.evaluation.scores import Score
from roomidity.forecasting.training import fits
from roomidity.forecasting.training.challenge import challenge
from roomidity.forecasting.training.ridges import train

DAYS = 24


def odd_house(days: int = DAYS, seed: int = 0) -> Window:
    """Rooms that do what no other house does: a sawtooth of 8 hours, noise on top."""
    rng = np.random.default_rng(seed)
    slots = days * 96
    saw = (np.arange(slots) % 32) / 32
    values = np.stack(
        [
            np.stack([40 + 12 * saw + rng.normal(0, 0.5, slots), 19 + 2 * saw + rng.normal(0, 0.1, slots)])
            for _ in range(2)
        ]
    )

    end = from_epoch_ms(20_000 * 86_400_000 + slots * 900_000)
    return Window(rooms=("a", "b"), end=end, timezone="UTC", values=values)


@pytest.fixture(scope="module")
def house() -> Window:
    return odd_house()


@pytest.fixture(scope="module")
def first(house: Window) -> int:
    return house.last - held_out_slots(house.slots)


@pytest.fixture(scope="module")
def seen(house: Window, first: int) -> Window:
    return house.between(house.first, first)


@pytest.fixture(scope="module")
def good(seen: Window, prior: tuple[Model, State]) -> tuple[Model, State]:
    trained = train(seen, prior=prior, seed=0)
    return trained.model, trained.state


def verdict(challenger: tuple[Model, State], others: dict[str, tuple[Model, State]], house: Window, first: int):
    contenders = {CHALLENGER: challenger, **others}
    scores = {name: score_holdout(*one, house, first=first) for name, one in contenders.items()}
    return judge(scores, slots=house.last - first, seed=0)


def test_a_model_that_learnt_the_house_beats_the_prior(
    good: tuple[Model, State], prior: tuple[Model, State], house: Window, seen: Window, first: int
) -> None:
    known = prior[0], advance(prior[1], prior[0], seen)
    found = verdict(good, {"prior": known}, house, first)
    assert found.won
    assert [one.reference for one in found.comparisons] == ["prior", "persistence"]
    assert all(one.mae < 0 for one in found.comparisons)
    assert "better than prior: pinball -" in found.reasons[0]
    assert found.plain()["scores"][CHALLENGER]["humidity"]["mae"] < found.plain()["scores"]["prior"]["humidity"]["mae"]


def test_a_model_trained_on_shuffled_targets_is_refused(
    good: tuple[Model, State], prior: tuple[Model, State], house: Window, first: int
) -> None:
    model, state = good
    rng = np.random.default_rng(1)
    order = rng.permutation(model.residual.shape[2])
    shuffled = replace(model, local=model.local[..., order], residual=model.residual[..., order])
    found = verdict((shuffled, state), {"champion": good, "prior": prior}, house, first)
    assert not found.won
    assert "not better than champion" in found.reasons[0]


def test_a_model_that_only_looks_better_in_sample_is_refused(
    good: tuple[Model, State], house: Window, seen: Window, first: int, prior, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 1, seen.values.shape) * [[[2.0], [0.4]]]
    noisy = replace(seen, values=seen.values + noise).tail(5 * 96)
    monkeypatch.setattr(fits, "PENALTY", 1e-3)
    monkeypatch.setattr(fits, "RESIDUAL_PENALTY", 1e-3)
    learnt = train(noisy, prior=prior, seed=0)
    weights = np.zeros_like(learnt.state.weights)
    weights[:, :, 1] = 1.0
    state = replace(learnt.state, initial=weights, weights=weights)
    begin = seen.last - 4 * 96
    in_sample = {
        name: score_holdout(model, replace(state, through=seen.last), noisy, first=begin).absolute_error[:, :16].sum()
        for name, (model, state) in {"by heart": (learnt.model, state), "good": good}.items()
    }
    assert in_sample["by heart"] < in_sample["good"]
    assert not verdict((learnt.model, state), {"champion": good}, house, first).won


def test_a_model_against_itself_does_not_win(good: tuple[Model, State], house: Window, first: int) -> None:
    found = verdict(good, {"champion": good}, house, first)
    assert not found.won
    assert found.comparisons[0].pinball == 0


def test_where_nothing_was_measured_nothing_wins(good: tuple[Model, State], house: Window, first: int) -> None:
    values = house.values.copy()
    values[..., first - house.first :] = np.nan
    found = verdict(good, {"champion": good}, replace(house, values=values), first)
    assert not found.won
    assert found.reasons == ("nothing was measured in the slots held out",)


def test_the_half_days_of_an_outage_are_not_drawn(
    good: tuple[Model, State], prior: tuple[Model, State], house: Window, first: int
) -> None:
    """Drawn, they would say of a draw of nothing else that the challenger is better by all there is."""
    scores = {name: score_holdout(*one, house, first=first) for name, one in ((CHALLENGER, good), ("prior", prior))}
    spread = {name: one[:, np.arange(4).repeat([4, 4, 400, 4])] for name, one in scores.items()}
    outage = slice(8, 408)
    for one in spread.values():
        for part in fields(one):
            getattr(one, part.name)[:, outage] = 0
    short = {name: one[:, np.arange(4).repeat([4, 4, 0, 4])] for name, one in scores.items()}
    assert judge(spread, slots=96, seed=0).comparisons == judge(short, slots=96, seed=0).comparisons


def test_a_held_out_score_sees_nothing_of_what_comes_after(
    good: tuple[Model, State], house: Window, first: int
) -> None:
    model, state = good
    later = house.values.copy()
    later[..., -96:] += 5
    usual, changed = (score_holdout(model, state, one, first=first) for one in (house, replace(house, values=later)))
    before = usual.count.shape[1] - 8
    kept = slice(0, before - 8)  # issue times whose 24 h end before the change
    assert np.array_equal(usual.absolute_error[:, kept], changed.absolute_error[:, kept])
    assert not np.array_equal(usual.absolute_error[:, before:], changed.absolute_error[:, before:])


def test_a_stuck_sensor_is_not_scored_and_leaves_the_verdict_on_the_other_room_as_it_is(
    good: tuple[Model, State], prior: tuple[Model, State], house: Window, first: int
) -> None:
    """Who foresees a value that stands still is no better a model: the prior does it better than one that learnt."""
    silent, stuck = house.values.copy(), house.values.copy()
    silent[0, :, first - house.first :] = np.nan
    stuck[0, :, first - house.first :] = stuck[0, :, [first - house.first - 1]].T
    scores = [score_holdout(*good, replace(house, values=values), first=first) for values in (silent, stuck)]
    assert scores[1].count[0].sum() == 0
    assert np.array_equal(scores[0].count, scores[1].count)
    assert np.array_equal(scores[0].persistence_error, scores[1].persistence_error)
    found = verdict(good, {"prior": prior}, replace(house, values=stuck), first)
    assert found.won, found.reasons


def test_a_jump_is_neither_scored_nor_a_last_value(good: tuple[Model, State], house: Window, first: int) -> None:
    values = house.values.copy()
    values[:, 1, first - house.first + 11] = -40.0  # the slot before the second issue time
    usual, jumped = (score_holdout(*good, one, first=first) for one in (house, replace(house, values=values)))
    assert (usual.count - jumped.count).sum() == 2  # of the first issue time, in both rooms
    assert jumped.persistence_error[:, :, 1].sum() < 1.1 * usual.persistence_error[:, :, 1].sum()


def test_the_same_seed_gives_the_same_verdict(good, prior, house: Window, first: int) -> None:
    first_found, second_found = (verdict(good, {"prior": prior}, house, first) for _ in range(2))
    assert first_found == second_found


def test_neighbouring_hours_tell_the_same_so_that_half_days_are_drawn() -> None:
    """The same losses are less certain where whole half days are better or worse, than where hours are."""
    rng = np.random.default_rng(0)
    better = rng.choice([0.5, 1.4], 24)

    def bound(losses: np.ndarray) -> float:
        own, other = (
            Score(*(np.broadcast_to(of[None, :, None, None], (1, len(of), 2, 24)) for _ in fields(Score)))
            for of in (losses, np.ones(len(losses)))
        )
        count = np.ones((1, len(losses), 2, 24))
        contenders = {CHALLENGER: replace(own, count=count), "champion": replace(other, count=count)}
        return judge(contenders, slots=96, seed=0).comparisons[0].bound

    half_days = better.repeat(4)
    mean = half_days.mean() - 1
    assert bound(half_days) - mean > 1.5 * (bound(rng.permutation(half_days)) - mean)


@pytest.mark.parametrize(
    ("pinball", "mae", "bound", "won"),
    [
        (-0.02, -0.01, -0.001, True),
        (-0.02, MARGIN / 2, MARGIN / 2, True),  # as much worse as noise makes it
        (-0.02, MARGIN, -0.001, False),  # its quantiles are better, its median is not
        (-0.02, -0.01, MARGIN, False),
        (0.0, -0.01, -0.001, False),
        (None, -0.02, -0.001, True),  # persistence has no quantiles: the error decides
        (None, 0.0, -0.001, False),
        (None, -0.02, MARGIN, False),
    ],
)
def test_a_challenger_wins_by_pinball_loss_only_if_its_error_is_no_worse_and_the_bound_holds(
    pinball: float | None, mae: float, bound: float, won: bool
) -> None:
    assert Comparison("champion", pinball, mae, bound).won is won


def test_a_challenge_trains_without_what_it_judges_on(house: Window, first: int, prior: tuple[Model, State]) -> None:
    found = challenge(house, prior=prior, champion=None, seed=0)
    assert found.trained.model.trained_through == found.trained.state.through == first
    assert found.state.through == house.last
    assert found.verdict.won
    assert set(found.verdict.scores) == {CHALLENGER, "prior"}
    again = challenge(house, prior=prior, champion=(found.trained.model, found.trained.state), seed=0)
    assert not again.verdict.won
    assert again.verdict.comparisons[1].reference == "champion"


def test_a_champion_that_has_seen_it_all_cannot_be_challenged(house: Window, prior: tuple[Model, State]) -> None:
    champion = train(house, prior=prior, seed=0)
    found = challenge(house, prior=prior, champion=(champion.model, champion.state), seed=0)
    assert not found.verdict.won
    assert found.verdict.slots == 0


def test_too_little_before_the_slots_held_out_is_no_challenge(house: Window, prior: tuple[Model, State]) -> None:
    with pytest.raises(NotEnoughDataError):
        challenge(house.between(house.first, house.first + 150), prior=prior, champion=None, seed=0)
