"""The check-up: what is wrong with a stage, and what to do about it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime

import click
from rich.table import Table
from rich.text import Text

from roomidity.cli.context import now_option, stage
from roomidity.cli.output import Output, json_option, shown
from roomidity.doctor import Finding, diagnose

__all__ = ["doctor"]

_MOST_HOUSES = 200
_STYLES = {"ok": "green", "wrong": "bold red", "unknown": "yellow"}


@click.command()
@now_option("Expect forecasts of then.")
@click.option("--all", "every", is_flag=True, help=f"Look at every active house, not at {_MOST_HOUSES} of them.")
@json_option
def doctor(now: datetime, every: bool, as_json: bool) -> None:
    """Check the stage: credentials, endpoint, stack, queues, dead letters, tables, bucket, models, last run, items.

    Says of each what was found, what was expected and what to mend, and changes nothing. Exit status 1 if something is
    wrong. It asks whatever the AWS variables name: AWS, or the local engine of `roomidity up`. Credentials are never
    printed.
    """
    output = Output(as_json=as_json)
    findings = list(diagnose(stage().doctor_ports, now=now, most_houses=None if every else _MOST_HOUSES))
    wrong = sum(finding.status == "wrong" for finding in findings)
    output.tables.print(_table(findings))
    output.tables.print(f"{wrong} wrong of {len(findings)}" if wrong else "Nothing is wrong.")
    output.answer({"ok": not wrong, "checks": [asdict(finding) for finding in findings]})
    sys.exit(1 if wrong else 0)


def _table(findings: list[Finding]) -> Table:
    table = Table("check", "", "found")
    for finding in findings:
        found = shown(finding.found)
        if finding.status != "ok":
            found.append(f"\nexpected: {finding.expected}" if finding.expected else "")
            found.append(f"\nto mend: {finding.mend}" if finding.mend else "", style="bold")
        table.add_row(finding.check, Text(finding.status, style=_STYLES[finding.status]), found)
    return table
