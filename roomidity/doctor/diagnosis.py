"""Diagnoses a stage: what was found, what was expected, and how to correct it. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from roomidity.doctor.batches import batches
from roomidity.doctor.findings import Finding
from roomidity.doctor.houses import houses
from roomidity.doctor.iot import iot_rule
from roomidity.doctor.parts import bucket, concurrency, queues, stack, tables
from roomidity.doctor.ports import DoctorPorts
from roomidity.doctor.target import identity, target
from roomidity.errors import RoomidityError
from roomidity.forecasting import load_prior

__all__ = ["diagnose"]


def diagnose(ports: DoctorPorts, *, now: datetime, most_houses: int | None = None) -> Iterator[Finding]:
    """Yields findings on everything a stage needs, from the outside in. Stops where nothing further can be known.

    Parameters
    ----------
    ports
        What the doctor asks.
    now
        The time for which forecasts are expected.
    most_houses
        Maximum number of active houses whose models and forecasts are checked. All if None.
    """
    yield _prior()
    for gate in (target, identity):
        finding = gate(ports)
        yield finding
        if finding.status == "wrong":
            return
    yield stack(ports)
    yield concurrency(ports)
    yield from iot_rule(ports)
    yield from queues(ports, now=now)
    kept = [*tables(ports), bucket(ports)]
    yield from kept
    if any(finding.status != "ok" for finding in kept):
        yield Finding("houses", "unknown", "not looked at", mend="mend the tables and the bucket first")
        return
    yield from batches(ports, now=now)
    yield from houses(ports, now=now, most_houses=most_houses)


def _prior() -> Finding:
    expected = "the model shipped with the package"
    try:
        _, _, manifest = load_prior()
    except (RoomidityError, OSError) as error:
        mend = "install the package again; every house without a model of its own is forecast by the prior"
        return Finding("prior", "wrong", str(error), expected, mend)
    return Finding("prior", "ok", f"{manifest['version']}, intact")
