"""Exports everything stored of a house, as files that other programs can read and that can be sent again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Protocol

import polars as pl

from roomidity.domain.forecasts import QUANTILES
from roomidity.domain.houses import House
from roomidity.domain.names import OUTDOOR
from roomidity.domain.quantities import CONTACT, QUANTITIES, VALUE_DECIMALS
from roomidity.domain.rejects import concerns
from roomidity.domain.slots import format_moment, format_slot
from roomidity.domain.weather import house_place
from roomidity.pipeline.advice_words import plain_advice
from roomidity.pipeline.advising import KeptAdvice
from roomidity.pipeline.noticing import KeptNotices, plain_notice
from roomidity.pipeline.ports import Accuracy, Forecasts, Observations, Sets, Weather
from roomidity.readings import unpack_sets
from roomidity.readings.issue_table import issue_rows
from roomidity.readings.union import time_of, value_of

__all__ = ["ExportPorts", "export_house"]

_CONTACTS: Final = "contacts.ndjson"
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9000, 1, 1, tzinfo=UTC)


class Objects(Protocol):
    """A house's models: their records, and their bytes by version and name."""

    def records_of(self, house: str) -> Mapping[str, Any]:
        """Returns what is known of the house's models, as plain values."""

    def objects_of(self, house: str) -> Iterator[tuple[str, bytes]]:
        """Yields the house's objects, as (path below the house, bytes)."""


class ReadRejects(Protocol):
    """Read access to rejected readings."""

    def days(self) -> list[date]:
        """Returns the days that have rejects."""

    def keys(self, day: date) -> list[str]:
        """Returns the keys of a day's objects."""

    def read(self, key: str) -> Iterator[dict[str, Any]]:
        """Yields an object's rejects."""


@dataclass(frozen=True)
class ExportPorts:
    """The ports of an export."""

    sets: Sets
    observations: Observations
    forecasts: Forecasts
    accuracy: Accuracy
    weather: Weather
    models: Objects
    rejects: ReadRejects
    notices: KeptNotices
    advice: KeptAdvice
    now: datetime


def export_house(
    ports: ExportPorts, home: House, folder: Path, *, observed: Iterable[str]
) -> Iterator[tuple[str, int]]:
    """Write everything stored of a house into an existing folder. Yields what was written and how many, in parts.

    ``readings-<month>.parquet`` are tidy tables in the form that `roomidity send` accepts: house, room, sensor, ts
    (UTC), temperature (°C), humidity (%RH). ``contacts.ndjson`` holds the reports of window contacts, if
    there are any; `roomidity send` accepts it, too. ``observations.parquet`` has a row for each slot and quantity, and
    ``forecasts.parquet`` one for each forecast and quantity. ``weather.parquet`` has a row for each hour of the house's
    own issues, as `roomidity weather import` accepts them. ``accuracy.ndjson``, ``notices.ndjson``,
    ``advice.ndjson``, ``rejects.ndjson``, ``models.json`` and ``house.json`` hold what their names say, and ``models/``
    holds the models' bytes.

    Parameters
    ----------
    observed
        Names of rooms in the observations, which are exported in addition to those that the house knows.
    """
    rooms = sorted({*home.rooms, *home.aliases, *home.aliases.values(), *observed})
    yield from _readings(ports.sets, home.name, folder)
    yield "observations", _table(folder / "observations.parquet", _observations(ports.observations, home.name))
    for name, write in (("forecasts", _forecasts), ("accuracy", _accuracy)):
        yield name, write(ports, home.name, [room for room in rooms if room != OUTDOOR], folder)
    notices = ports.notices.newest(home.name, now=ports.now)
    told = (plain_notice(home, one, at=one.cleared_at or one.raised_at) for one in notices)
    yield "notices", _lines(folder / "notices.ndjson", told)
    issued = ports.advice.between(home.name, _FIRST, _LAST)
    advised = (
        {"issued_at": plain["issued_at"], "rooms": plain["rooms"]}
        for plain in (plain_advice(home, one, now=one.issued_at) for one in issued)
    )
    yield "advice", _lines(folder / "advice.ndjson", advised)
    issues = ports.weather.issues([house_place(home.name)], since=_FIRST, until=_LAST)
    issue_rows(issues).write_parquet(folder / "weather.parquet")
    yield "weather", len(issues)
    rejects = (
        reject
        for day in ports.rejects.days()
        for key in ports.rejects.keys(day)
        for reject in ports.rejects.read(key)
        if concerns(reject, home.name)
    )
    yield "rejects", _lines(folder / "rejects.ndjson", rejects)
    (folder / "models.json").write_text(_text(ports.models.records_of(home.name)), "utf-8")
    for path, content in ports.models.objects_of(home.name):
        target = folder / "models" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        yield "objects", 1
    (folder / "house.json").write_text(_text(_plain(home)), "utf-8")
    yield "houses", 1


