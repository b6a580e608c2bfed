"""The root of the command line, and how its errors end."""

from __future__ import annotations

import logging
import sys
from typing import Any

import click

from roomidity import __version__
from roomidity.aws.account import explanation_of
from roomidity.cli.accuracy import accuracy, verify
from roomidity.cli.backtest import backtest
from roomidity.cli.doctor import doctor
from roomidity.cli.engine import demo, up
from roomidity.cli.forecasts import forecast, show
from roomidity.cli.forget import forget
from roomidity.cli.house import house, room
from roomidity.cli.ingest import drain, send
from roomidity.cli.models import models
from roomidity.cli.quarantine import quarantine
from roomidity.cli.rejects import rejects, replay
from roomidity.cli.training import train

__all__ = ["roomidity"]


class _Root(click.Group):
    """Commands in the order of a reading's way; errors as messages: exit status 1 for a failure, 2 for wrong usage."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The order in which they were added."""
        del ctx
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it raises on purpose is a message, what comes from AWS says what to do."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            explanation = explanation_of(error)
            if explanation is None:
                raise
            sys.exit(f"roomidity: {explanation}")


@click.group(cls=_Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
def roomidity() -> None:
    r"""For every room, how humid and how warm it will be over the next 24 hours.

    \b
    Try it with no AWS account:
      roomidity demo                            a simulated house through the whole system
      roomidity demo --readings FILE.parquet    your own house's readings
    Or step by step:
      roomidity up                              an engine on this machine; export the lines it prints, then
      roomidity send FILE, drain, train HOUSE, forecast HOUSE, show HOUSE

    Every command takes --json. The service, stage, region and endpoint come from ROOMIDITY_SERVICE, ROOMIDITY_STAGE and
    the usual AWS variables. Exit status: 0 success, 1 a failure that the message explains, 2 wrong usage.
    """
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")


for command in (
    demo,
    up,
    send,
    drain,
    forecast,
    show,
    verify,
    accuracy,
    train,
    models,
    rejects,
    replay,
    house,
    room,
    quarantine,
    forget,
    backtest,
    doctor,
):
    roomidity.add_command(command)
