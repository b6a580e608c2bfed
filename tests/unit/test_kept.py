"""The laptop engine's state on disk: whole or not at all, and checked before it is read."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from roomidity.errors import EngineError
from roomidity.local.kept import Kept, damaged_objects, read, write
from roomidity.local.outcomes import Outcomes

AT = datetime(2026, 3, 15, 12, tzinfo=UTC)
FIRST = {"sqs.json": b'{"queues": 1}', "dynamodb.json": b'{"tables": 1}'}
SECOND = {"sqs.json": b'{"queues": 2}', "dynamodb.json": b'{"tables": 2}'}


def contents(kept: Kept) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in kept.folder.iterdir() if path.name != "manifest.json"}


def test_the_newest_that_is_whole_is_read_and_nothing_of_those_before_is_left(tmp_path: Path) -> None:
    assert read(tmp_path) is None
    write(tmp_path, FIRST.items(), number=1, began_at=AT)
    write(tmp_path, SECOND.items(), number=2, began_at=AT)
    (tmp_path / "saved-00000003.part").mkdir()  # a process died in it
    kept = read(tmp_path)
    assert kept is not None
    assert (kept.number, kept.saved_at, contents(kept)) == (2, AT, SECOND)
    assert [path.name for path in tmp_path.iterdir()] == ["saved-00000002"]


@pytest.mark.parametrize("after", range(4))
def test_on_a_full_disk_what_was_kept_before_is_still_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    write(tmp_path, FIRST.items(), number=1, began_at=AT)
    done = 0
    sync = os.fsync

    def fill_up(handle: int) -> None:
        nonlocal done
        done += 1
        if done > after:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    monkeypatch.setattr(os, "fsync", fill_up)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path, SECOND.items(), number=2, began_at=AT)
    monkeypatch.undo()
    kept = read(tmp_path)
    assert kept is not None
    assert contents(kept) == FIRST


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:5]), "sqs.json has 5 bytes; expected 13 bytes"),
        (lambda path: path.write_bytes(path.read_bytes()[::-1]), "sqs.json has other content; expected what was saved"),
        (lambda path: path.unlink(), "sqs.json has no file; expected 13 bytes"),
        (lambda path: path.with_name("manifest.json").write_bytes(b""), "manifest.json has JSONDecodeError"),
        (lambda path: path.with_name("manifest.json").write_bytes(b"{}"), "manifest.json has KeyError"),
    ],
)
def test_a_damaged_state_is_named_and_nothing_of_it_is_changed(tmp_path: Path, harm: object, said: str) -> None:
    kept = write(tmp_path, FIRST.items(), number=1, began_at=AT)
    assert callable(harm)
    harm(kept.folder / "sqs.json")
    before = sorted(path.name for path in kept.folder.iterdir())
    with pytest.raises(EngineError, match=re.escape(said)) as raised:
        read(tmp_path)
    assert f"begin anew: mv {tmp_path} {tmp_path}-damaged" in str(raised.value)
    assert sorted(path.name for path in kept.folder.iterdir()) == before


def test_a_state_of_before_is_read_and_a_truncated_one_is_named(tmp_path: Path) -> None:
    """As it was kept until now: a file a service, written when the engine ended."""
    for name, content in FIRST.items():
        (tmp_path / name).write_bytes(content)
    kept = read(tmp_path)
    assert kept is not None
    assert (kept.folder, kept.number) == (tmp_path, 0)
    write(tmp_path, SECOND.items(), number=1, began_at=AT)
    assert not list(tmp_path.glob("*.json"))
    (tmp_path / "saved-00000001").rename(tmp_path / "elsewhere")
    (tmp_path / "sqs.json").write_bytes(b'{"queues"')
    with pytest.raises(EngineError, match=r"sqs\.json has 9 bytes that are not JSON"):
        read(tmp_path)


def test_damaged_objects_are_named_and_what_was_only_begun_is_removed(tmp_path: Path) -> None:
    def put(name: str, content: bytes, *, size: int, etag: str) -> None:
        (tmp_path / name).write_bytes(content)
        (tmp_path / f"{name}.meta.json").write_text(json.dumps({"size": size, "etag": f'"{etag}"'}))

    put("whole", b"abc", size=3, etag="900150983cd24fb0d6963f7d28e17f72")
    put("cut", b"ab", size=3, etag="900150983cd24fb0d6963f7d28e17f72")
    put("other", b"abd", size=3, etag="900150983cd24fb0d6963f7d28e17f72")
    (tmp_path / "begun.tmp").write_bytes(b"a")
    (tmp_path / "odd.meta.json").write_text("{")
    found = sorted(damaged_objects(tmp_path))
    assert [one.removeprefix(f"{tmp_path}/") for one in found] == [
        "cut has 2 bytes, expected 3",
        "odd.meta.json cannot be read",
        "other has other content than was put",
    ]
    assert not (tmp_path / "begun.tmp").exists()


def test_trouble_is_told_once_and_forgotten_when_it_is_over() -> None:
    told: list[str] = []
    with Outcomes(told.append) as outcomes:
        for line in lines():
            os.write(outcomes.fd, json.dumps(line).encode() + b"\n")
        outcomes.close()
    assert told == ["The engine's state cannot be saved: OSError: no space. It is tried again."]
    assert (outcomes.saved_at, outcomes.trouble) == ("12:01", None)


def lines() -> Iterator[dict[str, str]]:
    yield {"saved_at": "12:00"}
    yield {"trouble": "OSError: no space"}
    yield {"trouble": "OSError: no space"}
    yield {"saved_at": "12:01"}


def test_saving_leaves_alone_what_is_being_saved_later(tmp_path: Path) -> None:
    later = tmp_path / "saved-00000006.part"
    later.mkdir()
    write(tmp_path, [("dynamodb.json", b"{}")], number=5, began_at=datetime.now(UTC))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["saved-00000005", "saved-00000006.part"]
