"""Kinds of houses: rooms, fabric, people and climate, either given or drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

__all__ = ["DEMO_KIND", "ClimateKind", "HouseKind", "RoomKind", "Use", "random_kind"]


class Use(StrEnum):
    """What a room is used for, which decides where moisture and heat arise."""

    HALL = "hall"
    LIVING = "living"
    KITCHEN = "kitchen"
    BATHROOM = "bathroom"
    BEDROOM = "bedroom"
    OFFICE = "office"
    LAUNDRY = "laundry"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomKind:
    """A room, which exchanges air with the hall and the outdoors."""

    name: str
    use: Use
    volume_m3: float
    facing_deg: float = 180.0
    """Orientation of its window in degrees clockwise from north."""
    window_m2: float = 2.0
    setpoint_c: float = 20.0
    """Thermostat setpoint by day in °C."""
    door_m3_h: float = 90.0
    """Air exchanged with the hall while the door is open, in m³/h."""
    sensors: int = 1
    """Number of sensors. With 0 the room is not measured: it takes part in the physics but gives no readings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClimateKind:
    """The outdoor air, as an annual course and the weather on top of it."""

    latitude_deg: float = 50.5
    longitude_deg: float = 4.0
    mean_c: float = 11.0
    annual_k: float = 7.0
    """Half the difference between the warmest and the coldest time of the year, in K."""
    synoptic_k: float = 3.2
    """Standard deviation of the contribution of weather lasting several days, in K."""
    synoptic_days: float = 3.0
    """Time constant of that weather in days."""
    sun_k_per_kw_m2: float = 30.0
    """Rise of the air temperature that the sun would eventually cause, in K per kW/m². It sets the daily amplitude."""
    dryness_k: float = 2.6
    """Typical distance of the dew point below the daily mean temperature, in K."""
    dryness_spread_k: float = 2.6
    cloudiness: float = 0.62
    wind_m_s: float = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseKind:
    """Everything about a house that a seed does not decide. The first room, and no other, is the hall."""

    rooms: tuple[RoomKind, ...]
    climate: ClimateKind
    people: int = 4
    home_workers: float = 0.2
    """Share of working days that a person spends at home."""
    infiltration_per_h: float = 0.2
    """Air changes per hour through leaks, at a wind of 4 m/s and a temperature difference of 10 K."""
    ventilation_per_h: float = 0.4
    """Air changes per hour by constant mechanical ventilation."""
    heat_recovery: float = 0.75
    """Share of heat recovered by mechanical ventilation."""
    loss_w_m3k: float = 0.35
    """Heat loss through walls and windows, in W per m³ of house and K of difference."""
    mass_kj_m3k: float = 90.0
    """Heat capacity of walls and floors, in kJ/K per m³ of house."""
    heater_w_m3: float = 25.0
    """Maximum heating power in W per m³. With 0 the house is unheated."""
    setback_k: float = 1.2
    """Night setback of the thermostats in K."""
    solar_transmittance: float = 0.55
    """Share of the sun on a window that reaches the room through glass, frame and curtains."""
    shading_above_c: float = 24.0
    """Outdoor temperature in °C above which people draw the blinds."""
    window_surface_share: float = 0.22
    """Position of the coldest surface from room to outdoor temperature: 0.1 with triple, 0.5 with single glazing."""
    buffering: float = 1.3
    """Amount of hygroscopic surfaces: 0.4 for tiles and glass, 2 for clay and books."""
    airing: float = 0.3
    """Probability that a room is aired on a given morning."""
    extractor_m3_h: float = 50.0
    """Air flow of the bathroom fan in m³/h. It runs from a shower until half an hour after it."""
    closed_bedrooms: float = 0.7
    """Probability that a bedroom's door is closed at night."""
    shower_g_h: float = 1500.0
    cooking_g_h: float = 500.0
    laundry_a_week: float = 2.0

    def __post_init__(self) -> None:
        if [room.use is Use.HALL for room in self.rooms] != [True] + [False] * (len(self.rooms) - 1):
            raise ValueError(
                f"the first room, and no other, must be the hall; found {[r.use.value for r in self.rooms]}"
            )
        if len({room.name for room in self.rooms} - {"outdoor"}) != len(self.rooms):
            raise ValueError(f"rooms need distinct names other than 'outdoor'; found {[r.name for r in self.rooms]}")
        if len(self.rooms) < 2:
            raise ValueError("a house needs a room beside its hall; found none")


DEMO_KIND: Final = HouseKind(
    rooms=(
        RoomKind(name="hallway", use=Use.HALL, volume_m3=32, window_m2=0.8, facing_deg=20, setpoint_c=18.5, sensors=0),
        RoomKind(
            name="living_room", use=Use.LIVING, volume_m3=85, window_m2=6, facing_deg=200, door_m3_h=140, sensors=2
        ),
        RoomKind(name="kitchen", use=Use.KITCHEN, volume_m3=45, window_m2=3, facing_deg=110, door_m3_h=130),
        RoomKind(name="bathroom", use=Use.BATHROOM, volume_m3=18, window_m2=0.8, facing_deg=20, setpoint_c=20.5),
        RoomKind(
            name="parents_room", use=Use.BEDROOM, volume_m3=42, window_m2=2, facing_deg=20, setpoint_c=18, sensors=2
        ),
        RoomKind(name="teenager_room", use=Use.BEDROOM, volume_m3=32, window_m2=2.2, facing_deg=200, setpoint_c=20),
        RoomKind(name="office", use=Use.OFFICE, volume_m3=28, window_m2=1.8, facing_deg=290, setpoint_c=19.5),
    ),
    climate=ClimateKind(),
)
"""A family of four in a fairly new Belgian house with six measured rooms."""

