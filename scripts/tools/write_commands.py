"""Write docs/commands.md: every command and option, as --help shows them.

    scripts/write-commands

A test holds that the page is what this writes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import click

from roomidity.cli.app import roomidity

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/commands.md"
COLUMNS = 100
INTRODUCTION = """# Commands

What `--help` says of each command, written by `scripts/write-commands`.
Completion by the shell: `roomidity completion --help`.
"""


def commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with what one types to call it, groups before what is in them."""
    yield path, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


def page_text() -> str:
    parts = [INTRODUCTION]
    for path, command in commands(roomidity, "roomidity"):
        name = " ".join(path)
        context = click.Context(command, info_name=name, terminal_width=COLUMNS, help_option_names=["-h", "--help"])
        command._help_option = None  # noqa: SLF001  # Click keeps the first, by whatever names it was asked for then.
        text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        parts.append(f"## {name}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="write-commands", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    PAGE.write_text(page_text(), "utf-8")


if __name__ == "__main__":
    main()
