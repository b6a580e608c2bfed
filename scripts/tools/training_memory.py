"""How much memory a training takes at its peak, by the number of rooms.

    scripts/training-memory [--rooms N,N,...] [--days N] [--no-weather] [--json]

A house of made-up courses is trained in a process of its own for each number of rooms, by the function that the
Lambda `train` calls: challenger, verdict and the state moved on, on one core. There is a sensor outside, and a weather
forecast every six hours for the second half of the days, as for a house that has known its weather for a while.
Reading the history out of the tables and storing the model come on top: what AWS bills is `Max Memory Used`.

The digest is of the model and the state: the same before and after a change that is only to save memory.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from time import process_time
from typing import Any, Final

import numpy as np
from rich.table import Table

from roomidity.cli.output import Output, notes
from roomidity.domain.rooms import MAX_ROOMS
from roomidity.domain.slots import SLOTS_A_DAY
from roomidity.forecasting import Window, load_prior
from roomidity.forecasting.simulated_issues import simulate_issues
from roomidity.forecasting.training.challenge import challenge
from roomidity.forecasting.window import slot_number
from scripts.tools.memory import peak_mb

END: Final = datetime(2026, 3, 15, tzinfo=UTC)
SEED: Final = 0


def history(rooms: int, days: int, *, weather: bool) -> Window:
    """A house's readings: daily courses and noise, each room a little later than the one before."""
    rng = np.random.default_rng(SEED)
    slots = days * SLOTS_A_DAY
    turns = 2 * np.pi * (np.arange(slots) / SLOTS_A_DAY + np.arange(rooms)[:, None] / 9)
    drift = np.cumsum(rng.normal(0, 0.1, (rooms, slots)), axis=1) % 6
    humidity = 50 + 8 * np.sin(turns) + drift + rng.normal(0, 0.5, (rooms, slots))
    temperature = 20 + 2 * np.sin(turns + 1) + rng.normal(0, 0.1, (rooms, slots))
    outdoor = np.stack([70 + 10 * np.sin(turns[0]), 5 + 5 * np.sin(turns[0] + 3)])
    first = slot_number(END) - slots // 2
    return Window(
        rooms=tuple(f"room {number}" for number in range(rooms)),
        end=END,
        timezone="UTC",
        values=np.stack([humidity, temperature], axis=1).round(3),
        outdoor=outdoor,
        issues=tuple(simulate_issues(outdoor[:, -(slots // 2) :], first=first, seed=SEED)) if weather else (),
    )


def measure(rooms: int, days: int, *, weather: bool) -> dict[str, Any]:
    """Train in this process, and tell what it took."""
    window, prior = history(rooms, days, weather=weather), load_prior()[:2]
    before_mb, began = peak_mb(), process_time()
    found = challenge(window, prior=prior, champion=None, seed=SEED)
    return {
        "rooms": rooms,
        "before_mb": round(before_mb),
        "peak_mb": round(peak_mb()),
        "cpu_s": round(process_time() - began, 1),
        "digest": hashlib.sha256(found.trained.model.to_bytes() + found.state.to_bytes()).hexdigest()[:16],
    }


def apart(rooms: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """The same in a new process: a peak is of all that a process ever did."""
    command = [sys.executable, "-m", "scripts.tools.training_memory", "--rooms", str(rooms), "--here"]
    command += ["--days", str(arguments.days), *(["--no-weather"] if arguments.no_weather else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        notes.print(f"the training of {rooms} rooms ended with {done.returncode}: is there memory enough?", style="red")
        raise SystemExit(1)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def numbers(text: str) -> list[int]:
    """Returns numbers of rooms from 1 to 64, which stand between commas."""
    found = [int(part) for part in text.split(",")]
    if not all(1 <= number <= MAX_ROOMS for number in found):
        raise argparse.ArgumentTypeError(f"{text!r}: a house has 1 to {MAX_ROOMS} rooms")
    return found


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(
        prog="training-memory", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rooms", type=numbers, default=[8, 32, MAX_ROOMS], help="numbers of rooms (default: 8,32,64)")
    parser.add_argument("--days", type=int, default=400, help="of history (default: %(default)s)")
    parser.add_argument("--no-weather", action="store_true", help="as if no weather forecast was ever known")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print one JSON object to standard output")
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(measure(arguments.rooms[0], arguments.days, weather=not arguments.no_weather)))
        return
    output = Output(as_json=arguments.json)
    found = []
    for rooms in arguments.rooms:
        with notes.status(f"training {rooms} rooms"):
            found.append(apart(rooms, arguments))
    table = Table("rooms", "MB before", "MB at the peak", "s of CPU", "digest")
    for one in found:
        table.add_row(*map(str, one.values()))
    output.tables.print(table)
    output.answer({"days": arguments.days, "weather": not arguments.no_weather, "trainings": found})


if __name__ == "__main__":
    main()
