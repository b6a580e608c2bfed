"""The tables' keys and attributes (a contract: dashboards query them), bound to one service and stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.models import Model

from roomidity.aws.store.attributes import Numbers, Plain, Texts, Wire
from roomidity.aws.store.reading import Item

__all__ = [
    "AccuracyItem",
    "ForecastItem",
    "HouseItem",
    "ModelItem",
    "MouldItem",
    "ObservationItem",
    "SetItem",
    "SettingItem",
    "Tables",
    "WeatherItem",
    "bind",
    "connection_of",
]


class HouseItem(Item):
    """houses: a house, its time zone, rooms as seen, quarantine rules and settings.

    ``trial`` and ``expires_at`` are there until it is real: the slots it was heard in, and when it goes. So is
    ``expires_at`` of one that was forgotten, of which ``forgotten_at`` is left, under ``#`` and a hash of the name.
    ``deliveries`` are there while readings come in oddly: of which rooms, and how.
    """

    house = UnicodeAttribute(hash_key=True)
    timezone = UnicodeAttribute()
    last_seen = UnicodeAttribute(null=True)
    rooms = Plain()
    quarantine = Plain()
    settings = Plain()
    version = NumberAttribute()
    admitted_at = UnicodeAttribute(null=True)
    trial = Plain(null=True)
    deliveries = Plain(null=True)
    expires_at = NumberAttribute(null=True)
    forgotten_at = UnicodeAttribute(null=True)


class SetItem(Item):
    """readings: the packed set of a slot's values, read only to merge and to derive anew.

    ``life`` is there where a house of this name was forgotten before: that deletion's time, in ms since 1970.
    """

    house = UnicodeAttribute(hash_key=True)
    slot = UnicodeAttribute(range_key=True)
    packed = BinaryAttribute(legacy_encoding=False)
    version = NumberAttribute()
    life = NumberAttribute(null=True)
    expires_at = NumberAttribute()


class ObservationItem(Item):
    """observations: statistics of a slot by room and quantity, and what they were derived from.

    ``version`` is that of the set, ``rules`` the number of the house's quarantine rules; absent, it is 0. ``digest``
    is of both: a restored table gives its numbers again, to other contents.
    """

    house = UnicodeAttribute(hash_key=True)
    slot = UnicodeAttribute(range_key=True)
    rooms = Wire()
    version = NumberAttribute()
    rules = NumberAttribute(null=True)
    digest = UnicodeAttribute(null=True)
    v = NumberAttribute(null=True)
    expires_at = NumberAttribute()


class ForecastItem(Item):
    """forecasts: a room's next 96 slots as issued; a quantity that the room does not measure is absent.

    ``notes`` are codes of what is known to be wrong; absent, as in items of before, it is nothing.
    """

    room_id = UnicodeAttribute(hash_key=True)
    issued_at = UnicodeAttribute(range_key=True)
    first_slot = UnicodeAttribute()
    step_s = NumberAttribute()
    humidity_p10 = Numbers(null=True)
    humidity_p50 = Numbers(null=True)
    humidity_p90 = Numbers(null=True)
    temperature_p10 = Numbers(null=True)
    temperature_p50 = Numbers(null=True)
    temperature_p90 = Numbers(null=True)
    grade = Plain()
    notes = Texts(null=True)
    data_through = UnicodeAttribute(null=True)
    model_version = UnicodeAttribute()
    v = NumberAttribute()
    expires_at = NumberAttribute()


class ModelItem(Item):
    """models: a manifest by version, and under other sort keys the pointer to the champion and the log of who served.

    A version has all but the last five, which the pointer (``champion``) and the log's entries (``served#...``) have.
    """

    house = UnicodeAttribute(hash_key=True)
    version = UnicodeAttribute(range_key=True)
    manifest = Plain(null=True)
    decision = Plain(null=True)
    state_sha256 = UnicodeAttribute(null=True)
    state_through = NumberAttribute(null=True)
    former_state = UnicodeAttribute(null=True)
    pruned_at = UnicodeAttribute(null=True)
    expires_at = NumberAttribute(null=True)
    points_to = UnicodeAttribute(null=True)
    previous = UnicodeAttribute(null=True)
    since = UnicodeAttribute(null=True)
    counter = NumberAttribute(null=True)
    why = UnicodeAttribute(null=True)


class AccuracyItem(Item):
    """accuracy: how good the forecasts were that were issued for a room on a day (UTC): sums by lead hour.

    ``humidity`` and ``temperature`` hold lists of 24 numbers; ``six_hourly`` holds the same of some issue times alone.
    """

    room_id = UnicodeAttribute(hash_key=True)
    day = UnicodeAttribute(range_key=True)
    forecasts = NumberAttribute()
    complete = BooleanAttribute()
    humidity = Plain(null=True)
    temperature = Plain(null=True)
    six_hourly = Plain()
    v = NumberAttribute()
    expires_at = NumberAttribute()


class MouldItem(Item):
    """accuracy, under `<house>#mould`: a house's mould index by day (UTC), and what the next day goes on from.

    ``inputs`` stands for the versions of all that it follows from, ``settings`` for what persons set of it.
    """

    room_id = UnicodeAttribute(hash_key=True)
    day = UnicodeAttribute(range_key=True)
    inputs = UnicodeAttribute()
    settings = UnicodeAttribute()
    outdoor = Plain()
    rooms = Plain()
    v = NumberAttribute()
    expires_at = NumberAttribute()


class SettingItem(Item):
    """settings: what is set of a house by kind, each an item of its own, so that the house's stays small."""

    house = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True)
    content = Plain()
    version = NumberAttribute()
    expires_at = NumberAttribute(null=True)


