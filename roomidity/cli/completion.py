"""Completion of commands, options and files by the shell that a person types into."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

from roomidity.cli.output import Output, json_option

__all__ = ["completion"]

_SHELLS: Final = ("bash", "zsh", "fish")
_PROGRAM: Final = "roomidity"


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@json_option
def completion(shell: str, as_json: bool) -> None:
    """Print what makes a shell complete commands, options and files after `roomidity`.

    For one session, or as a line of the shell's own start file:

      eval "$(roomidity completion bash)"      ~/.bashrc
      eval "$(roomidity completion zsh)"       ~/.zshrc, after compinit
      roomidity completion fish | source       ~/.config/fish/config.fish
    """
    output = Output(as_json=as_json)
    completer = get_completion_class(shell)
    if completer is None:  # a later click may know fewer
        raise click.UsageError(f"click knows no completion for {shell}")
    root = click.get_current_context().find_root().command
    script = completer(root, {}, _PROGRAM, f"_{_PROGRAM.upper()}_COMPLETE").source()
    if not as_json:
        click.echo(script)
    output.answer({"shell": shell, "script": script})
