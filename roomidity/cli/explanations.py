"""Why a forecast is what it is, in plain words and numbers."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from rich.table import Table
from rich.text import Text

from roomidity.cli.output import UNITS
from roomidity.domain.rounding import rounded
from roomidity.forecasting import Explanation
from roomidity.forecasting.panel import PANEL
from roomidity.forecasting.serving.explanation import EXPLAINED_HOURS

__all__ = ["explanation_json", "explanation_table"]

_SAYINGS: Final = {expert.name: expert.words for expert in PANEL}
"""What each expert goes by."""


def explanation_table(reason: Explanation) -> Table:
    """What each expert expected at some hours and how much it counted there; last, the forecast that it makes."""
    unit = UNITS[reason.quantity]
    title = (
        f"{reason.quantity}: from {reason.newest:.1f} {unit} ({_change(reason.last_hour)} in the last hour, "
        f"{_change(reason.last_day)} in the last 24 h), each expert's change in {unit} and what it counts"
    )
    table = Table("expert", "goes by", title=title, title_justify="left")
    for hours in EXPLAINED_HOURS:
        table.add_column(f"{hours} h", justify="right", no_wrap=True)
    for name, weights, changes in reason.experts:
        if weights.max() < 0.005:
            continue
        cells = [
            Text.assemble(f"{change:+.1f} ", (f"{weight:4.0%}", "dim"))
            for weight, change in zip(weights, changes, strict=True)
        ]
        table.add_row(name, _SAYINGS[name], *cells)
    table.add_section()
    if reason.outdoor.any():
        table.add_row(
            "air outside", "how unusual it is, within the above", *(f"{part:+.1f}     " for part in reason.outdoor)
        )
    if reason.weather.any():
        told = reason.weather_words or "next to nothing"
        table.add_row("weather ahead", f"{told}, within the above", *(f"{part:+.1f}     " for part in reason.weather))
    if reason.regained.any():
        told = "the room regains what an airing took, beside the above"
        table.add_row("open window", told, *(f"{part:+.1f}     " for part in reason.regained))
    table.add_row("together", "the median of the forecast", *(f"{change:+.1f}     " for change in reason.expected))
    return table


def explanation_json(reason: Explanation) -> dict[str, Any]:
    """The same as plain values; a change that is not known is null."""
    return {
        "newest": round(reason.newest, 3),
        "last_hour": rounded(reason.last_hour, 3),
        "last_day": rounded(reason.last_day, 3),
        "hours": list(EXPLAINED_HOURS),
        "experts": {
            name: {"weights": weights.round(4).tolist(), "changes": changes.round(3).tolist()}
            for name, weights, changes in reason.experts
        },
        "outdoor": reason.outdoor.round(3).tolist(),
        "weather": {"words": reason.weather_words, "changes": reason.weather.round(3).tolist()},
        "regained": reason.regained.round(3).tolist(),
        "expected": reason.expected.round(3).tolist(),
    }


def _change(change: float) -> str:
    return f"{change:+.1f}" if np.isfinite(change) else "unknown"
