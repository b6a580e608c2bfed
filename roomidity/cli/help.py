"""Help texts at any width: prose is wrapped, and what stands indented (examples) is shown as it stands."""

from __future__ import annotations

import re
from typing import Final

import click

__all__ = ["keep_examples"]

_AS_IT_STANDS: Final = "\b"
"""What click takes for: do not wrap this paragraph. A docstring cannot hold it legibly."""


def keep_examples(command: click.Command) -> None:
    """Mark the paragraphs with indented lines in the help of a command, and of those of a group."""
    paragraphs = re.split(r"\n[ \t]*\n", (command.help or "").strip("\n"))
    command.help = "\n\n".join(map(_marked, paragraphs)) or None
    if isinstance(command, click.Group):
        for one in command.commands.values():
            keep_examples(one)


def _marked(paragraph: str) -> str:
    is_indented = any(line.startswith(" ") for line in paragraph.splitlines())
    return f"{_AS_IT_STANDS}\n{paragraph}" if is_indented and not paragraph.startswith(_AS_IT_STANDS) else paragraph
