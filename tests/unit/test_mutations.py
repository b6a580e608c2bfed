"""What scripts/mutate breaks is still there to be broken, and the tests that it names are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.tools.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_every_piece_stands_once_in_its_file_and_compiles_when_replaced(mutation: Mutation) -> None:
    source = (ROOT / mutation.file).read_text()
    for piece, replacement in mutation.pieces:
        assert source.count(piece) == 1, piece
        source = source.replace(piece, replacement)
    compile(source, mutation.file, "exec")
    assert all((ROOT / test).exists() for test in mutation.tests)


def test_no_two_have_a_name() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
