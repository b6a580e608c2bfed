"""Foreign messages of a wave: which they are, and what is known of them once they are translated."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from roomidity.readings import Decoded

__all__ = ["Translated", "foreign_messages"]


@dataclass(frozen=True)
class Translated:
    """Messages decoded, the foreign ones too; and by message what of them is in no row.

    ``unkept`` are readings of unmapped devices beyond those that are kept; ``no_reading`` and ``retained`` are messages
    of a gateway.
    """

    decoded: Decoded
    unkept: Counter[int] = field(default_factory=Counter)
    no_reading: Counter[int] = field(default_factory=Counter)
    retained: Counter[int] = field(default_factory=Counter)


def foreign_messages(decoded: Decoded) -> list[int]:
    """Which messages may be of another form than the project's own."""
    faults = decoded.rows["fault"]
    if faults.null_count() == len(faults):
        return []
    return decoded.rows.filter(faults == "foreign")["message"].to_list()
