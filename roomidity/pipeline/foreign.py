"""Foreign messages of a wave: which messages they are, and what is known of them after translation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from roomidity.readings import Decoded

__all__ = ["Translated", "foreign_messages"]


@dataclass(frozen=True)
class Translated:
    """Decoded messages including the foreign ones, and by message the counts of what is in no row.

    ``unkept`` counts readings of unmapped devices beyond those that are kept. ``no_reading`` and ``retained`` count
    messages of a gateway.
    """

    decoded: Decoded
    unkept: Counter[int] = field(default_factory=Counter)
    no_reading: Counter[int] = field(default_factory=Counter)
    retained: Counter[int] = field(default_factory=Counter)


def foreign_messages(decoded: Decoded) -> list[int]:
    """Returns the indices of messages that may be in another form than the project's own."""
    faults = decoded.rows["fault"]
    if faults.null_count() == len(faults):
        return []
    return decoded.rows.filter(faults == "foreign")["message"].to_list()
