"""Which dialect a message is of: each is asked in turn, those that tell by the topic's root before those by shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from roomidity.dialects import (
    airgradient,
    awair,
    esphome,
    homeassistant,
    homie,
    lorawan,
    plain,
    rtl433,
    ruuvi,
    senml,
    sensorthings,
    shelly,
    shelly_gen1,
    tasmota,
    theengs,
    thingsboard,
    zigbee2mqtt,
)
from roomidity.dialects.heard import Heard, Measured

__all__ = ["DIALECTS", "recognise"]

Reader = Callable[[Heard], list[Measured] | None]

DIALECTS: Final[tuple[tuple[str, Reader], ...]] = tuple(
    (dialect.NAME, dialect.read)
    for dialect in (
        zigbee2mqtt,
        shelly_gen1,
        homeassistant,
        shelly,
        lorawan,
        ruuvi,
        rtl433,
        theengs,
        tasmota,
        homie,
        senml,
        sensorthings,
        thingsboard,
        airgradient,
        awair,
        esphome,
        plain,
    )
)
"""By name. ESPHome's topics are also those of Home Assistant's statestream, which is asked before; what is plain to
any reader comes last."""


def recognise(heard: Heard) -> tuple[str | None, list[Measured]]:
    """The dialect's name, and what the message holds; None and nothing where none knows it."""
    for name, read in DIALECTS:
        found = read(heard)
        if found is not None:
            return name, found
    return None, []
