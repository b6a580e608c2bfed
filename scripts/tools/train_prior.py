"""Train the prior that is shipped with roomidity: from real houses' files and from simulated houses of many kinds.

    scripts/train-prior --readings FILE... [--outdoor FILE...] --out FILE

FILE has any form that `roomidity send --help` tells of: Parquet, CSV or JSON of house, room, ts, temperature (°C) and
humidity (%RH), at any cadence. --out is one
.npz that holds network, starting state and manifest; the manifest is also written beside it as JSON. Takes some five
minutes on one core.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from roomidity.errors import RoomidityError
from roomidity.files import Hints, read_map, read_outdoor, read_slots, read_units
from roomidity.forecasting.serving.prior import pack_prior
from roomidity.forecasting.tidy_windows import windows_of
from roomidity.forecasting.training.network import NetworkSettings
from roomidity.forecasting.training.pretraining import train_prior
from roomidity.forecasting.window import Window
from roomidity.local.simulation import random_kind, simulate_slots

SOURCES = {
    "stambruges": {
        "attribution": "L. M. Candanedo, V. Feldheim, D. Deramaix, Energy and Buildings 140 (2017) 81-97",
        "doi": "10.24432/C5VC8G",
        "licence": "CC BY 4.0",
        "changes": "15-minute means of 10-minute means; only what a network learnt from them is in the file",
    },
    "sml_house": {
        "attribution": "F. Zamora-Martinez, P. Romeu, P. Botella-Rocamora, J. Pardo, "
        "Energy and Buildings 83 (2014) 162-172",
        "doi": "10.24432/C5RS3S",
        "licence": "CC BY 4.0",
        "changes": "only what a network learnt from them is in the file",
    },
}
"""Known sources, by the name of the house in its file; others are asked for by --attribution."""

SIMULATED_DAYS = 40
FIRST_SEED = 10_000
FIRST_UNSEEN_SEED = 90_000
UNSEEN_HOUSES = 24


def houses_of(path: Path, outdoor: Path | None, timezone: str, hints: Hints) -> dict[str, Window]:
    """The houses of a file, on the slot grid; what was left out of it goes to standard error."""
    outside = read_outdoor(outdoor, hints) if outdoor else None
    slots = read_slots(path, hints)
    for note in slots.notes:
        print(f"{path}: {note}", file=sys.stderr)
    return windows_of(slots.means, timezone=timezone, outdoor=outside)


def simulated(seed: int) -> Window:
    """A simulated house of a kind of its own, at some time of the year."""
    start = datetime(2021, 1, 1, tzinfo=UTC) + timedelta(days=int(np.random.default_rng(seed).integers(0, 365)))
    timezone = "Europe/Brussels"
    slots = simulate_slots(seed=seed, start=start, days=SIMULATED_DAYS, timezone=timezone, kind=random_kind(seed))
    (house,) = windows_of(slots, timezone=timezone).values()
    return house


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="train-prior", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readings", nargs="+", type=Path, required=True, metavar="FILE", help="real houses")
    parser.add_argument(
        "--outdoor",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="air outside, one file for each of --readings",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the prior goes")
    parser.add_argument(
        "--timezone",
        help="of the real houses' clocks (default UTC+1, all year); given, also of times without an offset",
    )
    parser.add_argument("--house", help="the house, where a file does not name it")
    parser.add_argument("--room", help="the room, where a file does not name it")
    parser.add_argument("--unit", action="append", default=[], metavar="[ROOM=]UNIT", help="as for `roomidity send`")
    parser.add_argument(
        "--map", action="append", default=[], metavar="ENTITY=ROOM|FILE", help="as for `roomidity send`"
    )
    parser.add_argument("--simulated", type=int, default=400, metavar="N", help="simulated houses (default 400)")
    parser.add_argument("--steps", type=int, default=NetworkSettings.steps, help="training steps (default %(default)s)")
    parser.add_argument(
        "--copies", type=int, default=20, help="how many simulated houses a real one counts for (default 20)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--attribution", action="append", default=[], metavar="HOUSE=TEXT", help="for other sources")
    arguments = parser.parse_args()

    outdoor = arguments.outdoor or [None] * len(arguments.readings)
    if len(outdoor) != len(arguments.readings):
        parser.error(f"{len(arguments.readings)} files of readings and {len(outdoor)} of the air outside: one for each")
    try:
        hints = Hints(
            house=arguments.house,
            room=arguments.room,
            timezone=arguments.timezone,
            units=read_units(arguments.unit),
            entities=read_map(arguments.map),
        )
        files = zip(arguments.readings, outdoor, strict=True)
        timezone = arguments.timezone or "Etc/GMT-1"
        real = [house for paths in files for house in houses_of(*paths, timezone, hints).items()]
    except RoomidityError as error:
        sys.exit(f"Error: {error}")
    named = dict(text.split("=", 1) for text in arguments.attribution)
    total = arguments.simulated

    def tell_step(done: int, steps: int) -> None:
        if done % 1000 == 0:
            print(f"step {done} of {steps}", file=sys.stderr)

    def houses() -> Iterator[Window]:
        for _ in range(arguments.copies):
            for _, window in real:
                yield window
        for number in range(total):
            if number % 20 == 0:
                print(f"simulating house {number} of {total}", file=sys.stderr)
            yield simulated(FIRST_SEED + number)

    # Most houses have no sensor outside: the quantiles that a new house starts from are those of forecasts without.
    unseen = [replace(simulated(FIRST_UNSEEN_SEED + number), outdoor=None) for number in range(UNSEEN_HOUSES)]
    settings = NetworkSettings(steps=arguments.steps)
    model, state = train_prior(
        houses(),
        unseen,
        seed=arguments.seed,
        settings=settings,
        progress=tell_step,
    )
    manifest = {
        "version": hashlib.sha256(model.to_bytes() + state.to_bytes()).hexdigest()[:12],
        "houses": [name for name, _ in real],
        "sources": {name: SOURCES.get(name, named.get(name, "not stated")) for name, _ in real},
        "simulated_houses": total,
        "seed": arguments.seed,
        "steps": arguments.steps,
        "trained_by": "scripts/train-prior "
        + " ".join(
            [
                *("--readings", *(path.name for path in arguments.readings)),
                *(["--outdoor", *(path.name for path in arguments.outdoor)] if arguments.outdoor else []),
                *("--simulated", str(total)),
            ]
        ),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_bytes(pack_prior(model, state, manifest))
    text = json.dumps(manifest, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    arguments.out.with_suffix(".json").write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
