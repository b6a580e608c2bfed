"""What training makes and serving reads: the model's coefficients and the state that moves on every day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from roomidity.domain.quantities import QUANTITIES
from roomidity.errors import ModelRefusedError
from roomidity.forecasting.artifacts import pack, unpack
from roomidity.forecasting.formats import (
    FORMER_MODELS,
    FORMER_STATES,
    MODEL_FIELDS,
    MODEL_SCHEMA,
    OPTIONAL_FIELDS,
    STATE_FIELDS,
    STATE_SCHEMA,
    WEATHER_BYPASS,
    WEATHER_RIDGES,
)
from roomidity.forecasting.invariants import check_state
from roomidity.forecasting.padding import UNNAMED_EXPERTS, with_experts
from roomidity.forecasting.panel import EXPERTS, PANEL
from roomidity.forecasting.window import FloatArray

__all__ = ["Champion", "Model", "State"]


@dataclass(frozen=True)
class Model:
    """Coefficients: the prior network that knows other houses, and two ridges for each room of this house.

    Parameters
    ----------
    scale
        What inputs are divided by, (INPUTS,); then they are clipped at 6.
    hidden1, bias1, hidden2, bias2, output, bias3, skip
        The prior: two layers of rectified units and a linear bypass to OUTPUTS differences from the newest value,
        humidity's knots (%RH) then temperature's (°C). The air outside comes in by the bypass alone.
    difference_rms
        Root mean square of the differences in the houses that the prior learnt from, (OUTPUTS,).
    rooms
        Names of the rooms that have ridges.
    local, residual
        Their coefficients, (rooms, FEATURES, OUTPUTS): of the differences, and of what the prior leaves.
    trained_through
        Number of the slot up to which readings were seen in training; 0 for the prior.
    weather_skip
        What the prior adds where the weather ahead is known, by a bypass: of the air outside, which counts for less
        beside it, and of the weather, (OUTDOOR_FEATURES + WEATHER_FEATURES, OUTPUTS).
    weather_local, weather_residual
        The rooms' ridges for when it is known, (rooms, FEATURES + WEATHER_FEATURES, OUTPUTS); of no room where nothing
        was known of the weather in training.
    """

    scale: FloatArray
    hidden1: FloatArray
    bias1: FloatArray
    hidden2: FloatArray
    bias2: FloatArray
    output: FloatArray
    bias3: FloatArray
    skip: FloatArray
    difference_rms: FloatArray = field(metadata={"stored": "spread"})
    rooms: tuple[str, ...]
    local: FloatArray
    residual: FloatArray
    trained_through: int
    weather_skip: FloatArray = field(default_factory=lambda: np.zeros(WEATHER_BYPASS))
    weather_local: FloatArray = field(default_factory=lambda: np.zeros(WEATHER_RIDGES))
    weather_residual: FloatArray = field(default_factory=lambda: np.zeros(WEATHER_RIDGES))

    schema: str = MODEL_SCHEMA

    @property
    def is_prior(self) -> bool:
        """Whether nothing of the house itself is in it."""
        return not self.rooms

    @property
    def knows_weather(self) -> bool:
        """Whether the rooms' ridges have learnt what the weather ahead does."""
        return len(self.weather_local) > 0

    def to_bytes(self) -> bytes:
        """Returns the model as an npz, float32; equal models give equal bytes."""
        return self._content

    def as_stored(self) -> Self:
        """Returns the model as it will be read, numbers rounded as they are stored, with its bytes at hand."""
        stored = type(self).from_bytes(self._content, "new")
        vars(stored)["_content"] = self._content
        return stored

    @cached_property
    def _content(self) -> bytes:
        return pack(_arrays(self), self.schema, MODEL_FIELDS)

    @classmethod
    def from_bytes(cls, content: bytes, version: str) -> Self:
        """Returns the model that :meth:`to_bytes` wrote, now or before there was weather ahead.

        Raises
        ------
        ModelRefusedError
            If ``content`` is not such a model; ``version`` names it in the message.
        """
        arrays = unpack(content, version, MODEL_SCHEMA, MODEL_FIELDS, former=FORMER_MODELS)
        if not (arrays["scale"] > 0).all() or not (arrays["spread"] > 0).all():
            raise ModelRefusedError(version, found="a scale that is not positive", expected="positive scales")
        if "weather_skip" not in arrays:
            arrays["weather_skip"] = np.zeros(WEATHER_BYPASS)
            arrays["weather_local"] = arrays["weather_residual"] = np.zeros(WEATHER_RIDGES)
        if len(arrays["weather_local"]) not in (0, len(arrays["rooms"])):
            found = f"ridges with weather of {len(arrays['weather_local'])} rooms"
            raise ModelRefusedError(version, found=found, expected=f"of {len(arrays['rooms'])}, or of none")
        return cls(**_attributes(cls, arrays, version))


