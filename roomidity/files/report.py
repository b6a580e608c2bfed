"""Says what is wrong with a file and how to correct it, in a few lines however long the file is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from roomidity.domain.units import UNITS, Units
from roomidity.files.checking import EXAMPLES, FileReadings

__all__ = ["problems", "remedies"]

_SHOWN_ROOMS: Final = 3
_LONGEST: Final = 240
"""Maximum length of a line in characters."""

_MEANING: Final[Mapping[str, str]] = {
    "malformed": "broken",
    "bad_name": "without a good name",
    "bad_time": "without a time that is known",
    "bad_value": "with a value that is no number",
    "no_value": "without a value",
    "unit": "in another unit than °C and %RH",
    "implausible": "outside -60 to 85 °C or 0 to 100 %RH",
    "too_long": "too long",
    "unmapped": "of which no room or quantity is known",
}

_UNIT_NAMES: Final[Mapping[str, str]] = {
    "f": "°F",
    "k": "kelvin",
    "share": "shares of one",
    "tenths": "tenths",
    "hundredths": "hundredths",
    "thousandths": "thousandths",
}


def problems(found: FileReadings) -> list[str]:
    """Returns a line for each reason with its count and first examples, followed by the notes on the file."""
    lines = []
    for reason, count in sorted(found.rejected.items(), key=lambda item: -item[1]):
        examples = found.examples.get(reason, ())[: 1 if count > EXAMPLES else EXAMPLES]
        first = "; ".join(f"{found.counted} {one.line:,}: {one.why}" for one in examples if reason != "no_value")
        said = f"{reason}: {count:,} {found.counted}{'' if count == 1 else 's'} {_MEANING.get(reason, '')}"
        lines.append(_cut(f"{said}{', the first' if first and count > EXAMPLES else ''}{': ' * bool(first)}{first}"))
    if found.superseded:
        lines.append(f"{found.superseded:,} means of hours or 5 minutes, for which states or finer means are taken")
    return lines + [_cut(note) for note in found.notes[:4]]


def _cut(line: str) -> str:
    line = " ".join(line.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def remedies(found: FileReadings) -> list[str]:
    """Returns what a person can do about the problems, one line each."""
    lines = []
    examples = found.examples.get("bad_time", ())
    if any("no offset" in one.why for one in examples):
        lines.append("say of which zone the times are: --timezone Europe/Berlin, for example, or --timezone UTC")
    elif any("no time that can be read" in one.why for one in examples):
        lines.append(
            "write times as 2026-11-26T09:00:00+01:00, or as epochs; for 11/10/2026 say --day-first or --month-first"
        )
    if found.units:
        lines += _unit_remedies(found.units, is_all="unit" in found.rejected and found.readings.is_empty())
    if "malformed" in found.rejected:
        lines.append("look at the lines named; export the file again if it was cut")
    if "bad_name" in found.rejected:
        lines.append("names have 1 to 64 characters, none of / # $ +; --house and --room name what the file does not")
    return lines


def _unit_remedies(units: Mapping[tuple[str, str], Units], *, is_all: bool) -> list[str]:
    flat = {(room, unit) for (_, room), of in units.items() for unit in of.values()}
    kinds = [unit for unit in UNITS if unit in {one for _, one in flat}]
    lines = []
    for unit in kinds:
        rooms = sorted(room for room, one in flat if one == unit)
        if is_all and len(kinds) == 1:
            options = f"--unit {unit}"
        else:
            options = " ".join(f"--unit {_quoted(f'{room}={unit}')}" for room in rooms[:_SHOWN_ROOMS])
            options += " …" if len(rooms) > _SHOWN_ROOMS else ""
        shown = ", ".join(rooms[:_SHOWN_ROOMS]) + (" …" if len(rooms) > _SHOWN_ROOMS else "")
        lines.append(f"{shown} can only be in {_UNIT_NAMES[unit]}: give {options}")
    lines.append("(where it is °C or %RH after all, say so: --unit c, --unit percent)")
    return lines


def _quoted(text: str) -> str:
    return f"'{text}'" if any(not (one.isalnum() or one in "=_-.") for one in text) else text
