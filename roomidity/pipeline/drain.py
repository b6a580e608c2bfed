"""Drain: receive, decode, check and store wave by wave, delete only then, and finally request forecasts.

It conserves readings: received = stored + duplicate + rejected. It also always makes progress. A forecast of every
active house is requested, and a message, item or house that cannot be stored does not affect any other.
"""

from __future__ import annotations

import logging
import math
import traceback
from collections.abc import Callable
from datetime import datetime
from typing import Final

from roomidity.domain.messages import Message
from roomidity.pipeline.asking import Asking
from roomidity.pipeline.drain_parts import DrainConfig, DrainPorts, DrainSummary
from roomidity.pipeline.noting import DeliveryNoting
from roomidity.pipeline.quotas import Allowance
from roomidity.pipeline.refusals import note_refusal
from roomidity.pipeline.wave_storing import WaveStorer
from roomidity.pipeline.waves import portions, receive_wave
from roomidity.stopwatch import Timed, untimed

__all__ = ["DrainConfig", "DrainPorts", "DrainSummary", "drain"]

logger: Final = logging.getLogger(__name__)

_MOST_FAILURES: Final = 40
"""Maximum failed attempts of one drain. A bad message among 5,000 is found in 13 attempts. If everything fails, more
attempts gain nothing.
"""


def drain(
    ports: DrainPorts,
    config: DrainConfig,
    *,
    now: datetime,
    remaining_s: Callable[[], float],
    ask_forecasts: bool = True,
    timed: Timed = untimed,
    summary: DrainSummary | None = None,
) -> DrainSummary:
    """Empty the queue into the tables, then request a forecast of every active house.

    A message is deleted only after all its readings are durable, either stored or written with the rejects. A drain
    that is interrupted anywhere, or runs in parallel with another, therefore loses nothing and counts nothing twice.
    Messages that cannot be stored together are split in halves, so that the others are stored. Forecasts are requested
    whether or not storing succeeds.

    Parameters
    ----------
    ports, config
        The ports and the configuration of the drain.
    now
        The issue time, an aware UTC slot start.
    remaining_s
        Returns how many seconds are left. No new wave begins with less than ``config.last_wave_s``.
    ask_forecasts
        Whether to request forecasts at the end.
    timed
        Measures the phases: receive, decode, store, delete, ask.
    summary
        Counts to add to. The caller that passes it has the counts even if the drain fails.

    Raises
    ------
    Exception
        The first error that kept a message in the queue, raised after forecasts were requested, or the error that
        prevented requesting them.
    """
    summary = DrainSummary() if summary is None else summary
    asking = Asking(ports.houses, ports.forecast_jobs, now)
    storer = WaveStorer(
        ports,
        config,
        now=now,
        may_go_on=lambda: remaining_s() > config.last_round_s,
        timed=timed,
        allowance=Allowance(config.quotas, now=now),
        noting=DeliveryNoting(now),
    )
    with asking.within(remaining_s() - config.asking_s if ask_forecasts else math.inf):
        try:
            _store_all(storer, summary, remaining_s=remaining_s)
        except Exception as error:  # whatever storing does, forecasts are requested
            logger.exception("storing ended early; forecasts are asked for all the same")
            storer.failures.append(error)
        with timed("store"):
            storer.noting.write(ports.houses, may_go_on=storer.may_go_on)
            if (why := ports.batches_refused()) is not None:
                note_refusal(ports.settings, why, now=now)
        if ask_forecasts:
            with timed("ask"):
                try:
                    asking.ask()
                finally:
                    summary.active_houses, summary.forecast_jobs = asking.active, asking.asked
    for failure in storer.failures:
        raise failure
    return summary


def _store_all(storer: WaveStorer, summary: DrainSummary, *, remaining_s: Callable[[], float]) -> None:
    """Store wave after wave, until the queue is empty, time is short, or too much has failed."""
    ports, config = storer.ports, storer.config
    attempts = _MOST_FAILURES
    while attempts > 0 and remaining_s() > config.last_wave_s:
        with storer.timed("receive"):
            wave = receive_wave(ports.readings, config.wave)
        for place, portion in enumerate(portions(wave.messages, config.wave)):
            if place and (attempts <= 0 or remaining_s() <= config.last_wave_s):
                break  # the rest of the wave is received again
            attempts = _store_by_halves(portion, storer, summary, attempts=attempts)
        if wave.last:
            break
    storer.write_heard()


def _store_by_halves(portion: list[Message], storer: WaveStorer, summary: DrainSummary, *, attempts: int) -> int:
    """Store messages together. If that fails, split them in halves, down to the one that cannot be stored.

    Returns
    -------
    int
        How many of the ``attempts`` that may fail are left.
    """
    waiting = [portion]
    while waiting:
        messages = waiting.pop()
        try:
            summary.add(storer.store(messages))
        except Exception as error:  # whatever one message does must not affect the others
            traceback.clear_frames(error.__traceback__)  # the frames hold everything that was decoded
            attempts -= 1
            if attempts > 0 and len(messages) > 1 and storer.may_go_on():
                half = len(messages) // 2
                waiting += [messages[half:], messages[:half]]
                continue
            gives_up = attempts <= 0 or not storer.may_go_on()
            left = [messages, *waiting] if gives_up else [messages]
            summary.undeleted += sum(map(len, left))
            identities = [message.id for some in left for message in some]
            logger.exception(
                "messages could not be stored, and stay in the queue",
                extra={"count": len(identities), "message_ids": identities[:10]},
            )
            storer.failures.append(error)
            if gives_up:
                return attempts
    return attempts
