"""The prior's network and how it is trained: two layers of rectified units and a linear bypass, in NumPy.

The optimiser is Adam (Kingma and Ba, ICLR 2015) with decoupled weight decay and a cosine schedule (Loshchilov and
Hutter, ICLR 2017 and 2019); examples are mixed as by mixup (Zhang, Cisse, Dauphin and Lopez-Paz, ICLR 2018).

Two things make it hold in a house that it never saw: many houses of many kinds, and examples that are mixed, stretched,
shifted in time and blurred, so that no course can be learnt by heart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from roomidity.domain.quantities import QUANTITIES
from roomidity.forecasting.formats import OUTPUTS
from roomidity.forecasting.model import Model
from roomidity.forecasting.serving.experts import CLIP
from roomidity.forecasting.serving.features import (
    FEATURES,
    INPUTS,
    KNOT_WEIGHTS,
    KNOTS,
    YOUNG_FEATURES,
    clock,
)
from roomidity.forecasting.serving.outdoor import OUTDOOR_FEATURES, OUTDOOR_SCALE
from roomidity.forecasting.training.bypass import OUTDOOR, with_outdoor_air, with_weather_ahead
from roomidity.forecasting.training.examples import Examples, Numbers
from roomidity.forecasting.window import STEPS

__all__ = ["Examples", "NetworkSettings", "fit_network"]


@dataclass(frozen=True)
class NetworkSettings:
    """What training depends on beside examples; the defaults were chosen on the first three quarters of two houses."""

    units: tuple[int, int] = (128, 64)
    steps: int = 5000
    batch: int = 512
    rate: float = 2e-3
    decay: float = 0.02
    dropout: float = 0.1
    mix_share: float = 0.5
    """Share of examples that are mixed with another of the same hour."""
    stretch: float = 0.6
    """Standard deviation of the logarithm of the factor on each quantity."""
    blur: float = 0.25
    """Standard deviation of what is added to scaled inputs."""
    shift_days: float = 1 / 24
    """Standard deviation of the shift of the time of day."""
    alone_share: float = 0.3
    """Share of examples that are shown as a house of one room."""
    young_share: float = 0.15
    """Share of examples that are shown as a room without a week behind it."""


def fit_network(
    examples: Examples,
    *,
    seed: int,
    settings: NetworkSettings | None = None,
    progress: Callable[[int, int], object] = lambda _done, _all: None,
) -> Model:
    """Returns a prior whose network is fitted to ``examples`` by least absolute error, every house counting the same.

    Parameters
    ----------
    examples
        Of as many and as different houses as there are.
    seed
        Decides every draw; the same seed and examples give the same network on the same machine.
    settings
        Default: :class:`NetworkSettings`.
    progress
        Called with steps done and steps in all.
    """
    settings = settings or NetworkSettings()
    rng = np.random.default_rng(seed)
    stream = _Stream(examples, settings, rng)
    one, two = settings.units
    fitted = _Network(rng, (INPUTS, one, two, OUTPUTS))
    for step in range(settings.steps):
        warm = min(1.0, (step + 1) / 100)
        rate = settings.rate * warm * 0.5 * (1 + np.cos(np.pi * step / settings.steps))
        rows, wanted = stream.draw()
        fitted.improve(rows, wanted, rate=rate, decay=settings.decay, dropout=settings.dropout)
        if (step + 1) % 100 == 0:
            progress(step + 1, settings.steps)
    hidden1, bias1, hidden2, bias2, output, bias3, skip = (part.astype(np.float64) for part in fitted.parts)
    hidden1[OUTDOOR] = skip[OUTDOOR] = 0.0
    unit = stream.wanted_scale
    difference_rms = np.sqrt(stream.share @ examples.wanted.astype(np.float64) ** 2)
    model = Model(
        scale=stream.scale.astype(np.float64),
        hidden1=hidden1,
        bias1=bias1,
        hidden2=hidden2,
        bias2=bias2,
        output=output * unit,
        bias3=bias3 * unit,
        skip=skip * unit,
        difference_rms=np.maximum(difference_rms, 1e-3),
        rooms=(),
        local=np.zeros((0, FEATURES, OUTPUTS)),
        residual=np.zeros((0, FEATURES, OUTPUTS)),
        trained_through=0,
    )
    return with_weather_ahead(with_outdoor_air(model, examples, stream.share), examples, stream.share)


class _Stream:
    """Augmented batches of scaled examples."""

    def __init__(self, examples: Examples, settings: NetworkSettings, rng: np.random.Generator) -> None:
        self.examples, self.settings, self.rng = examples, settings, rng
        _, house, count = np.unique(examples.source, return_inverse=True, return_counts=True)
        self.share = 1.0 / count[house] / len(count)
        self.cumulative = np.cumsum(self.share) / self.share.sum()
        self.hour = np.floor(examples.day * 24 + 1e-6).astype(np.int64) % 24
        self.by_hour = np.argsort(self.hour, kind="stable")
        self.hour_count = np.bincount(self.hour, minlength=24)
        self.hour_begin = np.cumsum(self.hour_count) - self.hour_count
        calendar = clock(examples.day, examples.weekend)
        parts = (self._rms(examples.own), self._rms(calendar), OUTDOOR_SCALE, self._rms(examples.house))
        self.scale = np.concatenate(parts).astype(np.float32)
        by_quantity = examples.wanted.reshape(-1, len(QUANTITIES), len(KNOTS))
        size = np.sqrt(np.einsum("n,nqk,k->q", self.share, by_quantity.astype(np.float64) ** 2, KNOT_WEIGHTS / STEPS))
        self.wanted_scale = size.repeat(len(KNOTS))

    def _rms(self, values: Numbers) -> Numbers:
        return np.maximum(np.sqrt(self.share @ values.astype(np.float64) ** 2), 1e-3).astype(np.float32)

    def draw(self) -> tuple[Numbers, Numbers]:
        """Returns inputs (batch, INPUTS) and wanted outputs (batch, OUTPUTS), both scaled."""
        settings, rng, examples = self.settings, self.rng, self.examples
        batch = settings.batch
        first = np.searchsorted(self.cumulative, rng.random(batch))
        hour = self.hour[first]
        second = self.by_hour[
            self.hour_begin[hour] + np.floor(rng.random(batch) * self.hour_count[hour]).astype(np.int64)
        ]
        part = np.where(rng.random((batch, 1)) < settings.mix_share, rng.random((batch, 1)), 1.0).astype(np.float32)

        def mixed(values: Numbers) -> Numbers:
            blend: Numbers = part * values[first] + (1 - part) * values[second]
            return blend

        own, house, wanted = mixed(examples.own), mixed(examples.house), mixed(examples.wanted)
        house = np.where(rng.random((batch, 1)) < settings.alone_share, own, house)
        stretch = np.exp(settings.stretch * rng.standard_normal((batch, 2, 1))).astype(np.float32)
        old = (rng.random((batch, 1, 1)) >= settings.young_share).astype(np.float32)
        own, house, wanted = (
            (values.reshape(batch, 2, -1) * stretch).reshape(batch, -1) for values in (own, house, wanted)
        )
        for values in (own, house):
            values.reshape(batch, 2, -1)[..., YOUNG_FEATURES:] *= old
        shifted = examples.day[first] + settings.shift_days * rng.standard_normal(batch)
        calendar = clock(shifted, examples.weekend[first])
        outside = np.zeros((batch, OUTDOOR_FEATURES))
        rows = np.concatenate([own, calendar, outside, house], axis=1).astype(np.float32) / self.scale
        blur = settings.blur * rng.standard_normal(rows.shape, dtype=np.float32)
        rows = np.clip(rows, -CLIP, CLIP) + blur * (rows != 0)
        return rows.astype(np.float32), (wanted / self.wanted_scale).astype(np.float32)


class _Network:
    """Weights, biases and Adam's moments."""

    def __init__(self, rng: np.random.Generator, widths: tuple[int, int, int, int]) -> None:
        inputs, one, two, outputs = widths

        def drawn(rows: int, columns: int, size: float = 1.0) -> Numbers:
            deviation = size * np.sqrt(2 / rows)
            weights: Numbers = (deviation * rng.standard_normal((rows, columns))).astype(np.float32)
            return weights

        def zeros(*shape: int) -> Numbers:
            return np.zeros(shape, dtype=np.float32)

        self.rng = rng
        self.parts = [drawn(inputs, one), zeros(one), drawn(one, two), zeros(two), drawn(two, outputs, 0.3)]
        self.parts += [zeros(outputs), zeros(inputs, outputs)]
        self.means = [np.zeros_like(part) for part in self.parts]
        self.squares = [np.zeros_like(part) for part in self.parts]
        self.steps = 0
        self.importance = np.tile(KNOT_WEIGHTS / STEPS, len(QUANTITIES)).astype(np.float32)

    def improve(self, rows: Numbers, wanted: Numbers, *, rate: float, decay: float, dropout: float) -> None:
        """One step of Adam down the mean absolute error, with weight decay."""
        hidden1, bias1, hidden2, bias2, output, bias3, skip = self.parts
        first = rows @ hidden1 + bias1
        kept_first = self._kept(first, dropout) * (first > 0)
        second = (first * kept_first) @ hidden2 + bias2
        kept_second = self._kept(second, dropout) * (second > 0)
        found = (second * kept_second) @ output + bias3 + rows @ skip
        slope = np.sign(found - wanted) * self.importance / np.float32(len(rows))
        back_second = (slope @ output.T) * kept_second
        back_first = (back_second @ hidden2.T) * kept_first
        gradients = (
            rows.T @ back_first,
            back_first.sum(axis=0),
            (first * kept_first).T @ back_second,
            back_second.sum(axis=0),
            (second * kept_second).T @ slope,
            slope.sum(axis=0),
            rows.T @ slope,
        )
        self.steps += 1
        fade, fade_square = np.float32(1 - 0.9**self.steps), np.float32(1 - 0.999**self.steps)
        for place, gradient in enumerate(gradients):
            self.means[place] += np.float32(0.1) * (gradient - self.means[place])
            self.squares[place] += np.float32(0.001) * (gradient * gradient - self.squares[place])
            step = (self.means[place] / fade) / (np.sqrt(self.squares[place] / fade_square) + np.float32(1e-8))
            shrink = np.float32(decay if gradient.ndim == 2 else 0.0)
            self.parts[place] -= np.float32(rate) * (step + shrink * self.parts[place])

    def _kept(self, values: Numbers, dropout: float) -> Numbers:
        kept = self.rng.random(values.shape, dtype=np.float32) >= dropout
        return kept.astype(np.float32) / np.float32(1 - dropout)
