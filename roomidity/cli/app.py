"""The root of the command line, and how its errors end."""

from __future__ import annotations

import logging
import sys
from typing import Any

import click

from roomidity import __version__
from roomidity.cli.accuracy import accuracy, verify
from roomidity.cli.advice import advice
from roomidity.cli.backtest import backtest
from roomidity.cli.bridge import bridge
from roomidity.cli.completion import completion
from roomidity.cli.devices import devices
from roomidity.cli.doctor import doctor
from roomidity.cli.engine import demo, up
from roomidity.cli.export import export
from roomidity.cli.failures import told
from roomidity.cli.forecasts import forecast, show
from roomidity.cli.forget import forget
from roomidity.cli.help import Commands, keep_examples
from roomidity.cli.house import house
from roomidity.cli.ingest import drain, send
from roomidity.cli.models import models
from roomidity.cli.notices import notices
from roomidity.cli.quarantine import quarantine
from roomidity.cli.rederive import rederive
from roomidity.cli.rejects import rejects, replay
from roomidity.cli.room import room
from roomidity.cli.token import token
from roomidity.cli.training import train
from roomidity.cli.translate import translate_command
from roomidity.cli.watch import watch
from roomidity.cli.weather import weather
from roomidity.domain.names import visible

__all__ = ["roomidity"]


class _Root(Commands):
    """Errors as messages: exit status 1 for a failure, 2 for wrong usage."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it raises on purpose is a message, what comes from AWS says what to do."""
        try:
            return told(ctx, lambda: super(_Root, self).invoke(ctx))
        except click.ClickException as error:
            vars(error).update(message=visible(error.message))  # it quotes what was given
            raise


class _Lines(logging.Formatter):
    """A log record as a line, with what was logged beside the message; names from outside are escaped."""

    _OWN = frozenset((*vars(logging.makeLogRecord({})), "message", "asctime"))

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        more = ", ".join(f"{name} {value}" for name, value in vars(record).items() if name not in self._OWN)
        return visible(super().format(record) + (f" ({more})" if more else ""))


@click.group(cls=_Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
@click.option("--debug", is_flag=True, help="Show the traceback of a failure as well, and log more.")
def roomidity(debug: bool) -> None:
    """For every room, how humid and how warm it will be over the next 24 hours.

    Try it with no AWS account:
      roomidity demo                            a simulated house, whole system
      roomidity demo --readings FILE.parquet    your own house's readings

    Or step by step:
      roomidity up               an engine on this machine; then, with the lines
                                 that it prints exported in another terminal:
      roomidity send FILE        queue readings
      roomidity drain            take them in
      roomidity forecast HOUSE   issue forecasts
      roomidity show HOUSE       look at them

    Every command takes --json, and COMMAND --help explains it. The service, stage, region and endpoint come from
    ROOMIDITY_SERVICE, ROOMIDITY_STAGE and the usual AWS variables. Exit status: 0 success, 1 a failure that the message
    explains, 2 wrong usage, 130 Ctrl-C.
    """
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(_Lines("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO if debug else logging.WARNING, handlers=[lines])


for command in (
    demo,
    up,
    send,
    bridge,
    translate_command,
    drain,
    forecast,
    show,
    notices,
    advice,
    watch,
    verify,
    accuracy,
    train,
    models,
    rejects,
    replay,
    house,
    room,
    devices,
    weather,
    quarantine,
    token,
    rederive,
    export,
    forget,
    backtest,
    doctor,
    completion,
):
    roomidity.add_command(command)
keep_examples(roomidity)
