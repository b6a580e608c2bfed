"""What a mutation is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Mutation", "mutation"]


@dataclass(frozen=True)
class Mutation:
    """What is broken, in which file, by which replacements, and the tests that ought to see it."""

    name: str
    breaks: str
    file: str
    pieces: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]


def mutation(name: str, breaks: str, file: str, *pieces: tuple[str, str], tests: tuple[str, ...]) -> Mutation:
    """Returns a mutation of ``file`` in the package: each of ``pieces`` is what stands there, and what replaces it."""
    return Mutation(name, breaks, f"roomidity/{file}", pieces, tests)
