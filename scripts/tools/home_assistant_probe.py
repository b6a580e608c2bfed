"""Runs Home Assistant with a broker for a while, and prints what it knows of roomidity as JSON.

    python home_assistant_probe.py FOLDER PORT ENTITY

Has to be run by Home Assistant's own Python. It ends once ENTITY has a state, or after a minute. The JSON has the
version, the devices with their areas and entities, and the states.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

PATIENCE_S = 60


def configure(folder: Path, port: int) -> None:
    """Write a configuration with the recorder, and the MQTT entry as its dialogue would store it."""
    (folder / "configuration.yaml").write_text("recorder:\n  commit_interval: 1\n")
    entry: dict[str, Any] = {
        "created_at": "2026-01-01T00:00:00+00:00",
        "modified_at": "2026-01-01T00:00:00+00:00",
        "data": {"broker": "127.0.0.1", "port": port, "protocol": "5"},
        "disabled_by": None,
        "discovery_keys": {},
        "domain": "mqtt",
        "entry_id": "roomiditycheck0000000000000000000",
        "minor_version": 1,
        "options": {"discovery": True},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "user",
        "subentries": [],
        "title": "broker",
        "unique_id": None,
        "version": 1,
    }
    store = folder / ".storage"
    store.mkdir()
    content = {"version": 1, "minor_version": 5, "key": "core.config_entries", "data": {"entries": [entry]}}
    (store / "core.config_entries").write_text(json.dumps(content))


async def probe(folder: Path, entity: str) -> dict[str, Any]:
    """Start Home Assistant, wait for the entity, and stop it again. Returns what was found."""
    from homeassistant import bootstrap, const, runner  # type: ignore[import-not-found]  # noqa: PLC0415  # its own Python has it
    from homeassistant.helpers import (  # type: ignore[import-not-found]  # noqa: PLC0415
        area_registry,
        device_registry,
        entity_registry,
    )

    config = runner.RuntimeConfig(config_dir=str(folder), skip_pip=True, verbose=False, log_no_color=True)
    hass = await bootstrap.async_setup_hass(config)
    if hass is None:
        raise SystemExit("Home Assistant did not start")
    await hass.async_start()
    for _ in range(PATIENCE_S):
        state = hass.states.get(entity)
        if state is not None and state.state not in {"unknown", "unavailable"}:
            break
        await asyncio.sleep(1)
    await asyncio.sleep(3)  # for the others, and the recorder
    areas = {one.id: one.name for one in area_registry.async_get(hass).async_list_areas()}
    entities = entity_registry.async_get(hass)
    found = {
        "version": const.__version__,
        "devices": [
            {
                "name": device.name,
                "area": areas.get(device.area_id or ""),
                "entities": sorted(
                    one.entity_id for one in entity_registry.async_entries_for_device(entities, device.id)
                ),
            }
            for device in device_registry.async_get(hass).devices.values()
        ],
        "states": {
            one.entity_id: {"state": one.state, "attributes": len(json.dumps(dict(one.attributes), default=str))}
            for one in hass.states.async_all()
        },
    }
    await hass.async_stop(force=True)
    return found


if __name__ == "__main__":
    where = Path(sys.argv[1])
    configure(where, int(sys.argv[2]))
    print("FOUND " + json.dumps(asyncio.run(probe(where, sys.argv[3]))))  # its answer
