"""What the API answers, as models: they describe it (OpenAPI), and what is answered is checked by them.

Times are UTC text: a slot's start is ``2026-11-22T07:15Z``, any other time ``2026-11-22T07:14:55Z``. Humidity is in
%RH, temperature in °C. A quantity that a room does not measure is null.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "AccuracyAnswer",
    "AccuracyDay",
    "AccuracyScore",
    "Answer",
    "Forecast",
    "ForecastsAnswer",
    "HouseAnswer",
    "HouseRoom",
    "Model",
    "ModelsAnswer",
    "Newest",
    "Note",
    "Notice",
    "NoticesAnswer",
    "ObservationsAnswer",
    "Observed",
    "ObservedRoom",
    "OpenShares",
    "OpenWindow",
    "Problem",
    "Quantiles",
    "RoomForecast",
    "SeriesAnswer",
    "SeriesRow",
    "ServedEntry",
]

Slot = Annotated[str, Field(description="A slot's start in UTC", examples=["2026-11-22T07:15Z"])]
Moment = Annotated[str, Field(description="A time in UTC, to the second", examples=["2026-11-22T07:14:55Z"])]
Cursor = Annotated[
    str | None, Field(description="Where there is more: send it as `cursor`, and the rest of the query as it was")
]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Answer(_Shape):
    """What every answer begins with."""

    house: str
    timezone: Annotated[str, Field(description="The house's, by its IANA name", examples=["Europe/Brussels"])]
    now: Annotated[Moment, Field(description="The clock that the answer goes by; the ETag does not cover it")]
    replayed: Annotated[bool, Field(description="Whether these are replayed data, and `now` is the end of them")]


class HouseRoom(_Shape):
    """A room as it was seen."""

    room: str
    outdoor: Annotated[bool, Field(description="Whether it is the air outside, which is not forecast")]
    active: Annotated[bool, Field(description="Whether it is forecast: seen within seven days")]
    first_seen: Moment
    last_seen: Moment
    measured: Annotated[dict[str, Moment], Field(description="When each quantity was last measured")]


class HouseAnswer(Answer):
    """A house and its rooms."""

    rooms: list[HouseRoom]


class Quantiles(_Shape):
    """A quantity's forecast: a number for each of the slots."""

    p10: list[float]
    p50: list[float]
    p90: list[float]


class Note(_Shape):
    """What is known to be wrong with a room's sensors."""

    code: Annotated[str, Field(examples=["stuck"])]
    found: Annotated[str, Field(description="What was found, in words")]
    remedy: Annotated[str, Field(description="What to do about it, in words")]


class WeatherAhead(_Shape):
    """The forecast of the weather that a room's rests on."""

    issued_at: Moment
    age_h: Annotated[float, Field(description="How old it was in hours when the room's forecast was issued")]


class WeatherAdds(_Shape):
    """What the weather ahead adds most to the median of a forecast."""

    begins: Annotated[Slot, Field(description="When it has begun")]
    peaks: Annotated[Slot, Field(description="When it is most")]
    change: Annotated[float, Field(description="How much it then is, in the quantity's unit")]
    text: Annotated[
        str,
        Field(
            description="In words, in the house's language and by its clock",
            examples=["drier air from noon: -6 %RH by 15:00"],
        ),
    ]


class OpenWindow(_Shape):
    """A window that was open when a forecast was issued, as its contact said."""

    open_since: Moment
    text: Annotated[
        str,
        Field(
            description="In words, in the house's language and by its clock",
            examples=["forecast with the window open (since 07:10); when it will be closed is not known"],
        ),
    ]


class Forecast(_Shape):
    """A room's forecast as it was issued."""

    issued_at: Slot
    first_slot: Slot
    step_s: int
    grade: Annotated[
        dict[str, str],
        Field(description="By quantity, what it rests on: `full`, `prior`, `sparse` or `persistence`"),
    ]
    notes: list[Note]
    data_through: Annotated[Slot | None, Field(description="The newest slot with a reading that is believed")]
    model_version: str
    weather: Annotated[WeatherAhead | None, Field(description="None where no weather ahead was known")]
    weather_adds: Annotated[
        dict[str, WeatherAdds],
        Field(description="By quantity, what the weather ahead adds; without those to which it adds next to nothing"),
    ]
    window: Annotated[
        OpenWindow | None,
        Field(description="None where no contact said that one is open"),
    ]
    humidity: Quantiles | None
    temperature: Quantiles | None


class Newest(_Shape):
    """The newest mean of a quantity."""

    value: float
    slot: Slot
    measured_at: Annotated[Moment, Field(description="When the newest reading in it was taken")]


