"""Drain: wave by wave receive, decode, check, store, and only then delete; at the end, ask for forecasts.

It obeys a law, in readings: received = stored + duplicate + rejected. And it makes progress: every active house is
asked for a forecast, and one message, item or house that cannot be stored costs itself alone.
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
from roomidity.pipeline.drain_parts import DrainPorts, DrainRules, DrainSummary
from roomidity.pipeline.noting import DeliveryNoting
from roomidity.pipeline.quotas import Allowance
from roomidity.pipeline.refusals import note_refusal
from roomidity.pipeline.wave_storing import WaveStorer
from roomidity.pipeline.waves import portions, receive_wave
from roomidity.stopwatch import Timed, untimed

__all__ = ["DrainPorts", "DrainRules", "DrainSummary", "drain"]

logger: Final = logging.getLogger(__name__)

_MOST_FAILURES: Final = 40
"""Of a drain: one message of 5,000 is found in 13 attempts; where all fail, nothing is gained by more."""


def drain(
    ports: DrainPorts,
    rules: DrainRules,
    *,
    now: datetime,
    remaining_s: Callable[[], float],
    ask_forecasts: bool = True,
    timed: Timed = untimed,
    summary: DrainSummary | None = None,
) -> DrainSummary:
    """Empty the queue into the tables, then ask for a forecast of every active house.

    A message is deleted only after all its readings are durable: stored, or written with the rejects. So a drain that
    ends anywhere, or runs beside another, loses nothing and counts nothing twice. Where messages cannot be stored
    together they are tried by halves, so that the others are; and forecasts are asked for, whatever storing does.

    Parameters
    ----------
    ports, rules
        What it talks to and goes by.
    now
        The issue time: an aware UTC slot start.
    remaining_s
        How many seconds are left; no new wave begins under ``rules.last_wave_s``.
    ask_forecasts
        Whether forecasts are asked for at the end.
    timed
        Told of the phases: receive, decode, store, delete, ask.
    summary
        Counts to add to; who hands them in has them also where the drain fails.

    Raises
    ------
    Exception
        The first that kept a message in the queue, after forecasts were asked for; or what kept those from being so.
    """
    summary = DrainSummary() if summary is None else summary
    asking = Asking(ports.houses, ports.forecast_jobs, now)
    storer = WaveStorer(
        ports,
        rules,
        now=now,
        may_go_on=lambda: remaining_s() > rules.last_round_s,
        timed=timed,
        allowance=Allowance(rules.quotas, now=now),
        noting=DeliveryNoting(now),
    )
    with asking.within(remaining_s() - rules.asking_s if ask_forecasts else math.inf):
        try:
            _store_all(storer, summary, remaining_s=remaining_s)
        except Exception as error:  # whatever storing does, forecasts are asked for
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
    """Wave after wave, until the queue is empty, time is short, or too much has failed."""
    ports, rules = storer.ports, storer.rules
    attempts = _MOST_FAILURES
    while attempts > 0 and remaining_s() > rules.last_wave_s:
        with storer.timed("receive"):
            wave = receive_wave(ports.readings, rules.wave)
        for place, portion in enumerate(portions(wave.messages, rules.wave)):
            if place and (attempts <= 0 or remaining_s() <= rules.last_wave_s):
                break  # what is left of the wave comes again
            attempts = _store_by_halves(portion, storer, summary, attempts=attempts)
        if wave.last:
            break
    storer.write_heard()


def _store_by_halves(portion: list[Message], storer: WaveStorer, summary: DrainSummary, *, attempts: int) -> int:
    """Store messages together, or by halves where that fails, down to the one that cannot be stored.

    Returns
    -------
    How many of the ``attempts`` that may fail are left.
    """
    waiting = [portion]
    while waiting:
        messages = waiting.pop()
        try:
            summary.add(storer.store(messages))
        except Exception as error:  # whatever one message does must not cost the others
            traceback.clear_frames(error.__traceback__)  # which hold all that was decoded
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
