"""The experts: what each expects of the next 24 h. A forecast is their mean, weighted by how right each has been.

To add one, write it into :data:`PANEL`: what it is called, what it goes by, what it counts before any experience, and
what it answers. Nothing else has to change: states that were stored before are padded when they are read
(:mod:`roomidity.forecasting.padding`), and training, serving, explanations and the CLI go through the list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from roomidity.forecasting.serving.features import Design
from roomidity.forecasting.window import FloatArray

__all__ = ["EXPERTS", "PANEL", "PRIOR", "Expert", "Question", "answers_to"]


@dataclass(frozen=True)
class Question:
    """What experts answer from: the inputs of some rooms at some issue times, and what the trained models make of them.

    Parameters
    ----------
    design
        The inputs, of (rooms, origins, …).
    prior, ridge, residual_ridge
        What the prior network and the room's two ridges expect, as differences from the newest value at the knots,
        (rooms, origins, 2, knots), in %RH and °C. Both ridges' are the prior's for a room that has none.
    """

    design: Design
    prior: FloatArray
    ridge: FloatArray
    residual_ridge: FloatArray


@dataclass(frozen=True)
class Expert:
    """One who is asked.

    Parameters
    ----------
    name
        By which stored states know it: it never changes, and is never given to another.
    words
        What it goes by, for people.
    initial_weight
        What it counts before any experience, beside those of the others.
    answer
        Differences from the newest value at the knots, (rooms, origins, 2, knots), in %RH and °C; 0 where it has none.
    """

    name: str
    words: str
    initial_weight: float
    answer: Callable[[Question], FloatArray]


PANEL: Final = (
    Expert("prior", "what other houses do in such a course of days", 0.30, lambda asked: asked.prior),
    Expert("ridge", "what this room has done", 0.15, lambda asked: asked.ridge),
    Expert(
        "residual ridge",
        "what this room does otherwise than other houses",
        0.25,
        lambda asked: asked.residual_ridge,
    ),
    Expert("weekly profile", "the same hours of the last seven days", 0.15, lambda asked: asked.design.profile),
    Expert("persistence", "nothing changes", 0.10, lambda asked: np.zeros_like(asked.prior)),
    Expert("yesterday", "the same as 24 h before", 0.05, lambda asked: asked.design.yesterday),
)
"""Who is asked, in the order of their weights in a state."""

EXPERTS: Final = tuple(expert.name for expert in PANEL)
"""Their names, in the same order."""

PRIOR: Final = EXPERTS.index("prior")


def answers_to(asked: Question) -> FloatArray:
    """Returns what each expert answers, (rooms, origins, experts, 2, knots)."""
    return np.stack([expert.answer(asked) for expert in PANEL], axis=2)
