"""Help at 80 columns, as most terminals have: every command's is read as it was written."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from roomidity.cli.app import roomidity
from scripts.tools.write_commands import commands

COLUMNS = 80


ALL = dict(commands(roomidity))


def shown(path: tuple[str, ...], columns: int = COLUMNS) -> str:
    done = CliRunner().invoke(roomidity, [*path, "--help"], terminal_width=columns)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_it_fits_and_holds_no_marks(path: tuple[str, ...]) -> None:
    text = shown(path)
    assert max(map(len, text.splitlines())) <= COLUMNS
    assert "\\b" not in text
    assert "\b" not in text
    assert "..." not in text.replace("COMMAND [ARGS]...", "").replace("[OPTIONS]...", "")


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_it_says_what_the_command_does_and_each_option_means(path: tuple[str, ...]) -> None:
    command = ALL[path]
    sentence = (command.help or "").partition("\n\n")[0]
    assert len(sentence.split()) >= 5
    assert sentence.rstrip().endswith(".")
    text = shown(path)
    for option in command.params:
        if isinstance(option, click.Option) and option.hidden:  # a former name, for who still has it in a script
            assert option.opts[0] not in text.split()
        elif isinstance(option, click.Option):
            assert option.help, option.name
            assert option.opts[0] in text


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_what_stands_indented_is_shown_as_it_stands(path: tuple[str, ...]) -> None:
    text = shown(path)
    for line in (ALL[path].help or "").splitlines():
        if line.startswith(" "):
            assert f"  {line}\n" in text


def test_the_list_of_commands_has_their_whole_sentences() -> None:
    text = " ".join(shown(()).split())
    for name, command in roomidity.commands.items():
        sentence = command.get_short_help_str(10_000)
        assert f"{name} {sentence}" in text
