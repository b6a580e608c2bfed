"""Recognises a message's dialect: those identified by the topic's root are tried before those identified by shape."""

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
"""Dialects by name, in the order in which they are tried.

ESPHome's topics also occur in Home Assistant's statestream, which is therefore tried first. Plain messages, which any
reader could take, come last.
"""


def recognise(heard: Heard) -> tuple[str | None, list[Measured]]:
    """Returns the dialect's name and the values in the message, or None and no values if no dialect recognises it."""
    for name, read in DIALECTS:
        found = read(heard)
        if found is not None:
            return name, found
    return None, []
