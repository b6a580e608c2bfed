"""Help texts at any width: prose is wrapped, and what stands indented (examples) is shown as it stands."""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import Final

import click

__all__ = ["Commands", "keep_examples"]

_AS_IT_STANDS: Final = "\b"
"""What click takes for: do not wrap this paragraph. A docstring cannot hold it legibly."""


_WHOLE: Final = 10_000
"""Characters of a first sentence: all of it."""


class Commands(click.Group):
    """Commands in the order in which they were added, each with the whole sentence of what it does."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The order in which they were added."""
        del ctx
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, sentences wrapped where click cuts them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, command.get_short_help_str(_WHOLE)) for name, command in self.commands.items()], col_max=12
            )


def keep_examples(command: click.Command) -> None:
    """Mark the paragraphs with indented lines in the help of a command, and of those of a group."""
    paragraphs = re.split(r"\n[ \t]*\n", cleandoc(command.help or ""))
    command.help = "\n\n".join(map(_marked, paragraphs)) or None
    if isinstance(command, click.Group):
        for one in command.commands.values():
            keep_examples(one)


def _marked(paragraph: str) -> str:
    is_indented = any(line.startswith(" ") for line in paragraph.splitlines())
    return f"{_AS_IT_STANDS}\n{paragraph}" if is_indented and not paragraph.startswith(_AS_IT_STANDS) else paragraph
