"""Export a house."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click

from roomidity.cli.context import stage
from roomidity.cli.output import Output, json_option, progress
from roomidity.cli.places import house_argument
from roomidity.errors import InputError
from roomidity.pipeline.exporting import ExportPorts, export_house
from roomidity.pipeline.ports import known_house

__all__ = ["export"]


@click.command()
@house_argument
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to write; it must not be there, or be empty.",
)
@json_option
def export(house: str, out: Path, as_json: bool) -> None:
    """Write what is kept of HOUSE into a folder: before `roomidity forget HOUSE`, or to take the data elsewhere.

    readings-MONTH.parquet have the readings, tidy, as `roomidity send` takes them; observations.parquet and
    forecasts.parquet a row for each slot or forecast and quantity; weather.parquet the house's own forecasts of the
    weather, as `roomidity weather import` takes them; accuracy.ndjson, notices.ndjson, rejects.ndjson, models.json and
    house.json (rooms, quarantine, settings) what their names say; models/ the models' bytes. The folder appears when
    all of it is written. Nothing is changed in the stage. The device map is written by `roomidity devices export`;
    left out are read tokens, of which only hashes are kept, and days of mould, which follow from observations.
    """
    output = Output(as_json=as_json)
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out} is there and is not empty; expected a new folder: give another --out, or move it away")
    home = known_house(stage().houses, house)
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    written: Counter[str] = Counter()
    try:
        with progress() as bar:
            task = bar.add_task("reading", total=None)
            rooms = stage().observations.rooms(house)
            for what, count in export_house(_ports(), home, part, observed=rooms):
                written[what] += count
                bar.update(task, description=what, completed=written.total())
        if out.exists():
            out.rmdir()
        part.rename(out)
    except BaseException:  # also where a person ends it: half an export looks like one
        shutil.rmtree(part, ignore_errors=True)
        raise
    counts = ", ".join(f"{count:,} {what}" for what, count in written.items() if count)
    output.tables.print(f"Exported {house} to {out}: {counts}.", soft_wrap=True)
    output.answer({"house": house, "out": str(out), "written": dict(written)})


def _ports() -> ExportPorts:
    from roomidity.aws.registry.exporting import ExportedModels  # noqa: PLC0415  # no other command needs it

    here = stage()
    return ExportPorts(
        sets=here.sets,
        observations=here.observations,
        forecasts=here.forecasts,
        accuracy=here.accuracy,
        weather=here.weather,
        models=ExportedModels(here.registry, here.bucket),
        rejects=here.rejects,
        notices=here.notices,
        advice=here.advice,
        now=datetime.now(UTC),
    )
