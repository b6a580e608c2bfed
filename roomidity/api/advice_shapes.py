"""The shape of the answer that says when to air and to dehumidify."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from roomidity.api.shapes import Answer, Moment, Slot

__all__ = [
    "AdviceAnswer",
    "AdvisedRoom",
    "Aired",
    "Airing",
    "Cellar",
    "DayPlan",
    "Dehumidifier",
    "Run",
    "Window",
    "WithheldAiring",
]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Airing(_Shape):
    """A planned airing. Changes are in %RH, below 0 drier; of what leaves at once a fifth is left after an hour."""

    at: Slot
    minutes: float
    at_once: float | None
    after_1h: float | None
    heat_kwh: Annotated[float | None, Field(description="To warm the air that comes in")]
    text: str


class WithheldAiring(_Shape):
    """A planned airing that is not to take place while what is measured forbids it; `lines` says so in words."""

    at: Slot
    reason: Annotated[str, Field(description="`room_cold`, `inside_unknown`, `outside_cold` or `outside_hot`")]


class DayPlan(_Shape):
    """The airings of the day, or why there are none."""

    made_at: Slot
    not_today: Annotated[
        str | None,
        Field(
            description="`dry_all_day`, `outside_wetter`, `too_cold`, `no_time`, `no_forecast` or `no_weather`; null "
            "where there are airings, also if all are withheld"
        ),
    ]
    humid_hours: Annotated[
        float | None, Field(description="Hours in which the coldest surface is expected to be humid without airing")
    ]
    missing: Annotated[list[str], Field(description="What it had to do without, such as `sparse` or `no_weather`")]
    lines: Annotated[list[str], Field(description="In words: a line for each airing ahead, or why there is none")]
    airings: list[Airing]
    withheld: Annotated[
        list[WithheldAiring],
        Field(description="Those ahead that what is measured forbids, and that are not among `airings`"),
    ]


class Window(_Shape):
    """What the room's window contacts say."""

    open: bool
    since: Annotated[Moment | None, Field(description="Since when it is open, or closed after it was open")]


class Aired(_Shape):
    """An airing that a window contact saw, and what it brought. Changes are in %RH, below 0 drier."""

    start: Moment
    end: Moment
    planned_at: Annotated[Slot | None, Field(description="The planned airing that it followed")]
    at_once: float | None
    after_1h: Annotated[float | None, Field(description="Null where the window was opened again within the hour")]
    expected_at_once: float | None
    expected_after_1h: float | None
    disturbed: Annotated[bool, Field(description="Whether the window was opened again within the hour")]
    text: str


class Cellar(_Shape):
    """Whether venting dries a cellar now."""

    outside: Annotated[str, Field(description="`drier`, `wetter` or `unknown`")]
    until: Annotated[Moment | None, Field(description="When that changes; null where no change is seen")]
    text: str


class Run(_Shape):
    """Hours in which a dehumidifier is expected to run."""

    start: Slot
    end: Slot


class Dehumidifier(_Shape):
    """When a dehumidifier should run. Not known is when there is no forecast; then what is measured decides."""

    on: Annotated[bool, Field(description="Whether it should run now; never while the room is aired")]
    runs: Annotated[list[Run], Field(description="In the next 24 hours")]
    kwh: float | None
    eur: float | None
    text: str


class AdvisedRoom(_Shape):
    """What a room is advised."""

    room: str
    kind: Annotated[str, Field(description="`room`, `bathroom`, `kitchen` or `cellar`, as it was set")]
    action: Annotated[
        str, Field(description="`open`, `close`, or `no_effect`: drying is wanted, and the air outside would not dry")
    ]
    reason: Annotated[str, Field(description="Why, as a code such as `humid_surface`, `resting` or `room_cold`")]
    text: Annotated[str, Field(description="The same in words, in the house's language and by its clock")]
    until: Annotated[
        Moment | None,
        Field(description="Of `open`: when to close at the latest, also where nothing is heard any more"),
    ]
    surface_humidity: Annotated[float | None, Field(description="%RH at the coldest surface")]
    gap_g_kg: Annotated[float | None, Field(description="Water in the room's air beyond that outside, in g/kg")]
    plan: DayPlan
    window: Annotated[Window | None, Field(description="Where a contact told of it in the last 12 hours")]
    aired: Annotated[list[Aired], Field(description="Airings of the last 24 hours, as contacts saw them")]
    cellar: Annotated[Cellar | None, Field(description="Of cellars alone")]
    dehumidifier: Annotated[Dehumidifier | None, Field(description="Where the room has one")]


class AdviceAnswer(Answer):
    """The advice of a house. Nothing in it was made longer than an hour and a half ago."""

    issued_at: Annotated[Slot | None, Field(description="Null where there is none")]
    note: Annotated[str | None, Field(description="In words why there is none")]
    rooms: list[AdvisedRoom]
    effect: Annotated[str, Field(description="In words what a single airing cannot do")]
    limits: Annotated[str, Field(description="In words what advice does not know, to be shown beside it")]
