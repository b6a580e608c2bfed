"""What is known to be wrong with rooms' sensors, in words, below a table."""

from __future__ import annotations

from collections.abc import Iterable

from roomidity.cli.output import Output, shown
from roomidity.domain.forecasts import StoredForecast
from roomidity.pipeline.remedies import told

__all__ = ["print_notes"]


def print_notes(output: Output, forecasts: Iterable[StoredForecast]) -> None:
    """A line for each note: the room, what was found, what to do."""
    for name, found, remedy in told(forecasts):
        output.tables.print(shown(f"{name}: {found}. To mend: {remedy}."))
