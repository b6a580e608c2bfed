"""Names used by people and devices for the contents of files of readings, in English and German and in lower case."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from roomidity.domain.quantities import Quantity
from roomidity.domain.units import Unit

__all__ = [
    "ALONE",
    "DOMAINS",
    "FIELDS",
    "HUMIDITY",
    "JOINED",
    "NOT_OF_AIR",
    "ROLES",
    "TEMPERATURE",
    "TIMES",
    "UNITS_AFTER",
    "UNITS_ALONE",
]

_Role = Literal["house", "room", "name", "sensor", "entity", "field", "value", "unit", "tags", "time", "date"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TEMPERATURE: Final = _words("temperature temperatur temperaturen temperatures temp temps tmp tempc")
HUMIDITY: Final = _words(
    "humidity humidities hum humid humi rh rf relhum luftfeuchte luftfeuchtigkeit feuchte feuchtigkeit hygro moisture"
)

_ROLE_WORDS: Final[Mapping[_Role, str]] = MappingProxyType(
    {
        "house": "house haus home household building gebäude gebaeude house_id house_name home_id home_name",
        "room": "room raum zimmer room_name raumname room_id location standort place area bereich zone ort "
        "location_name area_name zone_name",
        "name": "name series datastream device device_name gerät geraet gerätename friendly_name label sensor_name "
        "node station device_label location_id",
        "sensor": "sensor sensor_id sensorid device_id deviceid mac mac_address address serial serial_number dev_eui",
        "entity": "entity_id entity statistic_id topic object_id metric_name channel_name",
        "field": "field quantity variable metric parameter measure kind property messgröße messgroesse attribute "
        "sensor_type device_class measurement type",
        "value": "value state wert messwert val mean reading numeric_value result_value zahlenwert",
        "unit": "unit units unit_of_measurement einheit uom",
        "tags": "tags",
        # In order of preference: the time of measurement, then of being noticed, then of being stored.
        "time": "ts timestamp datetime date_time datum_uhrzeit datum_zeit date_and_time zeitstempel zeitpunkt time "
        "zeit last_updated last_updated_ts last_changed last_changed_ts last_seen last_reported measured_at "
        "recorded_at recorded observed observed_at sampled_at start start_ts dateutc date_utc timestamp_utc time_utc "
        "utc epoch unix unixtime unix_time unix_timestamp epoch_ms timestamp_ms ts_ms time_ms timestamp_s local_time "
        "time_local created_at createdat created updated_at when at",
        "date": "date datum day tag",
    }
)
ROLES: Final[Mapping[str, tuple[_Role, int]]] = MappingProxyType(
    {word: (role, rank) for role, words in _ROLE_WORDS.items() for rank, word in enumerate(words.split())}
    | dict.fromkeys(("uhrzeit", "clock", "time_of_day", "hour", "stunde"), ("time", 90))
)
"""Role and rank of a column, by all words of its name joined with underscores."""

TIMES: Final = _words("time timestamp datetime date zeit zeitstempel datum uhrzeit")
"""Words at the start of a column name that indicate a time if there is no better column."""

DOMAINS: Final = _words(
    "sensor sensors state states data value values payload attributes fields reading readings measured gemessen "
    "measurement relative relativ rel air luft ambient umgebung current aktuell aktuelle ist mean avg average "
    "mittel mittelwert durchschnitt in degrees degree deg grad unit of the mqtt zigbee"
)
"""Words beside a quantity that do not name a room."""

ALONE: Final = _words(
    "room raum zimmer indoor inside innen device gerät main sensor sht sht3x sht31 dht dht22 bme bme280 am2302 htu21 "
    "si7021 climate klima"
)
"""Words that do not name a room unless other words stand beside them."""

NOT_OF_AIR: Final = _words(
    "dpt dew dewpoint tdewpoint taupunkt feels feel apparent gefühlt gefuehlt windchill chill heat hitze index target "
    "setpoint set soll solltemperatur desired battery batterie batt akku chip cpu board processor min max minimum "
    "maximum low high lowest highest std stdev stddev variance absolute abs absolut absolute soil boden leaf water "
    "wasser wet bulb forecast vorhersage trend delta diff difference alarm calibration kalibrierung count anzahl "
    "quality status "
    "pressure druck vpd wind rain regen solar uv illuminance lux co2 pm voc bodenfeuchte"
)
"""Words of columns that measure something other than the air of a room."""

JOINED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "tempf": ("temp", "f"),
        "tempinf": ("temp", "in", "f"),
        "tempinc": ("temp", "in", "c"),
        "indoortemp": ("indoor", "temp"),
        "intemp": ("in", "temp"),
        "outtemp": ("out", "temp"),
        "humidityin": ("humidity", "in"),
        "humidityout": ("humidity", "out"),
        "inhumidity": ("in", "humidity"),
        "outhumidity": ("out", "humidity"),
        "inhumi": ("in", "humi"),
        "outhumi": ("out", "humi"),
        "tempc": ("temp", "c"),
        "tempk": ("temp", "k"),
        "roomtemp": ("room", "temp"),
        "roomtemperature": ("room", "temperature"),
        "indoortemperature": ("indoor", "temperature"),
        "outdoortemperature": ("outdoor", "temperature"),
        "outdoortemp": ("outdoor", "temp"),
        "airtemperature": ("air", "temperature"),
        "relativehumidity": ("relative", "humidity"),
        "indoorhumidity": ("indoor", "humidity"),
        "outdoorhumidity": ("outdoor", "humidity"),
    }
)
"""Compounds written as one word."""

UNITS_AFTER: Final[Mapping[str, Unit]] = MappingProxyType({"rh": "percent", "rf": "percent", "percentage": "percent"})
UNITS_ALONE: Final = _words("degc degf celsius fahrenheit")
"""Words that are a unit even without a sign or brackets."""

FIELDS: Final[Mapping[str, Quantity]] = MappingProxyType(
    {"t": "temperature", "°c": "temperature", "°f": "temperature", "h": "humidity", "%": "humidity"}
)
"""Further names of quantities that are recognised in cells but not in column names."""
