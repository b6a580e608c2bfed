"""Bodies by those who mean harm: nothing raises, a bad reading costs itself alone, company does not matter."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomidity.domain.names import kept_name
from roomidity.domain.slots import format_moment
from roomidity.readings import REASONS, check, decode
from roomidity.readings.rejected import describe, expand
from tests.schedules import Effort
from tests.unit.samples import NOW, SENT, message, originals_of, reading

GOOD = json.dumps(reading())
SQS_BYTES = 2**20


def verdicts(*bodies: str) -> list[tuple[int, str | None]]:
    """Message and reason (None: accepted) of each reading, in order; each has its original."""
    decoded = decode([message(body) for body in bodies])
    checked = check(decoded, now=NOW)
    found = [(*row, None) for row in checked.accepted.select("message", "position").iter_rows()]
    found += checked.rejected.select("message", "position", "reason").iter_rows()
    assert len(found) == len(decoded.rows) == sum(len(originals_of(body)) for body in bodies)
    assert {reason for *_, reason in found} <= {None, *REASONS}
    return [(place, reason) for place, _, reason in sorted(found, key=lambda row: row[:2])]


def accepted(*bodies: str) -> list[tuple[Any, ...]]:
    """What is stored of bodies."""
    columns = ("house", "room", "sensor", "slot", "time_ms", "temperature", "humidity")
    return check(decode([message(body) for body in bodies]), now=NOW).accepted.select(columns).rows()


def among_good(body: str) -> list[str | None]:
    """The reasons of the readings of a body; good messages around it are accepted."""
    (_, first), *inner, (_, last) = verdicts(GOOD, body, GOOD)
    assert (first, last) == (None, None)
    return [reason for _, reason in inner]


def in_good(text: str) -> str | None:
    """The reason of a reading packed between good ones, which are accepted."""
    (first, reason, last) = (reason for _, reason in verdicts(f'{{"readings":[{GOOD},{text},{GOOD}]}}'))
    assert (first, last) == (None, None)
    return reason


# A field said twice

DOUBLED: dict[str, tuple[str, dict[str, Any]]] = {
    "another value": ('"temperature": 22.5', {"temperature": 22.5}),
    "another room": ('"room": "bath"', {"room": "bath"}),
    "no space": ('"room":"bath"', {"room": "bath"}),
    "a space before the colon": ('"room" : "bath"', {"room": "bath"}),
    "a line before the colon": ('"room"\n:\t"bath"', {"room": "bath"}),
    "an escaped key": ('"r\\u006fom": "bath"', {"room": "bath"}),
    "no value any more": ('"temperature": null', {"temperature": ...}),
    "thrice": ('"temperature": 1, "temperature": 2', {"temperature": 2}),
    "with another key between": ('"battery": 90, "room": "bath", "x": null', {"room": "bath"}),
}


@pytest.mark.parametrize("doubled", DOUBLED, ids=str)
def test_of_a_field_said_twice_the_last_counts_in_any_company(doubled: str) -> None:
    more, change = DOUBLED[doubled]
    odd = GOOD.removesuffix("}") + f", {more}}}"
    meant = accepted(json.dumps(reading(**change)))
    (good,) = accepted(GOOD)
    assert accepted(odd) == meant
    assert accepted(odd, GOOD) == [*meant, good]
    assert accepted(f'{{"readings":[{GOOD},{odd}]}}') == [good, *meant]
    assert accepted(odd, GOOD.replace("21.3", "NaN"), "x") == meant, "beside what needs care"
    filler = f'{{"readings":[{",".join([GOOD] * 300)}]}}'
    assert accepted(filler, odd, filler)[300:301] == meant, "in a wave that is read at C speed"


def test_of_common_keys_said_twice_the_last_counts() -> None:
    bare = json.dumps(reading(room=...))
    body = f'{{"room":"bath","readings":[{GOOD}],"room":"hall","readings":[{bare}]}}'
    for bodies in ([body], [body, "x"], [body, GOOD.replace("21.3", "NaN")]):
        assert accepted(*bodies) == accepted(json.dumps(reading(room="hall")))


def test_what_looks_like_a_field_said_twice_and_is_none_costs_nothing() -> None:
    text = r"\"room\": \"bath\", \"room\": 1"
    odd = GOOD.removesuffix("}") + f', "note": "{text}", "inner": {{"room": 1, "ts": 2}}}}'
    assert accepted(odd) == accepted(GOOD)
    assert accepted(json.dumps(reading(room='"room":', sensor="humidity"))) == [
        (*accepted(GOOD)[0][:1], '"room":', "humidity", *accepted(GOOD)[0][3:])
    ]


# Names

FORGED = ["h2/kitchen", "h1#2026", "$SYS", "+", "a/../h2", "h1\x00", "h1\u2028\n", "\x1b[2J", "h1\r", "\x7f", "é" * 65]
LOOK_ALIKE = [
    ("cafe\u0301", "caf\u00e9"),
    ("\u212b", "\u00c5"),
    ("\u1100\u1161", "\uac00"),
    ("kitchen ", "kitchen"),
    ("\u00a0a b ", "a b"),
]


@pytest.mark.parametrize("field", ["house", "room", "sensor"])
@pytest.mark.parametrize("name", FORGED, ids=ascii)
def test_a_name_that_could_pass_for_another_key_is_rejected(field: str, name: str) -> None:
    assert in_good(json.dumps(reading(**{field: name}))) == "bad_name"
    assert in_good(json.dumps(reading(**{field: name}), ensure_ascii=False)) in ("bad_name", "malformed")


@pytest.mark.parametrize("field", ["house", "room", "sensor"])
@pytest.mark.parametrize(("sent", "kept"), LOOK_ALIKE, ids=ascii)
def test_names_that_look_alike_are_one(field: str, sent: str, kept: str) -> None:
    (row,) = accepted(json.dumps(reading(**{field: sent})))
    assert row[("house", "room", "sensor").index(field)] == kept
    assert len(accepted(GOOD, json.dumps(reading(**{field: sent})), json.dumps(reading(**{field: kept})))) == 3


@Effort.cases(60)
@given(house=st.text(), room=st.text())
def test_no_two_rooms_have_the_same_key(house: str, room: str) -> None:
    """A forecast's key is ``<house>/<room>``: it must say which is which."""
    for stored in accepted(json.dumps(reading(house=house, room=room))):
        assert f"{stored[0]}/{stored[1]}".split("/") == [kept_name(house), kept_name(room, is_room=True)]


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\udc00\\ud800"', '"\ud800"', '"ok\\ud83d"'])
@pytest.mark.parametrize("field", ["house", "room", "sensor"])
def test_lone_surrogates_are_no_name(text: str, field: str) -> None:
    assert in_good(re.sub(rf'("{field}": )"[^"]*"', lambda found: found[1] + text, GOOD)) == "bad_name"


