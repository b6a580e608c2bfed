"""Reads real homes for training a prior from a TOML file, and cuts them into pieces so that all homes weigh the same.

    [[home]]
    readings = "flat.parquet"          # any form that `roomidity send --help` lists
    outdoor = "flat_outdoor.parquet"   # optional: outdoor readings
    houses = ["flat"]                  # optional: some of the file's houses; default: all
    timezone = "Europe/Berlin"         # the home's time zone
    attribution = "A. Author, a journal or a repository"
    licence = "CC BY 4.0"
    doi = "10.5281/zenodo.1"           # optional, as is `changes`: what was done to the data

Paths are relative to the file's folder.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.errors import InputError
from roomidity.files import Hints, read_outdoor, read_slots
from roomidity.forecasting.tidy_windows import windows_of
from roomidity.forecasting.window import FloatArray, Window
from roomidity.settings import check_timezone

NEEDED = ("readings", "timezone", "attribution", "licence")
KNOWN = {*NEEDED, "outdoor", "houses", "doi", "changes"}
CHANGES = "slot means; only what a network learnt from them is in the file"

CHUNK_DAYS = 60
"""Length in days of the pieces into which long records are cut. Most short records are about as long."""

LEAST_DAYS = 10
"""Minimum days of readings in a piece, since the first week serves only as past."""

LONGEST_GAP = 12
"""Longest gap in slots (3 h) that is interpolated if readings are sparse."""


@dataclass(frozen=True)
class Home:
    """A home's pieces and the source of its data."""

    name: str
    chunks: tuple[Window, ...]
    source: Mapping[str, str] | str

    def chunk(self, copy: int, copies: int) -> Window:
        """Returns the piece for copy number ``copy`` of ``copies``, which are spread evenly over all pieces."""
        number = copy * len(self.chunks) // copies if len(self.chunks) > copies else copy % len(self.chunks)
        return self.chunks[number]


def read_homes(path: Path) -> list[Home]:
    """Returns the homes described in a TOML file.

    Raises
    ------
    RoomidityError
        If the file does not have the form described above, or a file that it names cannot be read.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("home")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}; expected a TOML file of [[home]] tables") from error
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{path}: found no [[home]] table; expected one for each file of readings")
    homes = [home for number, entry in enumerate(entries, 1) for home in _read(path, number, entry)]
    names = [home.name for home in homes]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{path}: the houses {', '.join(twice)} stand in more than one [[home]]; expected each once")
    return homes


def homes_of(
    readings: Path, outdoor: Path | None, timezone: str, hints: Hints, sources: Mapping[str, Mapping[str, str] | str]
) -> list[Home]:
    """Returns the houses in a file, on the slot grid. Whatever is left out is reported on standard error."""
    outside = read_outdoor(outdoor, hints) if outdoor else None
    slots = read_slots(readings, hints)
    for note in slots.notes:
        print(f"{readings}: {note}", file=sys.stderr)
    found = windows_of(slots.means, timezone=timezone, outdoor=outside)
    return [Home(name, chunks_of(bridged(house)), sources.get(name, "not stated")) for name, house in found.items()]


def _read(path: Path, number: int, entry: Mapping[str, Any]) -> list[Home]:
    where = f"{path}: [[home]] {number}"
    missing, odd = sorted(set(NEEDED) - set(entry)), sorted(set(entry) - KNOWN)
    if missing or odd:
        found = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(odd)}"
        raise InputError(f"{where} {found}; expected {', '.join(NEEDED)}, and perhaps outdoor, houses, doi, changes")
    check_timezone(entry["timezone"], where)
    files = [path.parent / entry[key] for key in ("readings", "outdoor") if key in entry]
    for file in files:
        if not file.is_file():
            raise InputError(
                f"{where}: there is no file {str(file)!r}; paths are relative to the folder of {path.name}"
            )
    kept = {key: str(entry[key]) for key in ("attribution", "doi", "licence") if key in entry}
    source = kept | {"changes": str(entry.get("changes", CHANGES))}
    outdoor = files[1] if len(files) > 1 else None
    homes = homes_of(files[0], outdoor, entry["timezone"], Hints(timezone=entry["timezone"]), {})
    wanted = entry.get("houses", [home.name for home in homes])
    unknown = sorted(set(wanted) - {home.name for home in homes})
    if unknown:
        raise InputError(f"{where}: {files[0].name} has no house {', '.join(unknown)}")
    return [replace(home, source=source) for home in homes if home.name in wanted]


def chunks_of(house: Window) -> tuple[Window, ...]:
    """Returns pieces of about CHUNK_DAYS days, except those with too few readings. A short house is one piece."""
    days = house.slots / SLOTS_A_DAY
    edges = np.linspace(house.first, house.last, max(1, round(days / CHUNK_DAYS)) + 1).round().astype(int)
    chunks = [house.between(begin, end) for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)]
    full = [chunk for chunk in chunks if np.isfinite(chunk.values).any(axis=(0, 1)).sum() >= LEAST_DAYS * SLOTS_A_DAY]
    return tuple(full or [house])


def bridged(house: Window) -> Window:
    """Returns the house with readings interpolated if they are sparser than slots. Only for training."""
    outdoor = None if house.outdoor is None else _bridged(house.outdoor[None])[0]
    return replace(house, values=_bridged(house.values), outdoor=outdoor)


def _bridged(values: FloatArray) -> FloatArray:
    filled = np.array(values)
    for row in filled.reshape(-1, filled.shape[-1]):
        known = np.flatnonzero(np.isfinite(row))
        if len(known) < 2 or np.median(np.diff(known)) <= 1:
            continue
        places = np.arange(known[0], known[-1])
        gap = np.repeat(np.diff(known), np.diff(known))
        line = np.interp(places, known, row[known])
        row[places] = np.where(gap <= LONGEST_GAP, line, row[places])
    return filled
