"""An expert is a record: a list holds all, and what was stored before one came or went is still of use."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roomidity.errors import ModelRefusedError
from roomidity.forecasting import Model, State, Window, advance, explain, forecast
from roomidity.forecasting.artifacts import pack
from roomidity.forecasting.formats import BLOCKS, OPTIONAL_FIELDS, STATE_FIELDS, STATE_SCHEMA
from roomidity.forecasting.model import _arrays
from roomidity.forecasting.padding import UNNAMED_EXPERTS, with_experts
from roomidity.forecasting.panel import EXPERTS, PANEL, Expert
from roomidity.forecasting.serving.experts import consult, scaled
from roomidity.forecasting.serving.features import FEATURES, calendar, design
from roomidity.forecasting.training.pretraining import blank_state
from roomidity.forecasting.training.ridges import Trained, train

ORACLE = Expert("oracle", "half of what happened a day ago", 0.25, lambda asked: asked.design.yesterday / 2)


@pytest.fixture(scope="module")
def house(make_house) -> Window:
    return make_house(rooms=1, days=11)


@pytest.fixture(scope="module")
def advanced(house: Window, prior: tuple[Model, State]) -> State:
    return advance(prior[1], prior[0], house)


def stored(state: State, experts: tuple[str, ...], *, named: bool = True) -> bytes:
    """A state's bytes as if it had been of other experts: some of today's, and others that were like the first."""
    places = [EXPERTS.index(name) if name in EXPERTS else 0 for name in experts]
    arrays: dict[str, Any] = _arrays(state)
    for name in ("initial", "weights"):
        kept = arrays[name][..., places]
        arrays[name] = kept / kept.sum(axis=-1, keepdims=True)
    arrays["gram"] = arrays["gram"][..., places, :][..., places]
    if named:
        arrays["experts"] = np.array(experts)
    return pack(arrays, STATE_SCHEMA, STATE_FIELDS | (OPTIONAL_FIELDS if named else {}))


def test_the_list_is_in_order() -> None:
    assert len(set(EXPERTS)) == len(PANEL)
    assert all(expert.initial_weight > 0 and expert.words for expert in PANEL)
    np.testing.assert_allclose(blank_state().initial[0, 0].sum(), 1)


def test_what_the_residual_ridge_says_comes_on_top_of_the_prior(house: Window, trained: Trained) -> None:
    model = trained.model
    window = house.tail(7 * 96)
    basis = design(window.values, np.array([window.slots]))
    rows = scaled(model, basis.inputs(calendar([window.last], window.timezone)))
    place = EXPERTS.index("residual ridge")
    own, nothing = (
        consult(replace(model, residual=factor * model.residual), window.rooms, basis, rows) for factor in (1.0, 0.0)
    )
    np.testing.assert_array_equal(nothing[:, :, place], nothing[:, :, EXPERTS.index("prior")])
    left = rows[0, 0, :FEATURES] @ model.residual[model.rooms.index("room 0")]
    np.testing.assert_allclose((own - nothing)[0, 0, place].ravel(), left, atol=1e-9)
    assert np.abs(left).max() > 0


def test_a_state_of_fewer_experts_is_padded_and_serves(
    house: Window, prior: tuple[Model, State], advanced: State
) -> None:
    former = EXPERTS[:-1]
    state = State.from_bytes(stored(advanced, former), "v")
    share = PANEL[-1].initial_weight / sum(expert.initial_weight for expert in PANEL)
    for padded, whole in ((state.initial, advanced.initial), (state.weights, advanced.weights)):
        kept = whole[..., :-1] / whole[..., :-1].sum(axis=-1, keepdims=True)
        np.testing.assert_allclose(padded[..., :-1], (1 - share) * kept)
        np.testing.assert_allclose(padded[..., -1], share)
    np.testing.assert_array_equal(state.gram[..., :-1, :-1], advanced.gram[..., :-1, :-1])
    issued = forecast(house.tail(192), prior[0], state)
    assert np.isfinite(issued.quantiles).all()
    assert State.from_bytes(state.to_bytes(), "v").to_bytes() == state.to_bytes()


def test_an_expert_that_is_gone_leaves_its_weight_to_the_others(advanced: State) -> None:
    state = State.from_bytes(stored(advanced, (*EXPERTS[:2], "oracle", *EXPERTS[2:])), "v")
    np.testing.assert_allclose(state.weights, advanced.weights)
    np.testing.assert_allclose(state.initial, advanced.initial)
    np.testing.assert_array_equal(state.gram, advanced.gram)


def test_a_state_of_none_of_the_experts_begins_anew(advanced: State) -> None:
    state = State.from_bytes(stored(advanced, ("oracle", "tea leaves")), "v")
    np.testing.assert_allclose(state.weights, blank_state().initial)
    assert not state.gram.any()


@pytest.mark.parametrize(
    ("experts", "named"),
    [(UNNAMED_EXPERTS[:-1], False), (("prior", "prior"), True), ((*UNNAMED_EXPERTS, "oracle"), False)],
)
def test_a_state_that_does_not_say_whose_weights_it_has_is_refused(
    advanced: State, experts: tuple[str, ...], named: bool
) -> None:
    with pytest.raises(ModelRefusedError, match="expected each expert once"):
        State.from_bytes(stored(advanced, experts, named=named), "v")


def test_the_experts_of_always_are_not_named_in_what_is_stored(advanced: State) -> None:
    """So that the bytes of a state are those that they were before experts could be named."""
    fields = STATE_FIELDS if EXPERTS == UNNAMED_EXPERTS else STATE_FIELDS | OPTIONAL_FIELDS
    assert advanced.to_bytes() == pack(_arrays(advanced) | {"experts": np.array(EXPERTS)}, STATE_SCHEMA, fields)


weights = st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda found: sum(found) > 0.01)


@settings(max_examples=60, deadline=None)
@given(weights, weights, st.permutations(["prior", "oracle", "gone"]), st.integers(0, 2**16))
def test_whatever_was_stored_the_padded_is_sound(
    initial: list[float], now: list[float], names: list[str], seed: int
) -> None:
    errors = np.random.default_rng(seed).normal(size=(20, 3))
    gram = np.broadcast_to(errors.T @ errors, (2, BLOCKS, 3, 3))
    rows = (np.broadcast_to(np.array(row) / sum(row), (2, BLOCKS, 3)) for row in (initial, now))
    panel = (*PANEL, ORACLE)
    products, *padded = with_experts(gram, *rows, stored=names, panel=panel)
    for row in padded:
        assert (row >= 0).all()
        np.testing.assert_allclose(row.sum(axis=-1), 1)
    np.testing.assert_allclose(products, products.swapaxes(-1, -2))
    assert (np.linalg.eigvalsh(products) > -1e-9).all()
    # A newcomer has erred as the mean of those that were there, and with the others as that mean did.
    kept = [names.index("prior"), names.index("oracle")]
    shares = padded[1][0, 0, [0, -1]] / padded[1][0, 0, [0, -1]].sum()
    mean = errors[:, kept] @ shares
    np.testing.assert_allclose(products[0, 0, 1, 1], mean @ mean)
    np.testing.assert_allclose(products[0, 0, 1, [0, -1]], mean @ errors[:, kept], atol=1e-9)


@pytest.fixture
def one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the list had one entry more."""
    panel = (*PANEL, ORACLE)
    for name, module in list(sys.modules.items()):
        for known, value in (("PANEL", panel), ("EXPERTS", tuple(expert.name for expert in panel))):
            if name.startswith("roomidity.") and known in vars(module):
                monkeypatch.setattr(module, known, value)


def test_an_expert_more_in_the_list_is_all_that_it_takes(
    house: Window, prior: tuple[Model, State], advanced: State, one_more: None
) -> None:
    state = State.from_bytes(stored(advanced, UNNAMED_EXPERTS, named=False), "of before")
    assert state.weights.shape[-1] == len(EXPERTS) + 1
    share = ORACLE.initial_weight / sum(expert.initial_weight for expert in (*PANEL, ORACLE))
    np.testing.assert_allclose(state.weights[..., -1], share)
    window = house.tail(192)
    assert np.isfinite(forecast(window, prior[0], state).quantiles).all()
    (reason, _) = explain(window, prior[0], state, "room 0")
    assert [name for name, _, _ in reason.experts] == [*EXPERTS, "oracle"]
    later = advance(state, prior[0], house)
    assert State.from_bytes(later.to_bytes(), "v").to_bytes() == later.to_bytes()
    model = train(
        house, prior=(prior[0], State.from_bytes(stored(prior[1], UNNAMED_EXPERTS, named=False), "prior")), seed=0
    )
    assert model.state.weights.shape[-1] == len(EXPERTS) + 1
    assert np.isfinite(forecast(window, model.model, model.state).quantiles).all()