# Numbers and times


@pytest.mark.parametrize(
    "number",
    [
        *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e-999999", "-0.0", "1E400", f"1{'0' * 400}"),
        *(f"-1{'0' * 400}", f"1{'0' * 5_000}", "9" * 200_000, f"0.{'3' * 200_000}", f"2{'0' * 400}e-400"),
        *('"21.3"', '"NaN"', '""', "true", "[]", "{}", "0x15", "21,3", "+21", "021", "21.", ".5", "１２"),
    ],
    ids=lambda number: number[:20],
)
@pytest.mark.parametrize("field", ["temperature", "humidity"])
def test_odd_numbers_are_judged_alike_in_any_company_and_cost_themselves_alone(number: str, field: str) -> None:
    odd = re.sub(rf'("{field}": )[0-9.]+', lambda found: found[1] + number, GOOD)
    try:
        json.loads(odd, parse_int=str)
    except ValueError:
        assert among_good(odd) == ["malformed"]
        return
    reason = in_good(odd)
    assert reason in (None, "bad_value", "implausible")
    assert among_good(odd) == [reason]
    alone = "unit" if number.startswith("0.3") and field == "humidity" else reason  # a share, where nothing says no
    assert [found for _, found in verdicts(odd)] == [alone]
    if number in ("true", "[]", "{}"):
        assert reason == "bad_value"
    if '"' in number:
        assert reason is None


