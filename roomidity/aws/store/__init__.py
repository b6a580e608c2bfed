"""The DynamoDB tables as pynamodb models, behind adapters that return domain values."""

from __future__ import annotations

from roomidity.aws.registry.records import ModelTable
from roomidity.aws.store.accuracy import AccuracyTable
from roomidity.aws.store.advice import AdviceTable
from roomidity.aws.store.attributes import Numbers, Plain
from roomidity.aws.store.forecasts import ForecastTable
from roomidity.aws.store.houses import HouseTable
from roomidity.aws.store.inserting import BatchInsert
from roomidity.aws.store.mould import MouldTable
from roomidity.aws.store.notices import NoticeTable
from roomidity.aws.store.observations import ObservationTable
from roomidity.aws.store.sets import SetTable
from roomidity.aws.store.settings import SettingTable
from roomidity.aws.store.tables import Tables, bind
from roomidity.aws.store.weather import WeatherTable
from roomidity.domain.forecasts import QUANTILES, StoredForecast, room_id
from roomidity.domain.models import ModelRecord, Pointer, Served, Standing
from roomidity.domain.observations import RoomMeans, StoredSet
from roomidity.domain.setting import Setting
from roomidity.forecasting.evaluation.accuracy import DayAccuracy

__all__ = [
    "QUANTILES",
    "AccuracyTable",
    "AdviceTable",
    "BatchInsert",
    "DayAccuracy",
    "ForecastTable",
    "HouseTable",
    "ModelRecord",
    "ModelTable",
    "MouldTable",
    "NoticeTable",
    "Numbers",
    "ObservationTable",
    "Plain",
    "Pointer",
    "RoomMeans",
    "Served",
    "SetTable",
    "Setting",
    "SettingTable",
    "Standing",
    "StoredForecast",
    "StoredSet",
    "Tables",
    "WeatherTable",
    "bind",
    "room_id",
]