@dataclass(frozen=True)
class State:
    """What moves on every day: recent readings, the experts' weights, and how wrong forecasts have been.

    Parameters
    ----------
    rooms
        Names of the rooms that it knows.
    through
        Number of the slot up to which it has seen readings; 0 for a state that has seen none.
    scored
        Number of the first issue slot that has not been scored.
    recent
        Raw readings of the RECENT_SLOTS slots before ``through``, (rooms, 2, RECENT_SLOTS); NaN where there is none.
    outdoor
        The same of the air outside, (2, RECENT_SLOTS).
    gram
        Discounted sums of products of the experts' errors, (2, BLOCKS, experts, experts).
    days
        Discounted days behind those sums, (2,).
    initial, weights
        Weights of the experts before any experience and now, (2, BLOCKS, experts); each row sums to 1.
    error_histogram
        Discounted histograms of the forecast's errors over their scale, (rooms + 1, 2, knots, BINS); row 0 is
        for any room.
    persistence_histogram
        Of the errors of persistence, for any room, (2, knots, BINS).
    interval_scale
        Factor on the distance of quantiles from the median, (rooms + 1, 2).
    offsets, persistence_offsets
        Distances of the quantiles from the median, (rooms + 1, 2, levels, knots) and (2, levels, knots).
    weather_days
        Of the discounted days, those on which the weather ahead was known, (2,).
    bare_histogram, bare_scale, bare_offsets
        Row 0 of histogram, scale and offsets as they would be had the weather ahead never been known: for when it is
        not, since errors are larger then.
    """

    rooms: tuple[str, ...]
    through: int
    scored: int
    recent: FloatArray
    outdoor: FloatArray
    gram: FloatArray
    days: FloatArray
    initial: FloatArray
    weights: FloatArray
    error_histogram: FloatArray = field(metadata={"stored": "counts"})
    persistence_histogram: FloatArray = field(metadata={"stored": "idle_counts"})
    interval_scale: FloatArray = field(metadata={"stored": "width"})
    offsets: FloatArray
    persistence_offsets: FloatArray = field(metadata={"stored": "idle_offsets"})
    weather_days: FloatArray
    bare_histogram: FloatArray = field(metadata={"stored": "bare_counts"})
    bare_scale: FloatArray = field(metadata={"stored": "bare_width"})
    bare_offsets: FloatArray

    schema: str = STATE_SCHEMA

    @cached_property
    def seen(self) -> int:
        """Number of the slot after the newest of which it has seen a reading, in any room or outside.

        It is not after ``through``, and at the earliest RECENT_SLOTS before.
        """
        known = np.isfinite(self.outdoor).any(axis=0) | np.isfinite(self.recent).any(axis=(0, 1))
        return self.through - int(np.argmax(known[::-1])) if known.any() else self.through - len(known)

    def to_bytes(self) -> bytes:
        """Returns the state as an npz, float32 for the most part; equal states give equal bytes."""
        return self._content

    def as_stored(self) -> Self:
        """Returns the state as it will be read, numbers rounded as they are stored, with its bytes at hand."""
        stored = type(self).from_bytes(self._content, "new")
        vars(stored)["_content"] = self._content
        return stored

    @cached_property
    def _content(self) -> bytes:
        named = {"experts": np.array(EXPERTS, dtype=np.str_)} if EXPERTS != UNNAMED_EXPERTS else {}
        return pack(_arrays(self) | named, self.schema, STATE_FIELDS | {name: OPTIONAL_FIELDS[name] for name in named})

    @classmethod
    def from_bytes(cls, content: bytes, version: str) -> Self:
        """Returns the state that :meth:`to_bytes` wrote; one of other experts is padded and cut to those there are now.

        Raises
        ------
        ModelRefusedError
            If ``content`` is not such a state; ``version`` names it in the message.
        """
        arrays = unpack(content, version, STATE_SCHEMA, STATE_FIELDS, optional=OPTIONAL_FIELDS, former=FORMER_STATES)
        if "bare_counts" not in arrays:
            bare = {f"bare_{name}": arrays[name][0] for name in ("counts", "width", "offsets")}
            arrays |= bare | {"weather_days": np.zeros(len(QUANTITIES))}
        check_state(arrays, version)
        stored = tuple(arrays.pop("experts", np.array(UNNAMED_EXPERTS)).tolist())
        if len(stored) != len(set(stored)) or len(stored) != len(arrays["gram"][0, 0]):
            found = f"the experts {', '.join(stored)} and weights of {len(arrays['gram'][0, 0])}"
            raise ModelRefusedError(version, found=found, expected="each expert once, with a weight")
        of_experts = ("gram", "initial", "weights")
        padded = with_experts(*(arrays[name] for name in of_experts), stored=stored, panel=PANEL)
        return cls(**_attributes(cls, arrays | dict(zip(of_experts, padded, strict=True)), version))


def _stored_names(kind: type[Model | State]) -> dict[str, str]:
    """Returns the name of each array as it is stored, by the attribute that holds it."""
    return {part.name: part.metadata.get("stored", part.name) for part in fields(kind) if part.name != "schema"}


def _arrays(artifact: Model | State) -> dict[str, NDArray[Any]]:
    """Returns what is stored of a model or a state, by the names in its fields."""
    values = {stored: getattr(artifact, name) for name, stored in _stored_names(type(artifact)).items()}
    values["rooms"] = np.array(artifact.rooms, dtype=np.str_)
    return {name: np.asarray(value) for name, value in values.items()}


def _attributes(kind: type[Model | State], arrays: dict[str, NDArray[Any]], version: str) -> dict[str, Any]:
    """Returns constructor arguments; numbers become float64 once here, so that serving converts nothing."""
    attributes: dict[str, Any] = {}
    for name, stored in _stored_names(kind).items():
        array = arrays[stored]
        if array.dtype.kind == "U":
            attributes[name] = tuple(array.tolist())
        elif array.dtype.kind == "i":
            attributes[name] = int(array)
        else:
            attributes[name] = array.astype(np.float64)
    if len(set(attributes["rooms"])) != len(attributes["rooms"]):
        raise ModelRefusedError(version, found="a room twice", expected="each room once")
    return attributes


@dataclass(frozen=True)
class Champion:
    """A model that serves a house, its state, and what is known of them.

    ``state_lost`` says why the state is the one that training left, where a newer one is gone or damaged.
    """

    version: str
    manifest: Mapping[str, Any]
    model: Model
    state: State
    state_lost: str | None = None
