"""Runs Home Assistant with a broker for a while, and prints what it knows of roomidity as JSON.

    python home_assistant_probe.py FOLDER PORT ENTITY [WEB_PORT]

Has to be run by Home Assistant's own Python. It ends once ENTITY has a state, or after a minute. The JSON has the
version, the devices with their areas and entities, the states, and what the blueprint did to a switch as the advice of
the bath came and went. With WEB_PORT, it first serves FOLDER/dashboard.yaml
there on loopback, prints the URL and tokens for a browser, and continues after a line on standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

PATIENCE_S = 60
ADVICE = "binary_sensor.h1_bath_air_now"
BLUEPRINT = """
input_boolean:
  fan:
switch:
  - platform: template
    switches:
      fan:
        value_template: "{{ is_state('input_boolean.fan', 'on') }}"
        turn_on: { action: input_boolean.turn_on, target: { entity_id: input_boolean.fan } }
        turn_off: { action: input_boolean.turn_off, target: { entity_id: input_boolean.fan } }
automation:
  - use_blueprint:
      path: roomidity/blueprint-air-now.yaml
      input: { advice: binary_sensor.h1_bath_air_now, device: switch.fan }
"""


WEB = """
http:
  server_host: 127.0.0.1
  server_port: {port}
frontend:
history:
lovelace:
  dashboards:
    roomidity-view:
      mode: yaml
      title: roomidity
      filename: dashboard.yaml
"""


def configure(folder: Path, port: int, web_port: int | None) -> None:
    """Write a configuration with the recorder, and the MQTT entry as its dialogue would store it."""
    web = WEB.format(port=web_port) if web_port else ""
    (folder / "configuration.yaml").write_text("recorder:\n  commit_interval: 1\n" + BLUEPRINT + web)
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
    done = {"done": ["user", "core_config", "analytics", "integration"]}
    (store / "onboarding").write_text(json.dumps({"version": 4, "minor_version": 1, "key": "onboarding", "data": done}))


async def show(hass: Any, web_port: int) -> None:
    """Print what a browser needs to log in, and wait for a line on standard input."""
    url = f"http://127.0.0.1:{web_port}"
    user = await hass.auth.async_create_user("picture", group_ids=["system-admin"])
    refresh = await hass.auth.async_create_refresh_token(user, client_id=f"{url}/")
    tokens = {
        "hassUrl": url,
        "clientId": f"{url}/",
        "token_type": "Bearer",
        "expires_in": 1800,
        "expires": int((time.time() + 1800) * 1000),
        "refresh_token": refresh.token,
        "access_token": hass.auth.async_create_access_token(refresh),
    }
    print("SHOWN " + json.dumps({"url": f"{url}/roomidity-view/0", "tokens": tokens}), flush=True)  # its answer
    await asyncio.to_thread(sys.stdin.readline)


async def probe(folder: Path, entity: str, web_port: int | None) -> dict[str, Any]:
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
    if web_port:
        await show(hass, web_port)
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
    found["blueprint"] = []
    for state in ("off", "on", "unavailable"):
        hass.states.async_set(ADVICE, state)
        await asyncio.sleep(1)
        if state != "off":
            found["blueprint"].append(hass.states.get("switch.fan").state)
    await hass.async_stop(force=True)
    return found


if __name__ == "__main__":
    where = Path(sys.argv[1])
    web = int(sys.argv[4]) if len(sys.argv) > 4 else None
    configure(where, int(sys.argv[2]), web)
    print("FOUND " + json.dumps(asyncio.run(probe(where, sys.argv[3], web))))  # its answer
