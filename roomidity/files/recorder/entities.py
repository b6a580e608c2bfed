"""What a recorder's entities measure, and the series of readings that a map makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from roomidity.dialects.devices import sensor_of
from roomidity.dialects.heard import Heard
from roomidity.dialects.homeassistant import read as read_state
from roomidity.dialects.words import unit_signed
from roomidity.domain.quantities import Quantity
from roomidity.domain.units import Unit
from roomidity.files.hints import Hints
from roomidity.files.recorder.database import Recorder

__all__ = ["Entity", "Series", "entities_of", "series_of"]

_ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Entity:
    """An entity or statistic.

    Parameters
    ----------
    name
        Its ID, such as ``sensor.bath_temperature``.
    states_id, statistics_id
        Its number among the states and among the statistics, or None if it has none there.
    quantity
        The quantity by device class, else by name and unit. None if it is not that of room air.
    unit
        The unit of the statistics, else that of the newest state.
    room
        The room suggested by its name.
    states, hours
        Number of states and of hourly statistics.
    """

    name: str
    states_id: int | None
    statistics_id: int | None
    quantity: Quantity | None
    unit: Unit | None
    room: str | None = None
    states: int = 0
    hours: int = 0

    @property
    def rows(self) -> int:
        """The number of values."""
        return self.states + self.hours


@dataclass(frozen=True)
class Series:
    """An entity assigned by the map to house, room, sensor and quantity, with its unit if the map states one."""

    entity: Entity
    house: str
    room: str
    sensor: str
    quantity: Quantity
    unit: Unit | None


def _attribute(name: str) -> str:
    return f"CASE WHEN json_valid(a.shared_attrs) THEN CAST(json_extract(a.shared_attrs, '$.{name}') AS TEXT) END"


_STATES: Final = f"""
SELECT m.metadata_id, CAST(m.entity_id AS TEXT),
  {_attribute("device_class")}, {_attribute("unit_of_measurement")}, {_attribute("friendly_name")}
FROM states_meta m LEFT JOIN state_attributes a ON a.attributes_id = (
  SELECT s.attributes_id FROM states s WHERE s.metadata_id = m.metadata_id AND s.attributes_id IS NOT NULL
  ORDER BY s.last_updated_ts DESC LIMIT 1)
WHERE m.entity_id IS NOT NULL
"""  # noqa: S608  # names of our own
_STATISTICS: Final = (
    "SELECT id, CAST(statistic_id AS TEXT), CAST(unit_of_measurement AS TEXT) FROM statistics_meta "
    "WHERE statistic_id IS NOT NULL"
)
_COUNTS: Final = "SELECT metadata_id, COUNT(*) FROM {} WHERE metadata_id IS NOT NULL GROUP BY metadata_id"


def entities_of(recorder: Recorder) -> list[Entity]:
    """Returns all entities known to the recorder, ordered by name."""
    states = {name: (number, kind, unit, friendly) for number, name, kind, unit, friendly in recorder.select(_STATES)}
    statistics = {name: (number, unit) for number, name, unit in recorder.select(_STATISTICS)}
    counts = [dict(recorder.select(_COUNTS.format(table))) for table in ("states", "statistics")]
    found = []
    for name in sorted(states.keys() | statistics.keys()):
        states_id, kind, sign, friendly = states.get(name, (None, None, None, None))
        statistics_id, kept_sign = statistics.get(name, (None, None))
        attributes = {"device_class": kind, "unit_of_measurement": sign or kept_sign, "friendly_name": friendly}
        entity = _entity(name, {key: value for key, value in attributes.items() if value is not None})
        unit = unit_signed(kept_sign, entity.quantity or "temperature")
        found.append(
            replace(
                entity,
                states_id=states_id,
                statistics_id=statistics_id,
                unit=unit or entity.unit,
                states=counts[0].get(states_id, 0),
                hours=counts[1].get(statistics_id, 0),
            )
        )
    return found


def _entity(name: str, attributes: dict[str, Any]) -> Entity:
    """Returns the entity that the Home Assistant dialect reads from a state with these attributes."""
    state = {"entity_id": name, "state": "0", "attributes": attributes}
    measured = next(iter(read_state(Heard("", state, _ANY_TIME)) or ()), None)
    if measured is None or measured.quantity == "contact" or not name.startswith("sensor."):
        return Entity(name, None, None, None, None)
    quantity = measured.quantity or (None if measured.guess == "contact" else measured.guess)
    return Entity(name, None, None, quantity, measured.unit, measured.room)


def series_of(entities: Iterable[Entity], hints: Hints) -> tuple[list[Series], list[Entity]]:
    """Returns the series that the map makes, and the entities that measure something but are not mapped.

    A sensor has the name that the drain would give it if the entity's states came through a bridge, so that data from
    both paths coincides.
    """
    found: list[Series] = []
    left: list[Entity] = []
    for entity in entities:
        target = hints.entities.find(entity.name)
        if target is not None and target.ignore:
            continue
        quantity = None if target is None else target.quantity or entity.quantity or _by_unit(entity)
        if target is None or target.room is None or quantity is None:
            if target is not None or entity.quantity is not None:
                left.append(entity)
            continue
        house = target.house or hints.house or ""
        sensor = target.sensor or sensor_of(entity.name)
        found.append(Series(entity, house, target.room, sensor, quantity, target.units.get(quantity)))
    return found, left


def _by_unit(entity: Entity) -> Quantity | None:
    return "temperature" if entity.unit in ("c", "f", "k") else None
