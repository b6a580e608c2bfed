"""Where a house is, to a tenth of a degree: some 10 km, which a forecast of the weather needs, and no more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from roomidity.errors import InputError

__all__ = ["Position"]

_DECIMALS: Final = 1
_EXPECTED: Final = "LAT,LON in degrees, such as 52.5,13.4: -90 to 90, and -180 to 180"


@dataclass(frozen=True)
class Position:
    """Latitude and longitude in degrees, rounded to .1 whatever was given."""

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        for name, most in (("latitude", 90.0), ("longitude", 180.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= most:
                raise InputError(f"the {name} is {value!r:.80}; expected {_EXPECTED}")
            object.__setattr__(self, name, round(float(value), _DECIMALS) + 0.0)  # no -0.0
        if self.longitude == -180.0:
            object.__setattr__(self, "longitude", 180.0)  # one meridian

    @classmethod
    def parse(cls, text: str) -> Self:
        """The position that ``text`` says.

        >>> Position.parse("52.5170, 13.3889").place
        'place:52.5,13.4'

        Raises
        ------
        InputError
            If it says none.
        """
        try:
            latitude, longitude = map(float, text.split(","))
        except ValueError as error:
            raise InputError(f"the position is {text!r:.80}; expected {_EXPECTED}") from error
        if not math.isfinite(latitude + longitude):
            raise InputError(f"the position is {text!r:.80}; expected {_EXPECTED}")
        return cls(latitude, longitude)

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> Self | None:
        """Where a house is by its settings; None where nothing is set, or nothing that can be used."""
        stored = settings.get("position")
        try:
            return cls(stored["latitude"], stored["longitude"]) if isinstance(stored, Mapping) else None
        except (InputError, KeyError):
            return None

    def plain(self) -> dict[str, float]:
        """As it stands in a house's settings."""
        return {"latitude": self.latitude, "longitude": self.longitude}

    @property
    def place(self) -> str:
        """The place under which a provider's issues for it stand."""
        return f"place:{self}"

    def __str__(self) -> str:
        return f"{self.latitude:.{_DECIMALS}f},{self.longitude:.{_DECIMALS}f}"