class RoomForecast(_Shape):
    """A room: what it measured last, its forecast, and what follows from both."""

    room: str
    outdoor: bool
    active: bool
    humidity: Annotated[Newest | None, Field(description="What was measured last")]
    temperature: Annotated[Newest | None, Field(description="What was measured last")]
    forecast: Annotated[Forecast | None, Field(description="None of the air outside, or where none was issued")]
    derived: Annotated[dict[str, Any], Field(description="What follows from these, such as the dew point")]


class ForecastsAnswer(Answer):
    """The forecasts of a house's rooms."""

    rooms: list[RoomForecast]


class Observed(_Shape):
    """A quantity slot by slot; null where nothing was measured. The last three only with `statistics=true`."""

    value: Annotated[list[float | None], Field(description="The mean of the readings that agree")]
    min: list[float | None] | None
    max: list[float | None] | None
    count: list[int] | None


class OpenShares(_Shape):
    """How long windows were open, slot by slot, as their contacts said."""

    value: Annotated[
        list[float | None],
        Field(description="Fraction of the known time in which one was open or more; null where that is not known"),
    ]


class ObservedRoom(_Shape):
    """What a room measured."""

    room: str
    humidity: Observed | None
    temperature: Observed | None
    contact: Annotated[
        OpenShares | None,
        Field(description="None where no contact told of the room lately. A state holds for 12 hours at most"),
    ]


class ObservationsAnswer(Answer):
    """What was observed, slot by slot, from `first_slot` on."""

    first_slot: Slot
    step_s: int
    slots: Annotated[int, Field(description="How many slots there are in this answer")]
    rooms: list[ObservedRoom]
    cursor: Cursor


class AccuracyScore(_Shape):
    """How good a day's forecasts of a quantity were; null where nothing was measured."""

    slots: Annotated[int, Field(description="How many forecast slots were measured")]
    mae: Annotated[float | None, Field(description="Mean absolute error of the median")]
    rmse: float | None
    persistence_mae: Annotated[float | None, Field(description="The same of the last value before the forecast")]
    coverage: Annotated[float | None, Field(description="Share of the slots within p10 to p90; 0.8 is right")]
    mae_by_lead_hour: list[float | None]
    persistence_mae_by_lead_hour: list[float | None]


class AccuracyDay(_Shape):
    """How good the forecasts were that were issued for a room on a day (UTC)."""

    room: str
    day: Annotated[str, Field(examples=["2026-11-22"])]
    complete: Annotated[bool, Field(description="Whether the 24 h of all of them are over")]
    forecasts: Annotated[int, Field(description="How many were issued")]
    humidity: AccuracyScore | None
    temperature: AccuracyScore | None


class AccuracyAnswer(Answer):
    """Accuracy by room and day, in order of day."""

    days: list[AccuracyDay]
    cursor: Cursor


class Model(_Shape):
    """A model of the house's own."""

    version: str
    standing: Annotated[str, Field(description="`champion`, `candidate`, `retired` or `refused`")]
    trained_from: str | None
    trained_through: str | None


class ServedEntry(_Shape):
    """From when on a model served, and why; a null version is the prior shipped with roomidity."""

    version: str | None
    since: Moment
    why: str


class ModelsAnswer(Answer):
    """What serves, what served, and which models there are."""

    champion: Annotated[str | None, Field(description="What serves; null is the prior shipped with roomidity")]
    since: Moment | None
    served: Annotated[list[ServedEntry], Field(description="Newest first, at most 100")]
    models: Annotated[list[Model], Field(description="Newest first, at most 100")]


class Notice(_Shape):
    """Something to tell of a room, or of the house."""

    id: Annotated[
        str, Field(description="The same for as long as it is open", examples=["2026-11-22T07:00Z/humid/bath"])
    ]
    kind: Annotated[str, Field(description="`humid`, `mould`, `silent` or `stuck`")]
    room: Annotated[str | None, Field(description="Null is the whole house")]
    text: Annotated[str, Field(description="In words, in the house's language and by its clock")]
    likely: Annotated[float, Field(description="How likely, 0 to 1")]
    start: Annotated[Slot, Field(description="From when on it is so")]
    end: Annotated[Slot | None, Field(description="Until when; null where no end is seen")]
    raised_at: Slot
    cleared_at: Slot | None
    muted: Annotated[bool, Field(description="Whether it was over the house's number a day, and nobody was sent it")]


class NoticesAnswer(Answer):
    """The notices of a house."""

    open: Annotated[list[Notice], Field(description="The most urgent first")]
    cleared: Annotated[list[Notice], Field(description="Newest first")]


class SeriesRow(_Shape):
    """A room's quantity at a time: what was forecast, and what was measured."""

    time: Slot
    room: str
    quantity: str
    p10: float | None
    p50: float | None
    p90: float | None
    actual: float | None


class SeriesAnswer(Answer):
    """Flat rows, in order of time, room and quantity: what a chart of Grafana takes."""

    rows: list[SeriesRow]
    cursor: Cursor


class Problem(BaseModel):
    """A problem, by RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
