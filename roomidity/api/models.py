"""The models of a house: which exist, which one serves, and which served when."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from roomidity.api.asked import Asked
from roomidity.domain.slots import format_moment

__all__ = ["models"]

_MOST: Final = 100


def models(asked: Asked) -> dict[str, Any]:
    """Returns the response: the pointer, the log and the versions, newest first."""
    known, house = asked.ports.models, asked.home.name
    pointer = known.pointer(house)
    records = [record for record in known.records(house) if not record.is_over(asked.now)]
    return asked.head | {
        "champion": pointer.points_to,
        "since": format_moment(pointer.since) if pointer.since else None,
        "served": [
            {"version": one.version, "since": format_moment(one.since), "why": one.why}
            for one in islice(known.served(house), _MOST)
        ],
        "models": [
            {
                "version": record.version,
                "standing": record.standing(pointer),
                "trained_from": _text(record.manifest.get("trained_from")),
                "trained_through": _text(record.manifest.get("trained_through")),
            }
            for record in records[: -_MOST - 1 : -1]
        ],
    }


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