@pytest.mark.parametrize(
    "ts",
    [
        *("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "0000-01-01T00:00:00Z"),
        *("-9999-01-01T00:00:00Z", "+12026-11-22T07:14:55Z", "2026-11-22T24:00:01Z", "2026-11-22T07:14:61Z"),
        *("2026-11-22T07:14:55+99:99", "2026-11-22T07:14:55z\x00", "2026-13-01T00:00:00Z", "𝟚026-11-22T07:14:55Z"),
        *(-1, 0, 1, 10**11 - 1, 10**11, 10**18, 10**400, -(10**400), 1e308, 5e-324, "1e308", "0x1", "1_795_331_695"),
        *("2" * 100_000, "", " ", None, True, [], {}, float("nan"), float("inf")),
    ],
    ids=lambda ts: repr(ts)[:30] if not isinstance(ts, int) or abs(ts) < 10**20 else "huge",
)
def test_far_and_impossible_times_are_rejected_and_cost_themselves_alone(ts: Any) -> None:
    reason = in_good(json.dumps(reading(ts=ts)))
    assert reason in ("bad_time", "too_old", "future")
    assert among_good(json.dumps(reading(ts=ts))) == [reason]


@Effort.cases(60)
@given(st.integers(-(10**6), 10**6).map(lambda ms: SENT + timedelta(milliseconds=ms)))
def test_the_same_moment_in_any_form_is_the_same_reading(moment: Any) -> None:
    ms = round(moment.timestamp() * 1000)
    iso = moment.isoformat(timespec="milliseconds")
    forms = [iso, iso.replace("+00:00", "Z"), iso.replace("T", " "), ms, float(ms), str(ms), f"{ms}.0", ms / 1000]
    found = accepted(json.dumps({"readings": [reading(ts=form) for form in forms]}))
    assert found in ([], [found[0]] * len(forms) if found else [])


# Shapes and sizes

DEEP = 100_000
BOMBS = {
    "brackets": "[" * DEEP,
    "closed brackets": "[" * DEEP + "]" * DEEP,
    "objects": '{"a":' * DEEP + "1" + "}" * DEEP,
    "mixed": '[{"a":' * DEEP,
    "readings in readings": '{"readings":[' * DEEP + "]}" * DEEP,
    "quotes": '"' * DEEP,
    "backslashes": '"' + "\\" * DEEP,
    "colons": ":" * DEEP,
    "commas in a list": "[" + "," * DEEP + "]",
    "keys": "{" + ",".join(f'"k{number}":{number}' for number in range(DEEP)) + "}",
    "one key many times": "{" + ",".join(['"room":"a"'] * DEEP) + "}",
    "nulls": "\x00" * DEEP,
    "a byte order mark": "\ufeff" + GOOD,
    "two objects": GOOD + GOOD,
    "cut off": GOOD[:-1],
    "UTF-16 read as Latin-1": GOOD.encode("utf-16").decode("latin-1"),
    "UTF-8 read as Latin-1": json.dumps(reading(house="Kü/che"), ensure_ascii=False).encode().decode("latin-1"),
    "base64": "eyJob3VzZSI6ImgxIn0=",
    "XML": "<reading house='h1'/>",
    "a comment": "/* */" + GOOD,
    "a lone surrogate": "\ud800",
    "the longest text that SQS takes": '"' + "x" * (SQS_BYTES - 2) + '"',
    "the longest name that SQS takes": json.dumps(reading(room="x" * (SQS_BYTES - 200))),
    "256 KB of white space": " " * 256_000,
}


@pytest.mark.parametrize("bomb", BOMBS, ids=str)
def test_a_bomb_is_one_rejected_reading_and_what_stands_beside_it_is_stored(bomb: str) -> None:
    (reason,) = among_good(BOMBS[bomb])
    assert reason in ("malformed", "bad_name")


@pytest.mark.parametrize("size", [256_000, SQS_BYTES])
def test_a_message_at_the_size_limit_is_read_to_its_last_reading(size: int) -> None:
    line = json.dumps(reading(house=...), separators=(",", ":"))
    count = (size - 40) // (len(line) + 1)
    body = f'{{"house":"h1","readings":[{",".join([line] * count)}]}}'
    body += " " * (size - len(body))
    assert len(body) == size
    assert verdicts(body) == [(0, None)] * count


def test_half_a_million_things_that_are_no_readings_are_each_rejected() -> None:
    count = (SQS_BYTES - 20) // 2
    found = check(decode([message('{"readings":[' + ",".join("1" * count) + "]}")]), now=NOW).rejected
    assert found["reason"].value_counts().rows() == [("malformed", count)]


def test_a_long_common_key_is_kept_once_and_not_with_each_of_the_readings() -> None:
    """Else a message of 256 KB, with 40,000 readings, makes rejects of 5 GB, and ends every drain that meets it."""
    many, long = 2_000, "x" * 128_000
    body = json.dumps({"room": long, "temperature": [1] * 4_000, "readings": [{}] * many})
    decoded = decode([message(body)])
    kept = describe(decoded, check(decoded, now=NOW).rejected)
    assert len(json.dumps(kept)) < 1.1 * len(body)
    rejects = [reject for line in kept for reject in expand(line)]
    assert [reject["position"] for reject in rejects] == list(range(many))
    assert rejects[0]["original"] == rejects[-1]["original"] == {"room": long, "temperature": [1] * 4_000}


def test_a_short_common_key_stands_with_every_reading() -> None:
    body = json.dumps({"house": "h1", "room": "r" * 1_000, "readings": [{"ts": "x"}] * 3})
    assert originals_of(body) == [{"house": "h1", "room": "r" * 1_000, "ts": "x"}] * 3


# Anything

scraps = st.sampled_from(
    [
        *(
            '{"readings":[',
            '"readings":',
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
            '"',
            "\\",
            "\\u0000",
            "\\ud800",
            "null",
            "true",
        ),
        *("NaN", "-Infinity", "1e999", "0", "-", "\n", "\t", " ", "\x00", "\ufeff", "🛁", "\u2028", GOOD, GOOD[1:-1]),
        *(f'"{name}":' for name in reading()),
        *(json.dumps(value) for value in reading().values()),
        '"house":"h2",',
        '"room" : null,',
        "9" * 5_000,
        "[" * 70,
        "]" * 70,
    ]
)
mangled = st.lists(scraps, max_size=12).map("".join)
objects = st.lists(
    st.tuples(
        st.sampled_from([*(json.dumps(name) for name in reading()), '"r\\u006fom"', '"readings"', '"x"']),
        st.sampled_from([":", " :", ": ", "\n:\t"]),
        st.sampled_from(
            [*(json.dumps(value) for value in reading().values()), "null", "NaN", '"a/b"', "[1]", '{"ts":1}', "7"]
        ),
    ),
    max_size=9,
).map(lambda pairs: "{" + ",".join("".join(pair) for pair in pairs) + "}")
packed = st.tuples(objects, st.lists(objects | st.just(GOOD), max_size=4)).map(
    lambda parts: parts[0][:-1] + ("," if len(parts[0]) > 2 else "") + f'"readings":[{",".join(parts[1])}]}}'
)
raw = st.binary(max_size=60).map(lambda data: data.decode("utf-8", "surrogateescape"))
bodies = mangled | objects | packed | raw | st.text(st.characters(exclude_categories=()))


@Effort.cases(60)
@given(st.lists(bodies, min_size=1, max_size=4))
def test_any_bytes_are_accepted_or_rejected_as_each_would_be_alone(texts: list[str]) -> None:
    together = verdicts(*texts, GOOD)
    alone = [(place, reason) for place, text in enumerate(texts) for _, reason in verdicts(text)]
    assert together == [*alone, (len(texts), None)]
    assert accepted(*texts) == [row for text in texts for row in accepted(text)]


def test_what_was_sent_now_is_accepted() -> None:
    """The samples' clock is what these tests rest on."""
    assert verdicts(json.dumps(reading(ts=format_moment(NOW)))) == [(0, None)]
