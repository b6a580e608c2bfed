"""Names: what comes in is seen as it is, and what came in before is shown so."""

from __future__ import annotations

import json
import unicodedata
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.domain.names import is_key, is_name, visible
from tests.unit.samples import fast

HIDDEN: Final = [
    *map(chr, [0x00, 0x1B, 0x7F, 0x85, 0x9B, 0xAD, 0x061C, 0x180E, 0xFEFF, 0xFFF9, 0xE000, 0x0378, 0xE0001, 0x10FFFF]),
    *map(chr, range(0x200B, 0x2010)),
    *map(chr, range(0x2028, 0x202F)),
    *map(chr, range(0x2060, 0x2070)),
    "\ud800",
    "\u3164",
    "\u2800",
]


@pytest.mark.parametrize("character", HIDDEN, ids=lambda character: f"{ord(character):04X}")
def test_what_cannot_be_seen_is_refused_wherever_it_stands_and_shown_escaped(character: str) -> None:
    for name in (character, f"{character}bath", f"ba{character}th", f"bath{character}"):
        assert not is_name(name)
        assert visible(name).isprintable()
        assert json.loads(f'"{visible(name)}"') == name


@pytest.mark.parametrize(
    "name", ["Küche", "Salle de bains", "浴室", "كيتشن", "Bad ☔", "❤️", "🛁", "a\u0323\u0302", "ห้องน้ำ", "x" * 64]
)
def test_what_people_call_rooms_comes_in_and_is_shown_as_it_is(name: str) -> None:
    name = unicodedata.normalize("NFC", name)
    assert is_name(name)
    assert visible(name) == name


@fast
@given(st.text(max_size=70))
def test_what_comes_in_can_be_stored_and_is_shown_as_it_is(text: str) -> None:
    if is_name(text):
        assert is_key(text)
        assert visible(text) == text
    shown = visible(text)
    assert all(
        one == "\n" or unicodedata.category(one) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for one in shown
    )
    assert visible(shown) == shown


@fast
@given(st.text(max_size=30))
def test_json_stays_json(text: str) -> None:
    line = visible(json.dumps({"house": text}, ensure_ascii=False))
    assert json.loads(line) == {"house": text}
