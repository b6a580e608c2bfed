"""Judge the packaged template by cfn-lint and checkov; called by scripts/check-template, in the tools' environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
EXCEPTIONS: Final = ROOT / "container/template-exceptions.toml"
TEMPLATE: Final = "cloudformation-template-update-stack.json"
STAGES: Final = {
    "dev": [],
    "prod": ["--param", "alarmEmail=someone@example.org", "--param", "iotTopic=houses/+/#"],
}
"""What is packaged: a stage whose data goes with it and one whose data stays, each conditional resource once."""
REGION: Final = "eu-central-1"
WIDTH: Final = 130


@dataclass(frozen=True, order=True)
class Finding:
    """What a tool complains about. ``where`` is "type.name" of the resource."""

    tool: str
    check: str
    where: str
    what: str


class CheckError(Exception):
    """A tool could not do its work."""


def package(folder: Path, stage: str) -> Path:
    """The template of a stage, made offline and without a word of the person's environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ROOMIDITY_"))}
    command = [ROOT / "node_modules/.bin/serverless", "package", "--stage", stage, "--package", folder, *STAGES[stage]]
    run(command, {**environment, "NODE_NO_WARNINGS": "1", "AWS_EC2_METADATA_DISABLED": "true"})
    return folder / TEMPLATE


def run(command: list[Any], environment: Mapping[str, str] | None = None, *, statuses: Collection[int] = (0,)) -> str:
    """What a command prints."""
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in statuses:
        name = Path(command[0]).name
        raise CheckError(f"{name} ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def tool(name: str) -> Path:
    return Path(sys.executable).parent / name


def cfn_lint(template: Path) -> Iterator[Finding]:
    """Errors and warnings; its exit status is a sum of what kinds there are, 1 and 32 and more if it failed."""
    kinds = {name: one["Type"] for name, one in json.loads(template.read_text())["Resources"].items()}
    command = [tool("cfn-lint"), "--regions", REGION, "--format", "json", template]
    for found in json.loads(run(command, statuses={0, *range(2, 32)}) or "[]"):
        path = found["Location"]["Path"] or []
        name = str(path[1]) if path[:1] == ["Resources"] and len(path) > 1 else ".".join(str(part) for part in path)
        yield Finding("cfn-lint", found["Rule"]["Id"], f"{kinds.get(name, 'template')}.{name}", found["Message"])


def checkov(template: Path) -> Iterator[Finding]:
    command = [tool("checkov"), "--framework", "cloudformation", "--file", template, "--output", "json"]
    report = json.loads(run([*command, "--quiet", "--compact", "--skip-download"], statuses={0, 1}))
    if report["summary"]["parsing_errors"] or not report["summary"]["passed"]:
        raise CheckError(f"checkov could not read the template: {report['summary']}")
    for found in report["results"]["failed_checks"]:
        yield Finding("checkov", found["check_id"], found["resource"], found["check_name"])


def main() -> int:
    explained = {
        (tool_name, check, entry["where"]): entry["why"]
        for tool_name, checks in tomllib.loads(EXCEPTIONS.read_text()).items()
        for check, entries in checks.items()
        for entry in entries
    }
    findings: set[Finding] = set()
    with tempfile.TemporaryDirectory() as folder:
        for stage in STAGES:
            template = package(Path(folder) / stage, stage)
            findings |= {*cfn_lint(template), *checkov(template)}
    used: dict[tuple[str, str, str], list[Finding]] = {entry: [] for entry in explained}
    unexplained = []
    for finding in sorted(findings):
        entries = [one for one in explained if one[:2] == (finding.tool, finding.check)]
        matching = [one for one in entries if fnmatchcase(finding.where, one[2])]
        for entry in matching:
            used[entry].append(finding)
        if not matching:
            unexplained.append(finding)
    for entry, found in used.items():
        table_row(
            *entry, f"{len(found)} x", f"{found[0].what}\nStays: {explained[entry]}" if found else "NOTHING FOUND"
        )
    for finding in unexplained:
        table_row(finding.tool, finding.check, finding.where, "NEW", finding.what)
    stale = [entry for entry, found in used.items() if not found]
    print(
        f"{len(findings)} findings in {len(STAGES)} stages: {len(findings) - len(unexplained)} explained, "
        f"{len(unexplained)} not; {len(stale)} explanations that nothing needs"
    )
    if unexplained or stale:
        where = EXCEPTIONS.relative_to(ROOT)
        print(
            f"Mend serverless.yml or its parts in container/stack/, or say in {where} why it stays; take out of it "
            "what nothing needs.",
            file=sys.stderr,
        )
    return int(bool(unexplained or stale))


def table_row(tool_name: str, check: str, where: str, count: str, text: str) -> None:
    """A line of the table, with the text below it."""
    print(f"{tool_name:9} {check:12} {count:>5}  {where}")
    for line in text.splitlines():
        print(textwrap.indent(textwrap.fill(line, WIDTH - 30), " " * 30))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CheckError as error:
        sys.exit(f"check-template: {error}")
