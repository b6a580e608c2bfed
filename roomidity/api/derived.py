"""What follows from a room's newest values and forecast, such as the dew point: derived on read, here alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from roomidity.api.asked import Asked
from roomidity.domain.forecasts import StoredForecast

__all__ = ["derived_of"]


def derived_of(
    asked: Asked,
    room: str,
    newest: Mapping[str, Mapping[str, Any]],
    forecast: StoredForecast | None,
    outdoor: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Returns plain values by name; one that lacks what it follows from is absent.

    Parameters
    ----------
    newest
        By quantity, ``value`` (in the quantity's unit), ``slot`` and ``measured_at``; one never measured is absent.
    forecast
        The room's forecast, or None.
    outdoor
        The same as ``newest``, of the air outside; empty where nothing measures it.
    """
    del asked, room, newest, forecast, outdoor
    return {}
