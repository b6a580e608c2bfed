"""What an import of Home Assistant's history has beside any other: a map of its own, a steady rate, a training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from roomidity.aws.account import explanation_of
from roomidity.cli.context import stage
from roomidity.cli.files import tell
from roomidity.cli.output import Output
from roomidity.dialects.devices import DeviceMap
from roomidity.domain.messages import TrainingJob
from roomidity.domain.names import is_key
from roomidity.domain.quantities import Quantity
from roomidity.domain.units import Unit
from roomidity.errors import RoomidityError
from roomidity.files import EntityMap, Hints, proposed_map
from roomidity.files.mapping import Target
from roomidity.pipeline.device_maps import read_map

__all__ = ["HISTORY_RATE", "TRAINING_DELAY_S", "ask_for_training", "propose_map", "with_device_map"]

HISTORY_RATE: Final = 2_000
"""Readings a second: 1.8 million in a quarter of an hour, under the 2 million of a house that a drain stores in a tick,
so that live readings never wait behind an import."""

TRAINING_DELAY_S: Final = 900
"""SQS's longest, and from one drain to the next: the readings are stored before the training begins."""


def with_device_map(hints: Hints) -> Hints:
    """The hints with the house's device map, where no map was given and the stage can be asked for it."""
    if hints.entities or hints.house is None or not is_key(hints.house):
        return hints
    try:
        known = read_map(stage().house_settings, hints.house)
    except Exception as error:
        explanation = _in_words(error)
        if explanation is None:
            raise
        tell([f"No --map was given, and the device map of {hints.house} cannot be read: {explanation}"])
        return hints
    if known.devices:
        tell([f"No --map was given: taking the device map of {hints.house} ({len(known.devices)} devices)."])
    return replace(hints, entities=_entities(known))


def _entities(known: DeviceMap) -> EntityMap:
    return EntityMap(
        {
            device: Target(
                room=said.room,
                sensor=said.sensor,
                quantity=None if said.quantity == "contact" else said.quantity,
                units={} if said.unit is None else {_measured_in(said.unit): said.unit},
                ignore=said.ignored or said.quantity == "contact",  # a history has no events
            )
            for device, said in known.devices.items()
        }
    )


def _measured_in(unit: Unit) -> Quantity:
    return "humidity" if unit in ("percent", "share") else "temperature"


def propose_map(source: Path, target: Path, output: Output) -> None:
    """Write the map that a database suggests; a file that is there stays as it is."""
    text, rooms = proposed_map(source)
    with target.open("x", encoding="utf-8") as file:
        file.write(text)
    output.tables.print(
        f"{target}: {rooms} entities with a room. Look at it, then: "
        f"roomidity send {source} --house HOUSE --map {target}",
        soft_wrap=True,
    )
    output.answer({"map": str(target), "entities": rooms})


def ask_for_training(houses: Iterable[str]) -> bool:
    """Ask for a training of each house, when a drain has taken the readings in; whether these credentials may.

    Who may only send readings (the producer policy) may not: then it says what to run.
    """
    named = sorted(houses)
    try:
        bodies = [TrainingJob(house, "import").to_body() for house in named]
        stage().training_jobs.send(bodies, delay_s=TRAINING_DELAY_S)
    except Exception as error:
        explanation = _in_words(error)
        if explanation is None:
            raise
        tell([f"No training was asked for: {explanation}", f"  after the next drain: {_by_hand(named)}"])
        return False
    tell(
        [
            f"A training of {', '.join(named[:4])} is asked for, in 15 minutes: by then a drain has been there.",
            f"  where no functions run (an engine on this machine): roomidity drain; {_by_hand(named)}",
        ]
    )
    return True


def _in_words(error: Exception) -> str | None:
    """What an error of the stage means, in a line; None where it is a fault of the program."""
    return explanation_of(error) or (str(error) if isinstance(error, RoomidityError) else None)


def _by_hand(houses: list[str]) -> str:
    return "; ".join(f"roomidity train {house}" for house in houses[:4]) + ("; …" if len(houses) > 4 else "")
