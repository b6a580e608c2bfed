"""A state whose numbers can be no state's is refused, whatever its checksum says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import pytest

from roomidity.errors import ModelRefusedError
from roomidity.forecasting import State, load_prior
from roomidity.forecasting.formats import RECENT_SLOTS

STATE: Final = load_prior()[1]


def with_first(name: str, value: float) -> State:
    changed: Any = np.array(getattr(STATE, name), dtype=np.float64)
    changed.flat[0] = value
    return replace(STATE, **{name: changed})


def remembering(temperature: float) -> State:
    recent = np.full((1, 2, RECENT_SLOTS), np.nan)
    recent[0, 1, -1] = temperature
    more: dict[str, Any] = {
        name: np.concatenate([getattr(STATE, name)[:1]] * 2)
        for name in ("error_histogram", "interval_scale", "offsets")
    }
    return replace(STATE, rooms=("kitchen",), recent=recent, **more)


ODD: Final = {
    "huge weights": with_first("weights", 1e30),
    "a negative weight": with_first("weights", -0.5),
    "weights that sum to more than 1": with_first("weights", 0.9),
    "huge initial weights": with_first("initial", 1e30),
    "huge products of errors": with_first("gram", 1e30),
    "negative days": with_first("days", -1.0),
    "a million days": with_first("days", 1e6),
    "a negative count": with_first("error_histogram", -1.0),
    "a huge count": with_first("persistence_histogram", 1e30),
    "no width": with_first("interval_scale", 0.0),
    "a huge width": with_first("interval_scale", 1e30),
    "huge offsets": with_first("offsets", -1e30),
    "huge offsets of persistence": with_first("persistence_offsets", 1e30),
    "it reaches into the far future": replace(STATE, through=10**15),
    "it was scored before time": replace(STATE, scored=-1),
    "it remembers 1000 °C": remembering(1000.0),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_state_that_cannot_be_right_is_refused(odd: str) -> None:
    with pytest.raises(ModelRefusedError, match=r"model v refused: found .*; expected "):
        State.from_bytes(ODD[odd].to_bytes(), "v")


def test_a_state_that_can_is_read() -> None:
    assert State.from_bytes(STATE.to_bytes(), "v").rooms == STATE.rooms
    assert State.from_bytes(remembering(-60.0).to_bytes(), "v").rooms == ("kitchen",)
