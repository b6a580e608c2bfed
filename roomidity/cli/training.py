"""Train a house's model by hand."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from roomidity import __version__
from roomidity.cli.context import now_option, stage
from roomidity.cli.output import Output, json_option, progress

__all__ = ["train"]


@click.command()
@click.argument("house")
@now_option("Train on what had closed by then.")
@click.option("--jobs", type=int, default=1, show_default=True, help="Rooms fitted at a time; -1 for all cores.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of whatever is random.")
@click.option(
    "--keep-estimators",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also keep the fitted scikit-learn estimators, by joblib, in this folder: for study, never for serving.",
)
@json_option
def train(house: str, now: datetime, jobs: int, seed: int, keep_estimators: Path | None, as_json: bool) -> None:
    """Train HOUSE on its history, keep the model in the registry, and make it the champion."""
    from roomidity.pipeline.training import train_house  # noqa: PLC0415  # scikit-learn takes a second

    output = Output(as_json=as_json)
    with progress() as bar:
        bar.add_task(f"training {house}", total=None)
        trained = train_house(
            stage().training_ports,
            house=house,
            now=now,
            reason="by hand",
            code_version=__version__,
            seed=seed,
            jobs=jobs,
            keep_estimators=keep_estimators is not None,
        )
    if keep_estimators is not None:
        import joblib  # noqa: PLC0415  # only here

        keep_estimators.mkdir(parents=True, exist_ok=True)
        joblib.dump(dict(trained.estimators), keep_estimators / f"{house}-{trained.version}.joblib")
    manifest = trained.manifest
    output.tables.print(
        f"Trained {house} on {manifest['slots_with_readings']:,} slots of {len(manifest['rooms'])} rooms, "
        f"{manifest['trained_from']} to {manifest['trained_through']}: model {trained.version} is the champion."
    )
    output.answer({"house": house, "version": trained.version, "manifest": manifest})