_PLACES: Final = (
    (Use.LIVING, "living_room", 85.0, 6.0, 20.5),
    (Use.BEDROOM, "parents_room", 40.0, 2.2, 18.5),
    (Use.BATHROOM, "bathroom", 18.0, 0.8, 21.0),
    (Use.KITCHEN, "kitchen", 40.0, 2.5, 20.0),
    (Use.BEDROOM, "teenager_room", 32.0, 2.0, 20.0),
    (Use.OFFICE, "office", 28.0, 1.8, 20.0),
    (Use.LAUNDRY, "laundry_room", 20.0, 0.6, 18.0),
    (Use.BEDROOM, "guest_room", 32.0, 1.8, 18.0),
    (Use.LIVING, "dining_room", 45.0, 3.0, 20.5),
)
"""Rooms in the order in which a larger house gets them: use, name, volume in m³, window in m², setpoint in °C."""


def random_kind(seed: int) -> HouseKind:
    """Returns a house drawn from many, from a flat in Andalusia to a draughty cottage in Scotland, for a given seed.

    >>> random_kind(7) == random_kind(7)
    True
    """
    rng = np.random.default_rng([seed, 0xB1D])

    def about(value: float, factor: float) -> float:
        """Returns a lognormal draw. Two thirds lie within ``factor`` of ``value``, and none beyond its square."""
        return float(value * factor ** np.clip(rng.standard_normal(), -2, 2))

    turn = rng.uniform(0, 360)
    size = about(1.0, 1.2)
    warmth = rng.normal(0, 0.8)
    rooms = [RoomKind(name="hallway", use=Use.HALL, volume_m3=about(28, 1.4) * size, window_m2=about(0.8, 1.6),
                      facing_deg=turn, setpoint_c=18.5 + warmth, sensors=int(rng.random() < 0.3))]  # fmt: skip
    for use, name, volume, window, setpoint in _PLACES[: rng.integers(4, len(_PLACES) + 1)]:
        sensors = int(rng.choice([0, 1, 2], p=[0.2, 0.68, 0.12]))
        rooms.append(
            RoomKind(
                name=name,
                use=use,
                volume_m3=about(volume, 1.2) * size,
                window_m2=about(window, 1.4),
                facing_deg=float((turn + 90 * rng.integers(4)) % 360),
                setpoint_c=setpoint + warmth + rng.normal(0, 0.8),
                door_m3_h=about(110 if use is Use.LIVING else 70, 1.6),
                sensors=max(sensors, len(rooms) < 3),  # At least two rooms are measured.
            )
        )
    latitude = rng.uniform(37, 58)
    south = (58 - latitude) / 21  # 0 in Scotland, 1 in Andalusia
    climate = ClimateKind(
        latitude_deg=latitude,
        longitude_deg=rng.uniform(-4, 14),
        mean_c=8.5 + 8 * south + rng.normal(0, 1.0),
        annual_k=rng.uniform(5.5, 10.5),
        synoptic_k=about(2.9, 1.2),
        synoptic_days=about(3.0, 1.3),
        sun_k_per_kw_m2=about(30, 1.25),
        dryness_k=about(2.6 + 4.5 * south, 1.3),
        dryness_spread_k=about(2.6, 1.25),
        cloudiness=float(np.clip(0.68 - 0.35 * south + rng.normal(0, 0.06), 0.15, 0.85)),
        wind_m_s=about(3.8, 1.3),
    )
    insulation = about(1.0, 1.6)
    mechanical = rng.random() < 0.45
    return HouseKind(
        rooms=tuple(rooms),
        climate=climate,
        people=int(rng.integers(1, 3 + len(rooms) // 3)),
        home_workers=float(rng.choice([0.05, 0.3, 0.8])),
        infiltration_per_h=about(0.2 if mechanical else 0.5, 1.5),
        ventilation_per_h=about(0.45, 1.3) if mechanical else 0.0,
        heat_recovery=float(rng.choice([0.0, 0.6, 0.8])),
        loss_w_m3k=0.65 * insulation,
        mass_kj_m3k=about(75, 1.6),
        heater_w_m3=0.0 if rng.random() < 0.02 + 0.35 * south else about(28, 1.3) * insulation**0.7,
        setback_k=float(rng.choice([0.0, 1.5, 3.0, 4.5])),
        solar_transmittance=rng.uniform(0.2, 0.6),
        shading_above_c=rng.uniform(16, 27),
        window_surface_share=about(0.22, 1.4),
        buffering=about(1.2, 1.5),
        airing=float(0.9 * rng.beta(1, 2)),
        extractor_m3_h=float(rng.choice([0.0, 45.0, 90.0])),
        closed_bedrooms=float(rng.choice([0.1, 0.5, 0.95])),
        shower_g_h=about(1500, 1.3),
        cooking_g_h=about(600, 1.4),
        laundry_a_week=rng.uniform(0, 4),
    )
