"""How models and states are stored: names, types and shapes of their arrays, now and in former versions."""

from __future__ import annotations

from typing import Final

from roomidity.domain.quantities import QUANTITIES
from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.forecasting.artifacts import Field
from roomidity.forecasting.serving.features import FEATURES, INPUTS, KNOTS, WEATHER_FEATURES
from roomidity.forecasting.serving.outdoor import OUTDOOR_FEATURES
from roomidity.forecasting.window import LEVELS, STEPS

__all__ = [
    "BINS",
    "BLOCKS",
    "FORMER_MODELS",
    "FORMER_STATES",
    "MODEL_FIELDS",
    "MODEL_SCHEMA",
    "OPTIONAL_FIELDS",
    "OUTPUTS",
    "RECENT_SLOTS",
    "STATE_FIELDS",
    "STATE_SCHEMA",
    "WEATHER_BYPASS",
    "WEATHER_RIDGES",
]

MODEL_SCHEMA: Final = "roomidity-model-3"
STATE_SCHEMA: Final = "roomidity-state-3"

OUTPUTS: Final = len(QUANTITIES) * len(KNOTS)
BLOCKS: Final = 8
"""Blocks of 12 leads (3 h) that have weights of their own."""

BINS: Final = 80
"""Bins of the histograms of past errors."""

RECENT_SLOTS: Final = 8 * SLOTS_A_DAY
"""Readings that the state carries, so that serving need not read them: 7 days for the profile, 1 until it is scored."""

_QUANTITIES: Final = len(QUANTITIES)
_WEIGHTS: Final = (_QUANTITIES, BLOCKS, "E")
_KNOTS: Final = len(KNOTS)

WEATHER_BYPASS: Final = (OUTDOOR_FEATURES + WEATHER_FEATURES, OUTPUTS)
WEATHER_RIDGES: Final = (0, FEATURES + WEATHER_FEATURES, OUTPUTS)
"""Shapes of what knows the weather ahead: the prior's bypass, and the ridges of no room."""

MODEL_FIELDS: Final[dict[str, Field]] = {
    "scale": ("f4", (INPUTS,)),
    "hidden1": ("f4", (INPUTS, "A")),
    "bias1": ("f4", ("A",)),
    "hidden2": ("f4", ("A", "B")),
    "bias2": ("f4", ("B",)),
    "output": ("f4", ("B", OUTPUTS)),
    "bias3": ("f4", (OUTPUTS,)),
    "skip": ("f4", (INPUTS, OUTPUTS)),
    "spread": ("f4", (OUTPUTS,)),
    "rooms": ("U", ("R",)),
    "local": ("f4", ("R", FEATURES, OUTPUTS)),
    "residual": ("f4", ("R", FEATURES, OUTPUTS)),
    "trained_through": ("i8", ()),
    "weather_skip": ("f4", WEATHER_BYPASS),
    "weather_local": ("f2", ("W", *WEATHER_RIDGES[1:])),
    "weather_residual": ("f2", ("W", *WEATHER_RIDGES[1:])),
}
"""Half precision for the ridges with weather, beside those without: it moves forecasts by less than .01 %RH."""

STATE_FIELDS: Final[dict[str, Field]] = {
    "rooms": ("U", ("R",)),
    "through": ("i8", ()),
    "scored": ("i8", ()),
    "recent": ("f4?", ("R", _QUANTITIES, RECENT_SLOTS)),
    "outdoor": ("f4?", (_QUANTITIES, RECENT_SLOTS)),
    "gram": ("f8", (*_WEIGHTS, "E")),
    "days": ("f8", (_QUANTITIES,)),
    "initial": ("f8", _WEIGHTS),
    "weights": ("f8", _WEIGHTS),
    "counts": ("f4", ("R+1", _QUANTITIES, _KNOTS, BINS)),
    "idle_counts": ("f4", (_QUANTITIES, _KNOTS, BINS)),
    "width": ("f8", ("R+1", _QUANTITIES)),
    "offsets": ("f4", ("R+1", _QUANTITIES, len(LEVELS), _KNOTS)),
    "idle_offsets": ("f4", (_QUANTITIES, len(LEVELS), _KNOTS)),
    "weather_days": ("f8", (_QUANTITIES,)),
    "bare_counts": ("f4", (_QUANTITIES, _KNOTS, BINS)),
    "bare_width": ("f8", (_QUANTITIES,)),
    "bare_offsets": ("f4", (_QUANTITIES, len(LEVELS), _KNOTS)),
}

FORMER_MODELS: Final = {
    "roomidity-model-2": {name: of for name, of in MODEL_FIELDS.items() if not name.startswith("weather_")}
}
FORMER_STATES: Final = {
    "roomidity-state-2": {name: of for name, of in STATE_FIELDS.items() if not name.startswith(("weather_", "bare_"))}
}
"""What was written before there was weather ahead, and is read as what knows nothing of it."""

OPTIONAL_FIELDS: Final[dict[str, Field]] = {"experts": ("U", ("E",))}
"""Names of the experts; a state of :data:`UNNAMED_EXPERTS` does without, as all did before there were others."""

assert (STEPS - 1) // 12 + 1 == BLOCKS  # noqa: S101 (a fact about two constants)