def _readings(sets: Sets, house: str, folder: Path) -> Iterator[tuple[str, int]]:
    """Write the values of the sets, one file per month, so that memory use is bounded by a month's values.

    Yields the number of readings.
    """
    parts: dict[str, list[pl.DataFrame]] = {}
    (folder / _CONTACTS).unlink(missing_ok=True)
    for held in sets.between(house, _FIRST, _LAST):
        values = unpack_sets({key: one.packed for key, one in held.items()}).values
        contacts = _contacts(values)
        if contacts:
            with (folder / _CONTACTS).open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(one) + "\n" for one in contacts)
            yield "readings", len(contacts)
        for (name,), of_month in _tidy(values.filter(pl.col("quantity") != CONTACT)).group_by(
            pl.col("ts").dt.strftime("%Y-%m"), maintain_order=True
        ):
            month = str(name)
            for done in [one for one in parts if one != month]:
                _write(folder, done, parts.pop(done))
            parts.setdefault(month, []).append(of_month)
            yield "readings", len(of_month)
    for month, frames in parts.items():
        _write(folder, month, frames)


def _write(folder: Path, month: str, frames: list[pl.DataFrame]) -> None:
    pl.concat(frames).sort("ts", "room", "sensor").write_parquet(folder / f"readings-{month}.parquet")


def _tidy(values: pl.DataFrame) -> pl.DataFrame:
    """Returns one row for each time of a sensor, with its values in °C and %RH."""
    plain = values.select(
        "house",
        "room",
        "sensor",
        (pl.col("slot") + time_of("rank")).cast(pl.Datetime("ms", "UTC")).alias("ts"),
        "quantity",
        (value_of("rank") / 10**VALUE_DECIMALS).alias("value"),
    )
    columns = [
        pl.col("value").filter(pl.col("quantity") == code).first().alias(quantity)
        for code, quantity in enumerate(QUANTITIES)
    ]
    return plain.group_by("house", "room", "sensor", "ts", maintain_order=True).agg(columns)


def _contacts(values: pl.DataFrame) -> list[dict[str, Any]]:
    """Returns the reports of contacts as they are sent: a house without contacts exports what it always did."""
    at = (pl.col("slot") + time_of("rank")).cast(pl.Datetime("ms", "UTC")).dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
    state = pl.when(value_of("rank") > 0).then(pl.lit("open")).otherwise(pl.lit("closed"))
    found = values.filter(pl.col("quantity") == CONTACT).sort("slot", "rank", "room", "sensor")
    return found.select("house", "room", "sensor", at.alias("ts"), state.alias("contact")).to_dicts()


def _observations(observations: Observations, house: str) -> Iterator[dict[str, Any]]:
    for key, observation, _ in observations.derived(house, _FIRST, _LAST):
        for room, quantities in observation.items():
            for quantity, one in quantities.items():
                yield {
                    "house": house,
                    "room": room,
                    "slot": key.start,
                    "quantity": str(quantity),
                    "mean": one.mean,
                    "min": one.min,
                    "max": one.max,
                    "count": one.count,
                    "robust": one.robust,
                    "fault": one.fault,
                }


def _forecasts(ports: ExportPorts, house: str, rooms: Iterable[str], folder: Path) -> int:
    def rows() -> Iterator[dict[str, Any]]:
        for room in rooms:
            for one in ports.forecasts.between(house, room, _FIRST, _LAST):
                for quantity, quantiles in one.quantities.items():
                    yield {
                        "house": house,
                        "room": room,
                        "issued_at": one.issued_at,
                        "quantity": str(quantity),
                        **{name: [float(value) for value in quantiles[name]] for name in QUANTILES},
                        "grade": one.grade[quantity],
                        "data_through": one.data_through,
                        "model_version": one.model_version,
                        "notes": list(one.notes),
                    }

    return _table(folder / "forecasts.parquet", rows())


def _accuracy(ports: ExportPorts, house: str, rooms: Iterable[str], folder: Path) -> int:
    rows = (
        {"house": house, "room": room, "day": row.day.isoformat(), **row.plain()}
        for room in rooms
        for row in ports.accuracy.between(house, room, _FIRST.date(), _LAST.date())
    )
    return _lines(folder / "accuracy.ndjson", rows)


def _table(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    found = pl.DataFrame(list(rows), infer_schema_length=None)
    found.write_parquet(path)
    return len(found)


def _lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, default=_of_other_types) + "\n")
            count += 1
    return count


def _plain(home: House) -> dict[str, Any]:
    return {
        "house": home.name,
        "timezone": home.timezone,
        "rooms": {
            name: {
                "first_seen": format_moment(room.first_seen),
                "last_seen": format_moment(room.last_seen),
                "sensors": sorted(room.sensors),
            }
            for name, room in home.rooms.items()
        },
        "quarantine": [rule.plain() for rule in home.quarantine],
        "settings": dict(home.settings),
        "flaw": home.flaw,
    }


def _text(content: Any) -> str:
    return json.dumps(content, indent=1, default=_of_other_types) + "\n"


def _of_other_types(value: Any) -> Any:
    """Returns a table's numbers and times in the form that JSON has for them."""
    if isinstance(value, datetime):
        return format_slot(value)
    return float(value) if hasattr(value, "__float__") else str(value)
