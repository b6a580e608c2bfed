"""Checks in a real Home Assistant what the bridge publishes: devices, areas, entities, states and recorded attributes.

    scripts/check-home-assistant [--python python3.13] [--keep FOLDER] [--picture FILE.png]

Installs Home Assistant for that Python (630 MB, some minutes, from the package index that pip is configured with) into
a folder that is kept. Starts a Mosquitto on loopback and Home Assistant beside it, has the bridge's announcer publish a
house as the API would return it, and compares. It is not part of CI. Mosquitto has to be installed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from roomidity.bridge.address import Address
from roomidity.bridge.announcing import Announcer
from roomidity.bridge.discovery import MAX_ATTRIBUTE_BYTES, OFFLINE, announcements, status_topic
from roomidity.bridge.mqtt import Credentials
from roomidity.bridge.publishing import MqttPublisher
from roomidity.cli.output import notes
from roomidity.domain.notices.changes import advance
from roomidity.domain.notices.findings import find, outdoor_ahead
from roomidity.domain.notices.notice import Watch
from scripts.tools.home_assistant_picture import dashboard_of, take
from tests.api import ISSUED, NOW, ApiWorld
from tests.mosquitto import Mosquitto

ROOT: Final = Path(__file__).parents[2]
RELEASE: Final = "2026.2.3"
INTEGRATIONS: Final = ("frontend", "history", "recorder", "mqtt", "backup", "automation", "input_boolean", "template")
"""The integrations to set up. Without a frontend, Home Assistant starts in recovery mode."""
ENTITY: Final = "sensor.h1_bath_humidity_now"
ATTRIBUTES_OF: Final = "sensor.h1_bath_humidity_max"


class Answers:
    """The real API's answers for a replayed house with two rooms and outdoor readings, at the time of its data.

    The bath gets damp in the evening. Its notices follow from its forecast.
    """

    def __init__(self) -> None:
        world = ApiWorld()
        world.house("h1", "bath", "Küche", "outdoor", value=56.0)
        evening = 20 * np.exp(-(((np.arange(96) - 44) / 7) ** 2))
        damp = np.array([56 + evening * share for share in (0.85, 1.0, 1.15)]).round(1)
        held = world.forecasts.stored["h1", "bath", ISSUED]
        bath = replace(held, quantiles=np.stack([damp, held.quantiles[1]]), notes=())
        world.forecasts.stored["h1", "bath", ISSUED] = bath
        home = world.houses.get("h1")
        assert home is not None
        found = find(home, [bath], outside=outdoor_ahead(None), issued_at=ISSUED)
        watch, _ = advance(Watch("h1", version=1), found, at=ISSUED, zone="Europe/Brussels", a_day=6, sends=False)
        world.notices.watches["h1"], world.notices.stored = watch, {}
        self.content = {
            f"/v1/house/{what}": world.of("h1", f"/{what}").json | {"replayed": True}
            for what in ("forecasts", "notices", "advice")
        }

    def read(self, path: str) -> dict[str, Any]:
        """Returns the answer for ``path``."""
        return dict(self.content[path])


def requirements(components: Path) -> list[str]:
    """Returns the packages that the integrations and their dependencies need. Home Assistant installs them on start."""
    wanted, seen, waiting = {"numpy"}, set[str](), [*INTEGRATIONS]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            manifest = json.loads((components / one / "manifest.json").read_text("utf-8"))
            wanted.update(manifest.get("requirements", ()))
            waiting += manifest.get("dependencies", ())
    return sorted(wanted)


def install(python: str, folder: Path) -> Path:
    """Install Home Assistant unless it is installed. Returns the folder of its packages."""
    packages = folder / "packages"
    if not (packages / "homeassistant").is_dir():
        notes.print(f"installing Home Assistant {RELEASE} for {python}: some minutes")
        tool = folder / "venv"
        subprocess.run([python, "-m", "venv", str(tool)], check=True)  # what was asked for
        subprocess.run([tool / "bin/python", "-m", "pip", "install", "--quiet", "uv"], check=True)
        uv: list[str | Path] = [
            tool / "bin/uv",
            "pip",
            "install",
            "--python",
            tool / "bin/python",
            "--python-version",
            "3.13.5",
        ]
        uv += ["--target", packages]
        subprocess.run([*uv, f"homeassistant=={RELEASE}"], check=True)
        subprocess.run([*uv, *requirements(packages / "homeassistant/components")], check=True)
    return packages


def run(python: str, packages: Path, port: int, folder: Path, picture: Path | None) -> dict[str, Any]:
    """Run Home Assistant with the probe, and save a ``picture`` of the dashboard if given. Returns what was found."""
    words = [python, str(ROOT / "scripts/tools/home_assistant_probe.py"), str(folder), str(port), ENTITY]
    if picture:
        (folder / "dashboard.yaml").write_text(dashboard_of("kuche", "Küche"), "utf-8")
        words.append(str(_free_port()))
    blueprints = folder / "blueprints/automation/roomidity"
    blueprints.mkdir(parents=True)
    shutil.copy(ROOT / "docs/home-assistant/blueprint-air-now.yaml", blueprints)
    with (folder / "errors.log").open("w+") as errors:
        probe = subprocess.Popen(  # our own probe
            words,
            env={**os.environ, "PYTHONPATH": str(packages)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        with probe:
            assert probe.stdin is not None
            assert probe.stdout is not None
            said = []
            for line in probe.stdout:
                if picture and line.startswith("SHOWN "):
                    try:
                        take(json.loads(line.removeprefix("SHOWN ")), picture, at=NOW)
                    finally:
                        probe.stdin.write("\n")
                        probe.stdin.flush()
                else:
                    said.append(line.rstrip("\n"))
        errors.seek(0)
        logged = errors.read()
    lines = [line for line in said if line.startswith("FOUND ")]
    if probe.returncode or not lines:
        raise SystemExit(f"Home Assistant's run failed:\n{said[-20:]}\n{logged[-4000:]}")
    found: dict[str, Any] = json.loads(lines[0].removeprefix("FOUND "))
    found["log"] = [line for line in logged.splitlines() if "mqtt" in line and ("ERROR" in line or "WARNING" in line)]
    return found


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def recorded(folder: Path) -> dict[str, int]:
    """Returns for each entity the bytes of attributes that the recorder stored."""
    with sqlite3.connect(folder / "home-assistant_v2.db") as database:
        rows = database.execute(
            "select m.entity_id, length(a.shared_attrs) from states s join states_meta m using (metadata_id) "
            "join state_attributes a using (attributes_id)"
        )
        return {str(entity): int(size) for entity, size in rows}


def complaints(found: dict[str, Any], kept: dict[str, int], answers: Answers) -> list[str]:
    """Returns every deviation from what is expected, in words."""
    told = announcements(
        answers.content["/v1/house/forecasts"],
        answers.content["/v1/house/notices"],
        at=NOW,
        version="check",
        advice=answers.content["/v1/house/advice"],
    )
    devices = [json.loads(text) for topic, text in told.items() if topic.endswith("/config")]
    expected = {
        (one["dev"]["name"], one["dev"].get("sa")): sorted(part["default_entity_id"] for part in one["cmps"].values())
        for one in devices
    }
    there = {(one["name"], one["area"]): one["entities"] for one in found["devices"]}
    wrong = [
        f"device {name} in area {area}: found {there.get((name, area))}; expected {entities}"
        for (name, area), entities in expected.items()
        if there.get((name, area)) != entities
    ]
    for entities in expected.values():
        for entity in entities:
            state = found["states"].get(entity, {}).get("state")
            is_planned = not entity.endswith("_next_airing")  # Without an airing ahead it is unknown, and rightly.
            if state in {None, "unavailable"} or (state == "unknown" and is_planned):
                wrong.append(f"{entity} is {state}")
            if entity not in kept:
                wrong.append(f"{entity} is not recorded")
    if kept.get(ATTRIBUTES_OF, 0) < 1_000:
        wrong.append(f"the recorder kept {kept.get(ATTRIBUTES_OF, 0)} bytes of {ATTRIBUTES_OF}'s attributes")
    wrong += [f"{name}: {size} bytes of attributes" for name, size in kept.items() if size >= MAX_ATTRIBUTE_BYTES]
    expected_acts = ["on", "off"]
    if found["blueprint"] != expected_acts:
        wrong.append(f"the blueprint switched {found['blueprint']}; expected {expected_acts}")
    return [*wrong, *found["log"]]


def main() -> int:
    """Run the check."""
    parser = argparse.ArgumentParser(
        prog="scripts/check-home-assistant", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default="python3.13", help="a CPython 3.13 (default python3.13)")
    parser.add_argument("--keep", type=Path, default=ROOT / ".roomidity/home-assistant", help="where it is installed")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="keep a picture of the dashboard (by Chromium)")
    arguments = parser.parse_args()
    arguments.keep.mkdir(parents=True, exist_ok=True)
    packages = install(arguments.python, arguments.keep)
    answers = Answers()
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        broker = Mosquitto(Path(one)).start()
        publisher = MqttPublisher(
            Address.parse(broker.url),
            client_id="check",
            credentials=Credentials(),
            will=(status_topic("h1"), OFFLINE),
        )
        announcer = Announcer("h1", answers, publisher, random.Random(0), lambda: datetime.now(UTC), version="check")  # noqa: S311  # for jitter
        try:
            end = time.monotonic() + 10
            while not publisher.connections and time.monotonic() < end:
                time.sleep(0.05)
            announcer.step()
            notes.print("Home Assistant starts; it is asked for a minute at most")
            found = run(arguments.python, packages, broker.port, Path(other), arguments.picture)
            kept = recorded(Path(other))
        finally:
            publisher.close()
            broker.stop()
    wrong = complaints(found, kept, answers)
    for device in found["devices"]:
        notes.print(f"{device['name']} (area {device['area']}): {', '.join(device['entities'])}")
    print(  # a script's answer
        json.dumps(
            {"home_assistant": found["version"], "states": found["states"], "recorded": kept, "wrong": wrong}, indent=1
        )
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
