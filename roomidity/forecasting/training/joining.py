"""The inputs of a house, put together from those of its rooms: those of all rooms at once would take several GB."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

import numpy as np

from roomidity.forecasting.serving.features import Basis, Design
from roomidity.forecasting.serving.weather import Outlook
from roomidity.forecasting.window import FloatArray, IntArray, Window

__all__ = ["joined"]

_INPUTS = ("newest", "series", "outdoor")


def joined(designs: Iterable[Design], history: Window, columns: IntArray, *, replayed: slice) -> tuple[Basis, Design]:
    """Returns what the ridges of a house learn from, and the whole design of the origins that are ``replayed``.

    The courses that the other experts go by are as large as the inputs, and nothing but the replay asks for them. The
    design shares no memory with the former, so that it does not keep it alive.

    Parameters
    ----------
    designs
        One of each room, without weather. Each is put in its place as it comes, so that they are not held twice.
    history
        The readings behind them, and the issues of the weather.
    columns
        The columns of ``history`` at which forecasts begin, (origins,).
    replayed
        Which of them are replayed.
    """
    whole: dict[str, FloatArray] = {}
    for place, one in enumerate(designs):
        for name in (part.name for part in fields(one) if part.name != "weather"):
            found = getattr(one, name)[0]
            found = found if name in _INPUTS else found[replayed]
            whole.setdefault(name, np.empty((len(history.rooms), *found.shape)))[place] = found
    inputs = {name: whole.pop(name) for name in _INPUTS}
    basis = Outlook.of(history).ahead(Basis(**inputs), history, columns)
    lately = Design(
        **{name: array[:, replayed].copy() for name, array in inputs.items()},
        **whole,
        weather=None if basis.weather is None else basis.weather[:, replayed].copy(),
    )
    return basis, lately