class WeatherItem(Item):
    """weather: a forecast of the air outside as it was issued, by place and by when it became known here.

    ``place`` is `place:<lat>,<lon>` of a provider's, `house:<name>` of a house's own. Under `calls` stands how often a
    provider was asked on a day, of which ``known_from`` is the date, and ``calls`` the number.
    """

    place = UnicodeAttribute(hash_key=True)
    known_from = UnicodeAttribute(range_key=True)
    issued_at = UnicodeAttribute(null=True)
    first_slot = UnicodeAttribute(null=True)
    step_s = NumberAttribute(null=True)
    temperature = Numbers(null=True)
    humidity = Numbers(null=True)
    calls = NumberAttribute(null=True)
    v = NumberAttribute()
    expires_at = NumberAttribute()


ItemType = TypeVar("ItemType", bound=Item)


@dataclass(frozen=True)
class Tables:
    """The models, each bound to its table."""

    houses: type[HouseItem]
    readings: type[SetItem]
    observations: type[ObservationItem]
    forecasts: type[ForecastItem]
    models: type[ModelItem]
    accuracy: type[AccuracyItem]
    mould: type[MouldItem]
    settings: type[SettingItem]
    weather: type[WeatherItem]


def connection_of(item: type[Model]) -> Connection:
    """The connection that a bound model calls through; pynamodb's transactions want it named."""
    return item._get_connection().connection  # noqa: SLF001  # there is no public way


def bind(prefix: str, client: Any) -> Tables:
    """The models of the tables ``<prefix>-<table>``, all calling through one DynamoDB ``client``.

    Left alone, pynamodb makes a client a model, each of which costs a cold start some 50 ms.
    """

    def bound(item: type[ItemType], table: str) -> type[ItemType]:
        meta = type("Meta", (), {"table_name": f"{prefix}-{table}", "region": client.meta.region_name})
        model: type[ItemType] = type(item.__name__, (item,), {"Meta": meta, "__module__": __name__})
        connection_of(model)._client = client  # noqa: SLF001  # pynamodb has no way to pass one in
        return model

    return Tables(
        houses=bound(HouseItem, "houses"),
        readings=bound(SetItem, "readings"),
        observations=bound(ObservationItem, "observations"),
        forecasts=bound(ForecastItem, "forecasts"),
        models=bound(ModelItem, "models"),
        accuracy=bound(AccuracyItem, "accuracy"),
        mould=bound(MouldItem, "accuracy"),
        settings=bound(SettingItem, "settings"),
        weather=bound(WeatherItem, "weather"),
    )
