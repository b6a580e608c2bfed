"""The shipped prior: what the rooms of many other houses have in common, and how wrong it is elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from typing import Final

import numpy as np

from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.forecasting.formats import BINS, BLOCKS, OUTPUTS, RECENT_SLOTS
from roomidity.forecasting.model import Model, State
from roomidity.forecasting.panel import EXPERTS, PANEL
from roomidity.forecasting.serving.calibration import quantile_offsets
from roomidity.forecasting.serving.features import (
    FEATURES,
    INPUTS,
    KNOTS,
    OUTDOOR_BEGIN,
    PAST_SLOTS,
    WEATHER_FEATURES,
    calendar,
    design,
    local_time,
    targets,
)
from roomidity.forecasting.serving.gaps import fill
from roomidity.forecasting.serving.online import advance, forgetful
from roomidity.forecasting.serving.weather import Outlook
from roomidity.forecasting.training.network import Examples, NetworkSettings, fit_network
from roomidity.forecasting.window import LEVELS, STEPS, FloatArray, Window

__all__ = ["blank_state", "examples_of", "joined", "no_prior", "prior_state", "train_prior"]

STRIDE: Final = 16
"""Slots between examples: every 4 h; houses differ more than hours of one house."""

HOUSE_DAYS: Final = 7.0
"""Days of a new house's own errors that the errors in other houses are worth."""


def train_prior(
    houses: Iterable[Window],
    unseen: Sequence[Window],
    *,
    seed: int,
    settings: NetworkSettings | None = None,
    progress: Callable[[int, int], object] = lambda _done, _all: None,
) -> tuple[Model, State]:
    """Returns a prior that knows ``houses``, with quantiles as wide as its errors in the ``unseen``.

    Parameters
    ----------
    houses
        To learn from, many and different; each is gone through once.
    unseen
        Other houses, which the network does not see.
    seed, settings, progress
        As :func:`~roomidity.forecasting.training.network.fit_network` takes them.
    """
    examples = joined([examples_of(house, number) for number, house in enumerate(houses)])
    model = fit_network(examples, seed=seed, settings=settings, progress=progress)
    model = Model.from_bytes(model.to_bytes(), "new prior")
    return model, State.from_bytes(prior_state(model, unseen).to_bytes(), "new prior")


def examples_of(house: Window, source: int) -> Examples:
    """Returns one house's examples: every 4 h of every room where all that was to come was measured.

    Parameters
    ----------
    house
        Its readings, with the issues of the weather ahead if it has any; the first day serves as past alone.
    source
        Number of the house: it also shifts the hours that are taken, so that all hours are.
    """
    first = house.first + SLOTS_A_DAY
    origins = np.arange(first + (4 * source - first) % STRIDE, house.last - STEPS + 1, STRIDE)
    columns = origins - house.first
    basis = Outlook.of(house).ahead(design(house.values, columns, house.outdoor), house, columns)
    rooms = len(house.rooms)
    inputs = basis.inputs(calendar(origins, house.timezone)).reshape(rooms * len(origins), INPUTS)
    wanted = targets(fill(house.values), columns) - basis.newest[..., None]
    known = np.isfinite(wanted).all(axis=(2, 3)).ravel()
    day, weekend = (np.tile(part, rooms)[known] for part in local_time(origins, house.timezone))
    inputs = inputs[known].astype(np.float32)
    weather = np.zeros((rooms, len(origins), WEATHER_FEATURES)) if basis.weather is None else basis.weather
    return Examples(
        own=inputs[:, : INPUTS - FEATURES],
        outdoor=inputs[:, OUTDOOR_BEGIN:FEATURES],
        weather=np.nan_to_num(weather.reshape(len(known), WEATHER_FEATURES)[known]).astype(np.float32),
        house=inputs[:, FEATURES:],
        day=day,
        weekend=weekend,
        wanted=wanted.reshape(len(known), OUTPUTS)[known].astype(np.float32),
        source=np.full(int(known.sum()), source),
    )


def joined(parts: Sequence[Examples]) -> Examples:
    """Returns the examples of several houses as one."""
    return Examples(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Examples)))


def blank_state() -> State:
    """Returns the state of a house of which nothing at all is known, not even how wrong forecasts are elsewhere."""
    shares = np.array([expert.initial_weight for expert in PANEL])
    initial = np.broadcast_to(shares / shares.sum(), (2, BLOCKS, len(EXPERTS))).copy()
    knots = len(KNOTS)
    return State(
        rooms=(),
        through=0,
        scored=0,
        recent=np.zeros((0, 2, RECENT_SLOTS)),
        outdoor=np.full((2, RECENT_SLOTS), np.nan),
        gram=np.zeros((2, BLOCKS, len(EXPERTS), len(EXPERTS))),
        days=np.zeros(2),
        initial=initial,
        weights=initial,
        error_histogram=np.zeros((1, 2, knots, BINS)),
        persistence_histogram=np.zeros((2, knots, BINS)),
        interval_scale=np.ones((1, 2)),
        offsets=np.zeros((1, 2, len(LEVELS), knots)),
        persistence_offsets=np.zeros((2, len(LEVELS), knots)),
        weather_days=np.zeros(2),
        bare_histogram=np.zeros((2, knots, BINS)),
        bare_scale=np.ones(2),
        bare_offsets=np.zeros((2, len(LEVELS), knots)),
    )


def prior_state(model: Model, unseen: Sequence[Window]) -> State:
    """Returns the state that a new house starts from: as wrong as ``model`` was in the ``unseen`` houses on average."""
    blank = blank_state()
    later = [advance(blank, model, house) for house in unseen if house.slots > PAST_SLOTS]
    histogram = _shared([state.error_histogram[:1] for state in later]) if later else blank.error_histogram
    persistence_histogram = (
        _shared([state.persistence_histogram for state in later]) if later else blank.persistence_histogram
    )
    return replace(
        forgetful(blank),
        error_histogram=histogram,
        persistence_histogram=persistence_histogram,
        offsets=quantile_offsets(histogram),
        persistence_offsets=quantile_offsets(persistence_histogram),
        bare_histogram=histogram[0],
        bare_offsets=quantile_offsets(histogram[0]),
    )


def _shared(histograms: Sequence[FloatArray]) -> FloatArray:
    """Histograms of several houses as one of HOUSE_DAYS days."""
    shares = [one / np.maximum(one.sum(axis=-1, keepdims=True), 1e-12) for one in histograms]
    mean: FloatArray = HOUSE_DAYS * np.mean(shares, axis=0)
    return mean


def no_prior() -> tuple[Model, State]:
    """Returns a prior that knows nothing: it expects no change, and no house has shown yet how wrong that is."""
    nothing = Model(
        scale=np.ones(INPUTS),
        difference_rms=np.ones(OUTPUTS),
        hidden1=np.zeros((INPUTS, 1)),
        bias1=np.zeros(1),
        hidden2=np.zeros((1, 1)),
        bias2=np.zeros(1),
        output=np.zeros((1, OUTPUTS)),
        bias3=np.zeros(OUTPUTS),
        skip=np.zeros((INPUTS, OUTPUTS)),
        rooms=(),
        local=np.zeros((0, FEATURES, OUTPUTS)),
        residual=np.zeros((0, FEATURES, OUTPUTS)),
        trained_through=0,
    )
    return nothing, blank_state()
