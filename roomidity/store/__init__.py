"""The tables in DynamoDB, as pynamodb models, behind adapters that speak the domain's words."""

from __future__ import annotations

from roomidity.store.accuracy import AccuracyTable, DayAccuracy
from roomidity.store.attributes import Numbers, Plain
from roomidity.store.forecasts import QUANTILES, ForecastTable, StoredForecast, room_id
from roomidity.store.houses import HouseTable
from roomidity.store.models import ModelRecord, ModelTable, Pointer, Served, Standing
from roomidity.store.observations import ObservationTable, RoomMeans
from roomidity.store.sets import SetTable, StoredSet
from roomidity.store.tables import Tables, bind

__all__ = [
    "QUANTILES",
    "AccuracyTable",
    "DayAccuracy",
    "ForecastTable",
    "HouseTable",
    "ModelRecord",
    "ModelTable",
    "Numbers",
    "ObservationTable",
    "Plain",
    "Pointer",
    "RoomMeans",
    "Served",
    "SetTable",
    "Standing",
    "StoredForecast",
    "StoredSet",
    "Tables",
    "bind",
    "room_id",
]
