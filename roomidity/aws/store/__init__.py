"""The DynamoDB tables as pynamodb models, behind adapters that return domain values.

What is imported here is part of the cold start of every function. Adapters of tables that only some functions need, and
that know much of the domain, are imported from their own modules.
"""

from __future__ import annotations

from roomidity.aws.store.forecasts import ForecastTable
from roomidity.aws.store.houses import HouseTable
from roomidity.aws.store.inserting import BatchInsert
from roomidity.aws.store.notices import NoticeTable
from roomidity.aws.store.observations import ObservationTable
from roomidity.aws.store.sets import SetTable
from roomidity.aws.store.settings import SettingTable
from roomidity.aws.store.tables import Tables, bind
from roomidity.aws.store.weather import WeatherTable

__all__ = [
    "BatchInsert",
    "ForecastTable",
    "HouseTable",
    "NoticeTable",
    "ObservationTable",
    "SetTable",
    "SettingTable",
    "Tables",
    "WeatherTable",
    "bind",
]
