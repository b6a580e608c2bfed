"""Train the prior that is shipped with roomidity: from real houses' files and from simulated houses of many kinds.

    scripts/train-prior --readings FILE... [--outdoor FILE...] --out FILE
    scripts/train-prior --homes FILE.toml --out FILE

FILE has any form that `roomidity send --help` tells of: Parquet, CSV or JSON of house, room, ts, temperature (°C) and
humidity (%RH), at any cadence. Long records are cut into pieces of some 60 days, so that every home counts the same,
and readings that come more seldom than a slot are joined by straight lines.

FILE.toml names many homes at once, each with its time zone and whom it is owed to:

    [[home]]
    readings = "flat.parquet"          # relative to the folder of FILE.toml
    outdoor = "flat_outdoor.parquet"   # optional: the air outside
    houses = ["flat"]                  # optional: some of the file's houses; default: all
    timezone = "Europe/Berlin"
    attribution = "A. Author, a journal or a repository"
    licence = "CC BY 4.0"
    doi = "10.5281/zenodo.1"           # optional, as is `changes`: what was done to the data

--out is one .npz that holds network, starting state and manifest; the manifest is also written beside it as JSON. Takes
some ten minutes on one core.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from roomidity.errors import RoomidityError
from roomidity.files import Hints, read_map, read_units
from roomidity.forecasting.serving.prior import pack_prior
from roomidity.forecasting.simulated_issues import simulate_issues
from roomidity.forecasting.tidy_windows import windows_of
from roomidity.forecasting.training.network import NetworkSettings
from roomidity.forecasting.training.pretraining import train_prior
from roomidity.forecasting.window import Window
from roomidity.local.simulation import random_kind, simulate_slots
from scripts.tools.homes import Home, homes_of, read_homes

SOURCES: dict[str, Mapping[str, str] | str] = {
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


def simulated(seed: int) -> Window:
    """A simulated house of a kind of its own, at some time of the year, with weather ahead."""
    start = datetime(2021, 1, 1, tzinfo=UTC) + timedelta(days=int(np.random.default_rng(seed).integers(0, 365)))
    timezone = "Europe/Brussels"
    slots = simulate_slots(seed=seed, start=start, days=SIMULATED_DAYS, timezone=timezone, kind=random_kind(seed))
    (house,) = windows_of(slots, timezone=timezone).values()
    issues = simulate_issues(np.asarray(house.outdoor), first=house.first, seed=seed)
    return replace(house, issues=tuple(issues))


def bare(house: Window) -> Window:
    """The house as one without a sensor outside and without weather ahead."""
    return replace(house, outdoor=None, issues=())


def copies_of(homes: Sequence[Home], copies: int) -> Iterator[Window]:
    """Each home so many times, in pieces that differ."""
    for copy in range(copies):
        for home in homes:
            yield home.chunk(copy, copies)


def parser_of_arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train-prior", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--readings", nargs="+", type=Path, default=[], metavar="FILE", help="real houses")
    given.add_argument("--homes", type=Path, metavar="FILE.toml", help="real houses, as above")
    parser.add_argument(
        "--without", action="append", default=[], metavar="HOUSE", help="leave a house out, to be scored on it"
    )
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
    return parser


def homes_asked_for(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> list[Home]:
    """The homes to learn from; ends the program where they cannot be read."""
    named = dict(text.split("=", 1) for text in arguments.attribution)
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
        if arguments.homes is not None:
            homes = read_homes(arguments.homes)
        else:
            homes = [home for paths in files for home in homes_of(*paths, timezone, hints, SOURCES | named)]
    except RoomidityError as error:
        sys.exit(f"Error: {error}")
    unknown = sorted(set(arguments.without) - {home.name for home in homes})
    if unknown:
        parser.error(f"--without {', '.join(unknown)}: found the houses {', '.join(home.name for home in homes)}")
    return [home for home in homes if home.name not in arguments.without]


def main() -> None:
    parser = parser_of_arguments()
    arguments = parser.parse_args()
    homes = homes_asked_for(arguments, parser)
    total = arguments.simulated

    def tell_step(done: int, steps: int) -> None:
        if done % 1000 == 0:
            print(f"step {done} of {steps}", file=sys.stderr)

    def houses() -> Iterator[Window]:
        yield from copies_of(homes, arguments.copies)
        for number in range(total):
            if number % 20 == 0:
                print(f"simulating house {number} of {total}", file=sys.stderr)
            yield simulated(FIRST_SEED + number)

    # Most houses have no sensor outside: the quantiles that a new house starts from are those of forecasts without.
    unseen = [bare(simulated(FIRST_UNSEEN_SEED + number)) for number in range(UNSEEN_HOUSES)]
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
        "houses": [home.name for home in homes],
        "sources": {home.name: home.source for home in homes},
        "simulated_houses": total,
        "seed": arguments.seed,
        "steps": arguments.steps,
        "copies": arguments.copies,
        "trained_by": "scripts/train-prior "
        + " ".join(
            [
                *(["--homes", arguments.homes.name] if arguments.homes else []),
                *(["--readings", *(path.name for path in arguments.readings)] if arguments.readings else []),
                *(["--outdoor", *(path.name for path in arguments.outdoor)] if arguments.outdoor else []),
                *(part for name in arguments.without for part in ("--without", name)),
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
