"""The table ``observations``, which forecasts and dashboards read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from roomidity.aws.dynamodb import decoded_by
from roomidity.aws.store.attributes import number_text
from roomidity.aws.store.inserting import BatchInsert
from roomidity.aws.store.means import PAGE, SlotItem, slot_means
from roomidity.aws.store.parallel import in_parallel
from roomidity.aws.store.reading import FORMAT_VERSION, Reader, is_sound
from roomidity.aws.store.tables import ObservationItem, connection_of
from roomidity.aws.store.writing import Write, remove, save_many
from roomidity.domain.contacts import read_course
from roomidity.domain.damage import Damage, number_within, whole
from roomidity.domain.observations import Observation, Origin, RoomMeans, Statistics
from roomidity.domain.quantities import MEASURED_SPECS
from roomidity.domain.slots import SLOT, SlotKey, format_slot, parse_slot, to_epoch_ms

__all__ = ["ObservationTable"]

_PLAUSIBLE: Final[Mapping[str, tuple[float, float]]] = {spec.name: spec.plausible for spec in MEASURED_SPECS}


_UNNAMED: Final = "/"
"""Stands for a sensor without a name, since DynamoDB has no empty keys. No name has a slash."""


class ObservationTable:
    """Observations. They are never replaced by those of an older set or of older rules."""

    def __init__(
        self, item: type[ObservationItem], *, retention_days: int, damage: Damage, inserting: BatchInsert | None = None
    ) -> None:
        self._item = item
        self._reader = Reader(damage)
        self._retention_s = retention_days * 86_400
        self._inserting = inserting

    def origins(self, keys: Iterable[SlotKey]) -> dict[SlotKey, Origin]:
        """Returns what each stored observation was derived from, read consistently."""
        names = [(key.house, format_slot(key.start)) for key in keys]
        needed = ["house", "slot", "version", "rules", "digest", "v"]
        found = self._item.batch_get(names, consistent_read=True, attributes_to_get=needed)
        origins = {}
        for item in found:
            if item.is_newer:
                self._reader.note(item, str(item.flaw))
                origins[_key(item)] = Origin(0, sealed=True)
            elif (origin := self._reader.one(item, _origin)) is not None:
                origins[_key(item)] = origin
        return origins

    def put_many(self, observed: Mapping[SlotKey, tuple[Observation, Origin]]) -> set[SlotKey]:
        """Write observations, unless the stored one has a newer set or newer rules.

        A stored observation with a damaged origin is replaced, since its replacement is derived from the set.

        Returns
        -------
        set[SlotKey]
            The keys of the observations that were not written.
        """
        writes = [
            self._write(key, observation, origin, self._not_newer(origin))
            for key, (observation, origin) in observed.items()
        ]
        return self._save(observed, writes)

    def replace_many(self, observed: Mapping[SlotKey, tuple[Observation, Origin]]) -> set[SlotKey]:
        """Write only the flags of observations whose stored counterpart has exactly the same origin.

        Returns
        -------
        set[SlotKey]
            The keys that were not written, because the observation was derived again in the meantime, or is gone.
        """
        writes = [
            Write(
                self._item(house=key.house, slot=format_slot(key.start)),
                self._same(origin) & self._known_format,
                house=key.house,
                size_bytes=_size_bytes(observation),
                actions=_flags(observation),
            )
            for key, (observation, origin) in observed.items()
        ]
        return self._save(observed, writes)

    def _save(self, observed: Iterable[SlotKey], writes: Sequence[Write]) -> set[SlotKey]:
        written = save_many(writes, connection_of(self._item), inserting=self._inserting)
        return {key for key, done in zip(observed, written, strict=True) if not done}

    def _not_newer(self, origin: Origin) -> Condition:
        rules_not_newer: Condition = self._item.rules.does_not_exist() | (self._item.rules <= origin.rules)
        not_newer: Condition = self._item.house.does_not_exist()
        not_newer |= ~is_sound(self._item.version) | (self._item.rules.exists() & ~is_sound(self._item.rules))
        not_newer |= (self._item.version <= origin.version) & rules_not_newer
        not_newer &= self._known_format
        return not_newer

    @property
    def _known_format(self) -> Condition:
        known: Condition = self._item.v.does_not_exist() | (self._item.v <= FORMAT_VERSION)
        return known

    def _same(self, origin: Origin) -> Condition:
        same_rules = self._item.rules == origin.rules if origin.rules else self._item.rules.does_not_exist()
        same_digest = self._item.digest == origin.digest if origin.digest else self._item.digest.does_not_exist()
        same: Condition = (self._item.version == origin.version) & same_rules & same_digest
        return same

    def _write(self, key: SlotKey, observation: Observation, origin: Origin, condition: Condition) -> Write:
        item = self._item(
            house=key.house,
            slot=format_slot(key.start),
            rooms={
                room: {"M": {quantity: {"M": _to_wire(statistics)} for quantity, statistics in climate.items()}}
                for room, quantities in observation.items()
                if (climate := {name: one for name, one in quantities.items() if name != "contact"})
            },
            contacts={
                room: {"M": _to_wire(quantities["contact"])}
                for room, quantities in observation.items()
                if "contact" in quantities
            }
            or None,
            version=origin.version,
            rules=origin.rules or None,
            digest=origin.digest or None,
            expires_at=key.slot_ms // 1000 + self._retention_s,
        )
        again = origin.version > 1 or origin.rules > 0  # else nothing stands there, but for one in a great many
        size_bytes = _size_bytes(observation)
        return Write(item, condition, house=key.house, size_bytes=size_bytes, keep=again, is_new=not again)

    def between(self, house: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, Observation]]:
        """Yields each observed slot in [start, end) with its observation, in order of time."""
        return ((key.start, observation) for key, observation, _ in self.derived(house, start, end))

    def derived(self, house: str, start: datetime, end: datetime) -> Iterator[tuple[SlotKey, Observation, Origin]]:
        """Yields the same as :meth:`between`, with the origin of each observation."""
        return self._reader.each(self._query(house, start, end), _derived)

    def means(self, house: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, RoomMeans]]:
        """Yields the slots in [start, end) with robust means only.

        This takes a tenth of the work, and is all that a forecast needs.
        """
        items = iter(self._query(house, start, end))
        while True:
            with decoded_by(PAGE):
                item: ObservationItem | SlotItem | None = next(items, None)
            if item is None:
                return
            found = self._decoded(item) if isinstance(item, SlotItem) else self._reader.one(item, _slot_means)
            if found is not None:
                yield found

    def _decoded(self, item: SlotItem) -> tuple[datetime, RoomMeans] | None:
        try:
            return slot_means(item)
        except Exception:  # noqa: BLE001  # whatever an odd item raises must not cost the others
            stored = self._item(item.house.S, item.slot.S, rooms=msgspec.to_builtins(item.rooms.M))
            return self._reader.one(stored, _slot_means)  # which says what is wrong with it

    def newest_means(self, house: str, slots: Iterable[datetime]) -> Iterator[tuple[datetime, RoomMeans]]:
        """Yields the given slots with means and counts, read consistently so that recent writes are seen."""
        names = [(house, format_slot(slot)) for slot in slots]
        found = self._item.batch_get(names, consistent_read=True)
        return self._reader.each(found, _newest_slot_means)

    def rooms(self, house: str) -> set[str]:
        """Returns the rooms that were observed, including those that the house no longer has."""
        items = self._item.query(house, attributes_to_get=["house", "slot", "rooms", "contacts"])
        found = self._reader.each(items, lambda item: {*item.rooms, *(item.contacts or {})})
        return {room for rooms in found for room in rooms}

    def delete(self, keys: Iterable[SlotKey]) -> None:
        """Delete the observations of the given slots."""
        in_parallel(lambda key: remove(self._item(key.house, format_slot(key.start))), list(keys))

    def _query(self, house: str, start: datetime, end: datetime) -> Iterable[ObservationItem]:
        if end - SLOT < start:
            return ()
        return self._item.query(house, self._item.slot.between(format_slot(start), format_slot(end - SLOT)))


def _size_bytes(observation: Observation) -> int:
    return 200 * (len(observation) + 1)


def _flags(observation: Observation) -> list[Action]:
    """Returns the actions that set the flags of a stored observation and leave everything else unchanged."""
    actions: list[Action] = []
    for room, quantities in observation.items():
        for quantity, statistics in quantities.items():
            if quantity == "contact":
                continue  # which no rule calls faulty
            path = Path(["rooms", room, quantity, "fault"])
            actions.append(path.remove() if statistics.fault is None else path.set(statistics.fault))
    return actions


def _key(item: ObservationItem) -> SlotKey:
    return SlotKey(item.house, to_epoch_ms(parse_slot(item.slot)))


def _origin(item: ObservationItem) -> Origin:
    return Origin(whole(item.version), whole(item.rules or 0), str(item.digest or ""))


def _derived(item: ObservationItem) -> tuple[SlotKey, Observation, Origin]:
    observation = {
        room: {quantity: _from_wire(quantity, value["M"]) for quantity, value in quantities["M"].items()}
        for room, quantities in item.rooms.items()
    }
    for room, value in (item.contacts or {}).items():
        observation.setdefault(room, {})["contact"] = _from_wire("contact", value["M"])
    return _key(item), observation, _origin(item)


def _to_wire(statistics: Statistics) -> dict[str, dict[str, Any]]:
    wire: dict[str, dict[str, Any]] = {
        "mean": {"N": number_text(statistics.mean)},
        "min": {"N": number_text(statistics.min)},
        "max": {"N": number_text(statistics.max)},
        "count": {"N": str(statistics.count)},
    }
    if statistics.robust is not None:
        wire["robust"] = {"N": number_text(statistics.robust)}
    if statistics.fault is not None:
        wire["fault"] = {"S": statistics.fault}
    if statistics.changes is not None:
        wire["changes"] = {"M": {sensor or _UNNAMED: {"S": text} for sensor, text in statistics.changes.items()}}
    return wire


def _from_wire(quantity: str, wire: Mapping[str, Mapping[str, Any]]) -> Statistics:
    return Statistics(
        mean=_number(quantity, wire["mean"]["N"]),
        min=_number(quantity, wire["min"]["N"]),
        max=_number(quantity, wire["max"]["N"]),
        count=whole(float(wire["count"]["N"])),
        robust=_number(quantity, wire["robust"]["N"]) if "robust" in wire else None,
        fault=wire["fault"]["S"] if "fault" in wire else None,
        changes=_changes(wire["changes"]["M"]) if "changes" in wire else None,
    )


def _changes(wire: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    changes = {"" if sensor == _UNNAMED else sensor: text["S"] for sensor, text in wire.items()}
    for text in changes.values():
        read_course(text)
    return changes


def _slot_means(item: ObservationItem, *, counts: bool = False) -> tuple[datetime, RoomMeans]:
    return parse_slot(item.slot), {
        room: _of_room(quantities["M"], counts=counts) for room, quantities in item.rooms.items()
    }


def _newest_slot_means(item: ObservationItem) -> tuple[datetime, RoomMeans]:
    return _slot_means(item, counts=True)


def _of_room(
    quantities: Mapping[str, Mapping[str, Mapping[str, Mapping[str, str]]]], *, counts: bool
) -> dict[str, float]:
    means = {}
    for quantity, value in quantities.items():
        statistics = value["M"]
        means[quantity] = _number(quantity, statistics["mean"]["N"])
        if "robust" in statistics:
            means[f"{quantity}_mean"] = means[quantity]
            means[quantity] = _number(quantity, statistics["robust"]["N"])
        if counts:
            means[f"{quantity}_count"] = float(whole(float(statistics["count"]["N"])))
    return means


def _number(quantity: str, text: str) -> float:
    return number_within(float(text), _PLAUSIBLE[quantity])
