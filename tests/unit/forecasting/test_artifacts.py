"""Artifacts: what was written is read; anything else is refused; equal arrays give equal bytes."""

from __future__ import annotations

import io
import time
import zipfile
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from roomidity.errors import ModelRefusedError
from roomidity.forecasting import Model, State, forecast, load_prior
from roomidity.forecasting.artifacts import pack, unpack
from roomidity.forecasting.formats import MODEL_FIELDS, MODEL_SCHEMA
from roomidity.forecasting.serving.prior import pack_prior, unpack_prior
from roomidity.forecasting.training.ridges import Trained


def test_a_model_and_a_state_come_back_as_they_were(trained: Trained) -> None:
    model = Model.from_bytes(trained.model.to_bytes(), "v1")
    state = State.from_bytes(trained.state.to_bytes(), "v1")
    for again, before in ((model, trained.model), (state, trained.state)):
        for field in fields(before):
            np.testing.assert_array_equal(getattr(again, field.name), getattr(before, field.name), err_msg=field.name)


def test_bytes_depend_on_nothing_but_the_arrays(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    first = trained.model.to_bytes()
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    assert Model.from_bytes(first, "v1").to_bytes() == first
    assert trained.state.to_bytes() == State.from_bytes(trained.state.to_bytes(), "v1").to_bytes()


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x05\x06" + bytes(18)])
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ModelRefusedError, match="model v7 refused"):
        Model.from_bytes(content, "v7")


def test_cut_or_changed_bytes_are_refused_or_equal(trained: Trained) -> None:
    whole = trained.model.to_bytes()
    rng = np.random.default_rng(0)
    for _ in range(20):
        with pytest.raises(ModelRefusedError):
            Model.from_bytes(whole[: rng.integers(len(whole))], "cut")
    for _ in range(40):
        bent = bytearray(whole)
        bent[rng.integers(len(bent))] ^= 1 << int(rng.integers(8))
        try:
            model = Model.from_bytes(bytes(bent), "bent")
        except ModelRefusedError:
            continue
        assert model.to_bytes() == whole  # the bit lay in what no one reads, such as a time stamp


def arrays_of(model: Model) -> dict[str, np.ndarray]:
    return unpack(model.to_bytes(), "v", MODEL_SCHEMA, MODEL_FIELDS)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda arrays: arrays.pop("skip"), "arrays"),
        (lambda arrays: arrays.update(extra=np.zeros(1)), "arrays"),
        (lambda arrays: arrays.update(skip=arrays["skip"].astype("f8")), "skip of type float64"),
        (lambda arrays: arrays.update(skip=arrays["skip"][:-1]), "skip of shape"),
        (lambda arrays: arrays.update(local=arrays["local"][:-1]), "of shape"),
        (lambda arrays: arrays.update(scale=np.full_like(arrays["scale"], np.nan)), "not finite"),
        (lambda arrays: arrays.update(scale=np.zeros_like(arrays["scale"])), "not positive"),
        (lambda arrays: arrays.update(rooms=np.array(["a", "a"])), "a room twice"),
        (lambda arrays: arrays.update(schema=np.array("roomidity-model-0")), "schema roomidity-model-0"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(trained: Trained, change, complaint: str) -> None:
    arrays: dict[str, Any] = {"schema": np.array(MODEL_SCHEMA), **arrays_of(trained.model)}
    change(arrays)
    target = io.BytesIO()
    np.savez(target, **arrays)
    with pytest.raises(ModelRefusedError, match=complaint):
        Model.from_bytes(target.getvalue(), "v1")


def test_a_pickle_is_refused(trained: Trained) -> None:
    arrays: dict[str, Any] = {"schema": np.array(MODEL_SCHEMA), **arrays_of(trained.model)}
    arrays["scale"] = np.array([{"code": 1}], dtype=object)
    target = io.BytesIO()
    np.savez(target, **arrays)
    with pytest.raises(ModelRefusedError, match="pickle"):
        Model.from_bytes(target.getvalue(), "v1")


def test_an_archive_that_would_fill_the_memory_is_refused() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("scale.npy", bytes(80 * 1024 * 1024))
    with pytest.raises(ModelRefusedError, match="bytes unpacked"):
        Model.from_bytes(target.getvalue(), "v1")


def test_what_cannot_be_stored_is_not_packed() -> None:
    with pytest.raises(TypeError, match="object"):
        pack({"a": np.array([None])}, "s", {"a": ("f4", (1,))})


def test_the_shipped_prior_is_small_and_says_where_it_is_from(make_house) -> None:
    model, state, manifest = load_prior()
    assert model.is_prior
    assert not state.rooms
    assert manifest["version"]
    assert "stambruges" in manifest["houses"]
    packed = pack_prior(model, state, manifest)
    assert len(packed) < 500_000
    again = unpack_prior(packed, "again")
    assert again[2] == manifest
    window = make_house(days=2)
    np.testing.assert_array_equal(forecast(window, *again[:2]).quantiles, forecast(window, model, state).quantiles)


def test_a_houses_own_model_is_no_prior(trained: Trained) -> None:
    with pytest.raises(ModelRefusedError, match="expected a prior"):
        unpack_prior(pack_prior(trained.model, trained.state, {}), "v1")


def test_sizes_stay_within_the_budget(trained: Trained) -> None:
    """Eight rooms, in bytes that do not compress."""
    rng = np.random.default_rng(0)
    rooms = tuple(f"room {number}" for number in range(8))
    wide = [0, 0, 0, 0, 1, 1, 1, 1]

    def noisy(array: np.ndarray) -> np.ndarray:
        return array * (1 + 0.1 * rng.normal(size=array.shape))

    model = replace(
        trained.model, rooms=rooms, local=noisy(trained.model.local[wide]), residual=noisy(trained.model.residual[wide])
    )
    any_and = [0, *(place + 1 for place in wide)]
    state = replace(
        trained.state,
        rooms=rooms,
        recent=noisy(trained.state.recent[wide]),
        error_histogram=noisy(trained.state.error_histogram[any_and]),
        interval_scale=trained.state.interval_scale[any_and],
        offsets=noisy(trained.state.offsets[any_and]),
    )
    assert len(model.to_bytes()) < 1_000_000
    assert len(state.to_bytes()) < 200_000
