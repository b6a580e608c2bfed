"""What advice talks to, and what came of it: all that a forecast knows of advice where its stage gives none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # its modules are a tenth of a forecast's own, which a cold start without advice does without
    from roomidity.domain.advice.issue import AdviceIssue
    from roomidity.pipeline.noticing import Telling
    from roomidity.pipeline.ports import Houses, Observations

__all__ = ["AdvicePorts", "Advices", "Advised", "KeptAdvice"]


class KeptAdvice(Protocol):
    """Advice by house and issue time, for who only reads."""

    def latest(self, house: str, *, now: datetime) -> AdviceIssue | None:
        """Returns the newest advice issued by ``now``, or None. Raises ItemDamagedError if it cannot be read."""

    def between(self, house: str, first: datetime, last: datetime) -> Iterator[AdviceIssue]:
        """Yields the advice issued from ``first`` to ``last``, both included, oldest first."""


class Advices(KeptAdvice, Protocol):
    """The same, for who writes: what is written once stays as it is."""

    def put(self, issue: AdviceIssue) -> bool:
        """Write advice. Returns False if some of the same issue time stands already."""

    def delete(self, issue: AdviceIssue) -> None:
        """Delete advice, if it is there."""


@dataclass(frozen=True)
class AdvicePorts:
    """What advice talks to; ``telling`` is None where the stage tells nobody."""

    advice: Advices
    houses: Houses
    observations: Observations
    telling: Telling | None = None


@dataclass(frozen=True)
class Advised:
    """What was advised; ``failed`` where that could not be found out, ``untold`` how many changes nobody took yet.

    ``written`` says whether it was written: it is not where nothing has changed within the hour.
    """

    issue: AdviceIssue | None = None
    written: bool = False
    untold: int = 0
    failed: bool = False
