"""What scripts/mutate breaks is still there to be broken."""

from __future__ import annotations

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def mutate(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    loader = SourceFileLoader("mutate", str(ROOT / "scripts/mutate"))
    spec = spec_from_loader("mutate", loader)
    assert spec is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "mutate", module)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader.exec_module(module)
    return module


def test_every_piece_stands_once_in_its_file_and_compiles_when_replaced(mutate: ModuleType) -> None:
    for mutation in mutate.MUTATIONS:
        source = (ROOT / mutation.file).read_text()
        for piece, replacement in mutation.pieces:
            assert source.count(piece) == 1, mutation.name
            source = source.replace(piece, replacement)
        compile(source, mutation.file, "exec")
