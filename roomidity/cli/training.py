"""Train a house's model by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from roomidity import __version__
from roomidity.cli.context import now_option, stage
from roomidity.cli.output import UNITS, Output, json_option, progress
from roomidity.cli.places import house_argument

__all__ = ["comparison_table", "explained", "train", "verdict"]


@click.command()
@house_argument
@now_option("Train on what had closed by then.")
@click.option("--dry-run", is_flag=True, help="Train and judge, but publish nothing.")
@click.option("--jobs", type=int, default=1, show_default=True, help="Rooms fitted at a time; -1 for all cores.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of whatever is random.")
@click.option(
    "--keep-estimators",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also keep the fitted scikit-learn estimators, by joblib, in this folder: for study, never for serving.",
)
@json_option
def train(
    house: str, now: datetime, dry_run: bool, jobs: int, seed: int, keep_estimators: Path | None, as_json: bool
) -> None:
    """Train a challenger for HOUSE, and make it the champion if it wins.

    It learns all of the house's history but the newest one to three days. On those it is compared with the champion,
    the prior and the last value, each as it would have served. It is promoted if it is better than all of them, and
    surely not worse than any; else it is kept as refused, with the reasons (`roomidity models show HOUSE VERSION`), and
    where the house has no champion yet, the prior becomes it.
    """
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
            dry_run=dry_run,
        )
    if keep_estimators is not None:
        import joblib  # noqa: PLC0415  # only here

        keep_estimators.mkdir(parents=True, exist_ok=True)
        joblib.dump(dict(trained.estimators), keep_estimators / f"{house}-{trained.version}.joblib")
    manifest, decision = trained.manifest, trained.decision
    output.tables.print(
        f"Trained {house} on {manifest['slots_with_readings']:,} slots of {len(manifest['rooms'])} rooms, "
        f"{manifest['trained_from']} to {manifest['fitted_through']}: model {trained.version}.",
    )
    if decision.get("scores"):
        output.tables.print(comparison_table(decision))
    output.tables.print(
        verdict(decision, promoted=trained.promoted, dry_run=dry_run, adopted=trained.adopted), markup=False
    )
    output.answer(
        {
            "house": house,
            "version": trained.version,
            "promoted": trained.promoted,
            "adopted": trained.adopted,
            "dry_run": dry_run,
            "decision": decision,
            "manifest": manifest,
        }
    )


def verdict(decision: Mapping[str, Any], *, promoted: bool, dry_run: bool = False, adopted: str | None = None) -> str:
    """The decision about what was just trained in words; ``adopted`` names the prior if it serves now in its place."""
    if promoted:
        outcome = "It is the champion"
    elif dry_run:
        outcome = "It won, and would be promoted" if decision["won"] else "It would be refused"
    elif adopted is not None:
        outcome = f"It was refused; from now on the prior serves as the house's own, {adopted}"
    else:
        outcome = "It was refused; what served serves on"
    return explained(outcome, decision)


def explained(outcome: str, decision: Mapping[str, Any]) -> str:
    """What became of a model, and why."""
    return "\n".join([f"{outcome}:", *(f"  {reason}" for reason in decision["reasons"])])


def comparison_table(decision: Mapping[str, Any]) -> Table:
    """The contenders on the slots held out: mean error, pinball loss, and the share within p10 to p90."""
    scores = decision["scores"]
    quantities = list(scores["challenger"])
    title = f"on {decision['judged_from']} to {decision['judged_through']}, which neither had seen"
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for quantity in quantities:
        table.add_column(f"{quantity}: error, {UNITS[quantity]}", justify="right")
        table.add_column("pinball", justify="right")
        table.add_column("p10–p90", justify="right")
    for name in ("challenger", "champion", "prior"):
        if name in scores:
            cells = [
                (f"{of['mae']:.3f}", f"{of['pinball']:.3f}", f"{of['coverage']:.0%}") for of in scores[name].values()
            ]
            label = f"champion {decision['against']}" if name == "champion" else name
            table.add_row(label, *(cell for three in cells for cell in three))
    last = [(f"{scores['challenger'][quantity]['persistence_mae']:.3f}", "–", "–") for quantity in quantities]
    table.add_row("the last value", *(cell for three in last for cell in three))
    return table
