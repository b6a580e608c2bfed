"""What a backtest tells a person: its tables, and which rooms are not in them, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.table import Table

from roomidity.cli.files import tell
from roomidity.cli.output import UNITS
from roomidity.domain.quantities import QUANTITIES, TEMPERATURE, Quantity
from roomidity.errors import InputError
from roomidity.forecasting import Window
from roomidity.forecasting.evaluation.protocol import Cadence, eligible, issue_slots

if TYPE_CHECKING:
    from roomidity.forecasting.backtest import Replay, Summary

__all__ = ["aside_line", "room_table", "score_table", "temperature_only", "uncounted"]

_REASONS: Final = 8
"""Different reasons that are listed; rooms of the same are named together."""


def uncounted(path: Path, houses: Mapping[str, Window], *, start: int, cadence: Cadence) -> dict[str, str]:
    """Why rooms will not be scored, said before the work begins.

    Raises
    ------
    InputError
        If none will.
    """
    found: dict[str, str] = {}
    rooms = 0
    for name, house in houses.items():
        rooms += len(house.rooms)
        scored = eligible(house, issue_slots(house, start=start), cadence=cadence)
        found |= {f"{name}/{room}": reason for room, reason in scored.reasons.items()}
    by_reason: dict[str, list[str]] = {}
    for room, reason in found.items():
        by_reason.setdefault(reason, []).append(room)
    lines = [f"{_few(named)}: {reason}" for reason, named in by_reason.items()]
    if len(lines) > _REASONS:
        lines[_REASONS:] = [f"and {len(lines) - _REASONS} reasons more"]
    if len(found) == rooms:
        raise InputError(
            "\n  ".join([f"{path}: no room has 12 forecasts that can be scored in its last quarter", *lines])
        )
    tell(f"not scored: {line}" for line in lines)
    return found


def _few(rooms: Sequence[str]) -> str:
    return ", ".join(rooms[:4]) + (f" and {len(rooms) - 4} more" if len(rooms) > 4 else "")


def temperature_only(replays: Mapping[str, Replay]) -> dict[str, Summary]:
    """Returns the scores for temperature of rooms without a hygrometer, which the standard scoring leaves out."""
    from roomidity.forecasting.backtest import summary_of  # noqa: PLC0415

    return {
        f"{house}/{room.rooms[0]}": summary_of([room], TEMPERATURE)
        for house, one in replays.items()
        for room in replace(one, counted=one.temperature_only).by_room()
    }


def score_table(quantity: str, summaries: Mapping[str, Summary], cadence: Cadence) -> Table:
    """The methods beside each other for one quantity."""
    first = next(iter(summaries.values()))
    title = f"{quantity}, {UNITS[quantity]}: {first.rooms} rooms, {first.origins} forecasts"
    if cadence != "15min":
        title += f"; NOT comparable with 15min: {cadence} readings, shares are of the slots in which one is expected"
    table = Table("", title=title, title_justify="left")
    for heading in ("MAE", "skill", "RMSE", *(f"at {hours} h" for hours in first.by_lead), "pinball", "in p10–p90"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, one in summaries.items():
        cells = [f"{one.mae:.4f}", f"{one.skill:+.3f}", f"{one.rmse:.3f}"]
        cells += [f"{error:.3f}" for error in one.by_lead.values()]
        probabilistic = [f"{one.pinball:.4f}", f"{one.coverage:.3f}"] if name == "roomidity" else ["–", "–"]
        table.add_row(name, *cells, *probabilistic)
    return table


def room_table(rooms: Mapping[str, Mapping[Quantity, Summary]]) -> Table:
    """Each room's figures."""
    table = Table("room", title="roomidity's mean error, room by room", title_justify="left")
    for quantity in QUANTITIES:
        for heading in (f"{quantity}, {UNITS[quantity]}", "skill", "in p10–p90"):
            table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("forecasts", justify="right", no_wrap=True)
    for name, found in rooms.items():
        cells = [
            cell for one in found.values() for cell in (f"{one.mae:.3f}", f"{one.skill:+.3f}", f"{one.coverage:.3f}")
        ]
        table.add_row(name, *cells, str(found["humidity"].origins))
    return table


def aside_line(room: str, one: Summary) -> str:
    """The figures of a room by temperature alone, in words."""
    return (
        f"{room} by temperature alone, not counted above: MAE {one.mae:.4f} °C, skill {one.skill:+.3f}, "
        f"{one.origins} forecasts"
    )
