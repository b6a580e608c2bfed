"""The tables' keys and attributes, bound to one service and stage.

They are a contract, because dashboards query them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.models import Model

from roomidity.aws.store.attributes import Numbers, Plain, Texts, Wire
from roomidity.aws.store.means import SlotItem
from roomidity.aws.store.reading import Item

__all__ = [
    "FORECAST_FORMAT",
    "AccuracyItem",
    "AdviceItem",
    "ForecastItem",
    "HouseItem",
    "ModelItem",
    "MouldItem",
    "NoticeItem",
    "ObservationItem",
    "SetItem",
    "SettingItem",
    "Tables",
    "WeatherItem",
    "bind",
    "connection_of",
]


FORECAST_FORMAT: Final = 2
"""Format of forecast items: numbers at knots. Format 1 has all 96."""


class HouseItem(Item):
    """houses: a house, its time zone, the rooms seen in it, quarantine rules and settings.

    While a house is not yet real, ``trial`` holds the slots it was heard in, and ``expires_at`` when it expires. A
    forgotten house keeps only ``forgotten_at`` and ``expires_at``, under ``#`` and a hash of its name. ``deliveries``
    is present while readings arrive oddly, and says for which rooms and how. ``reread`` are slots that forecasts read
    again, with the version of the item that wrote it: a writer that does not know it leaves another version behind.
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
    reread = Plain(null=True)


class SetItem(Item):
    """readings: the packed set of a slot's values, read only to merge new values and to derive observations again.

    ``life`` is present if a house of this name was forgotten before. It is the time of that deletion, in ms since 1970.
    """

    house = UnicodeAttribute(hash_key=True)
    slot = UnicodeAttribute(range_key=True)
    packed = BinaryAttribute(legacy_encoding=False)
    version = NumberAttribute()
    life = NumberAttribute(null=True)
    expires_at = NumberAttribute()


class ObservationItem(Item):
    """observations: statistics of a slot by room and quantity, and what they were derived from.

    ``version`` is that of the set. ``rules`` is the number of the house's quarantine rules, or 0 if absent. ``digest``
    covers the contents of both, because a restored table gives the same numbers to other contents. ``contacts`` holds
    the statistics of window contacts by room, apart from ``rooms``, of which older versions know every quantity.
    """

    house = UnicodeAttribute(hash_key=True)
    slot = UnicodeAttribute(range_key=True)
    rooms = Wire()
    contacts = Wire(null=True)
    version = NumberAttribute()
    rules = NumberAttribute(null=True)
    digest = UnicodeAttribute(null=True)
    v = NumberAttribute(null=True)
    expires_at = NumberAttribute()

    @classmethod
    def from_raw_data(cls, data: Any) -> Any:
        """The item; one that was decoded as a struct stays one."""
        return data if isinstance(data, SlotItem) else super().from_raw_data(data)


class ForecastItem(Item):
    """forecasts: a room's next 24 h as issued, at ``knots``. Quantities that the room does not measure are absent.

    ``notes`` holds codes of known faults. It is absent if there are none, and in older items. ``weather`` says which
    forecast of the weather was used, or is NULL; ``weather_adds`` what that adds to the medians of humidity and
    temperature, as ``12,36,-6.2;0,96,1.1``: slots after the issue time at which it begins and is most, and how much it
    then is. ``open`` is present where a window was open when it was issued, as its contact said: for so many
    minutes. Items of format 1 hold all 96 slots and have none of these four.
    """

    newest_format: ClassVar[int] = FORECAST_FORMAT

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
    knots = UnicodeAttribute(null=True)
    weather = Plain(null=True)
    weather_adds = UnicodeAttribute(null=True)
    open_min = NumberAttribute(attr_name="open", null=True)  # a longer name would not fit into the write unit
    v = NumberAttribute()
    expires_at = NumberAttribute()

    def serialize(self, null_check: bool = True) -> dict[str, dict[str, Any]]:  # noqa: FBT001, FBT002  # pynamodb's
        """Returns DynamoDB's form. ``weather`` is always present, so that a dashboard finds it there, null or not."""
        wire: dict[str, dict[str, Any]] = super().serialize(null_check)
        return wire if self.knots is None else {"weather": {"NULL": True}, **wire}


class ModelItem(Item):
    """models: a manifest by version, and under other sort keys the pointer to the champion and the log of what served.

    A version has all attributes but the last five. The pointer (``champion``) and the log entries (``served#...``) have
    these five.
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
    """accuracy: the accuracy of the forecasts issued for a room on a day (UTC), as sums by lead hour.

    ``humidity`` and ``temperature`` hold lists of 24 numbers. ``six_hourly`` holds the same for some issue times only.
    ``rests_on`` identifies what was measured of which they were made; it is absent in older items.
    """

    room_id = UnicodeAttribute(hash_key=True)
    day = UnicodeAttribute(range_key=True)
    forecasts = NumberAttribute()
    complete = BooleanAttribute()
    humidity = Plain(null=True)
    temperature = Plain(null=True)
    six_hourly = Plain()
    rests_on = UnicodeAttribute(null=True)
    v = NumberAttribute()
    expires_at = NumberAttribute()


class MouldItem(Item):
    """accuracy, under `<house>#mould`: a house's mould index by day (UTC), and the state that the next day starts from.

    ``inputs`` identifies the versions of everything it was derived from, and ``settings`` the part that people set.
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
    """settings: the settings of a house by kind, each in an item of its own, so that the house's item stays small."""

    house = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True)
    content = Plain()
    version = NumberAttribute()
    expires_at = NumberAttribute(null=True)


class NoticeItem(Item):
    """notices: a notice by id (``<raised at>/<kind>/<room>``), and under ``watch`` what a house's notices go on from.

    ``version`` counts the writes of the latter alone.
    """

    house = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)
    content = Plain()
    version = NumberAttribute(null=True)
    v = NumberAttribute()
    expires_at = NumberAttribute(null=True)


class AdviceItem(Item):
    """advice: what the rooms of a house were advised at an issue time. What is absent of a room is unknown, or nothing.

    ``untold`` names the rooms whose change nobody took yet.
    """

    house = UnicodeAttribute(hash_key=True)
    issued_at = UnicodeAttribute(range_key=True)
    rooms = Plain()
    untold = Texts(null=True)
    v = NumberAttribute()
    expires_at = NumberAttribute()


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
    notices: type[NoticeItem]
    weather: type[WeatherItem]
    advice: type[AdviceItem]


def connection_of(item: type[Model]) -> Connection:
    """Returns the connection that a bound model calls through, which pynamodb's transactions have to be given."""
    return item._get_connection().connection  # noqa: SLF001  # there is no public way


def bind(prefix: str, client: Any) -> Tables:
    """Returns the models of the tables ``<prefix>-<table>``, which all call through one DynamoDB ``client``.

    By default pynamodb makes a client for each model, which adds some 50 ms per model to a cold start.
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
        notices=bound(NoticeItem, "notices"),
        weather=bound(WeatherItem, "weather"),
        advice=bound(AdviceItem, "advice"),
    )
