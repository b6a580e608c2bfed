"""The engine's state on disk, which is written atomically and verified before it is read.

A state is a folder ``saved-<number>`` with a file per service and a manifest of their checksums. It is written beside
the previous one, synced, and renamed in one step. Then the previous one is removed. The bucket's objects are files of
their own, which the emulator writes when they are put.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from roomidity.errors import EngineError

__all__ = ["RUNNING", "Kept", "damaged_objects", "read", "write"]

RUNNING: Final = "running"
"""A file that exists while an engine runs. If it is found at a start, the last engine was killed."""

_MANIFEST: Final = "manifest.json"
_PREFIX: Final = "saved-"
_META: Final = ".meta.json"


@dataclass(frozen=True)
class Kept:
    """A saved state, and how long saving took in s."""

    folder: Path
    number: int
    saved_at: datetime
    took_s: float


def read(state: Path) -> Kept | None:
    """Returns the saved state after verifying every byte, or None if there is none.

    Incomplete and older states are removed.

    Raises
    ------
    EngineError
        If a file is missing, truncated, or has other content than was saved.
    """
    for rest in state.glob(f"{_PREFIX}*.part"):
        shutil.rmtree(rest)
    whole = sorted(state.glob(f"{_PREFIX}*"))
    if not whole:
        return _of_before(state)
    folder = whole[-1]
    try:
        manifest = json.loads((folder / _MANIFEST).read_bytes())
        files, saved_at = manifest["files"], datetime.fromisoformat(manifest["saved_at"])
        took_s = float(manifest["took_s"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder / _MANIFEST, found=f"{type(error).__name__}: {error}", expected="a manifest") from error
    for name, fact in files.items():
        path = folder / name
        found = path.read_bytes() if path.is_file() else None
        if found is None or len(found) != fact["bytes"]:
            size = "no file" if found is None else f"{len(found):,} bytes"
            raise _damaged(path, found=size, expected=f"{fact['bytes']:,} bytes")
        if hashlib.sha256(found).hexdigest() != fact["sha256"]:
            raise _damaged(path, found="other content", expected="what was saved (its sha256 differs)")
    for older in whole[:-1]:
        shutil.rmtree(older)
    return Kept(folder, int(folder.name.removeprefix(_PREFIX)), saved_at, took_s)


def write(state: Path, contents: Iterable[tuple[str, bytes]], *, number: int, began_at: datetime) -> Kept:
    """Saves files by name in place of the previous state, atomically. Returns what was saved.

    Raises
    ------
    OSError
        If they cannot be written, for example because the disk is full. The previous state is then kept.
    """
    part, folder = state / f"{_PREFIX}{number:08d}.part", state / f"{_PREFIX}{number:08d}"
    try:
        part.mkdir(parents=True)
        files = {name: _write(part / name, content) for name, content in contents}
        now = datetime.now(UTC)
        kept = Kept(folder, number, began_at, (now - began_at).total_seconds())
        facts = {"saved_at": began_at.isoformat(), "took_s": kept.took_s, "files": files}
        _write(part / _MANIFEST, json.dumps(facts).encode())
        _sync(part)
        part.rename(folder)
        _sync(state)
    except OSError:
        shutil.rmtree(part, ignore_errors=True)
        raise
    for older in (*state.glob(f"{_PREFIX}*"), *state.glob("*.json")):  # *.json is the format of earlier versions.
        if older.suffix == ".json" or older.name < folder.name:
            shutil.rmtree(older, ignore_errors=True) if older.is_dir() else older.unlink(missing_ok=True)
    return kept


def damaged_objects(bucket: Path) -> Iterator[str]:
    """Yields what is wrong with objects in the bucket's folder. Removes objects whose writing was never completed."""
    for rest in bucket.rglob("*.tmp"):
        if not rest.with_name(rest.name + _META).exists():
            rest.unlink()
    for meta in bucket.rglob(f"*{_META}"):
        path = meta.with_name(meta.name.removesuffix(_META))
        try:
            facts = json.loads(meta.read_bytes())
            expected, etag = facts["size"], facts["etag"].strip('"')
        except (OSError, ValueError, KeyError, AttributeError):
            yield f"{meta} cannot be read"
            continue
        content = path.read_bytes() if path.is_file() else b""
        if len(content) != expected:
            yield f"{path} has {len(content):,} bytes, expected {expected:,}"
        elif len(etag) == 32 and hashlib.md5(content, usedforsecurity=False).hexdigest() != etag:
            yield f"{path} has other content than was put"


def _of_before(state: Path) -> Kept | None:
    """Returns a state in the format of earlier versions: a file per service, without checksums."""
    files = sorted(state.glob("*.json"))
    for path in files:
        try:
            json.loads(path.read_bytes())
        except ValueError as error:
            raise _damaged(path, found=f"{path.stat().st_size:,} bytes that are not JSON", expected="JSON") from error
    if not files:
        return None
    newest = max(path.stat().st_mtime for path in files)
    return Kept(state, 0, datetime.fromtimestamp(newest, UTC), 0.0)


def _damaged(path: Path, *, found: str, expected: str) -> EngineError:
    state = path.parent.parent if path.parent.name.startswith(_PREFIX) else path.parent
    return EngineError(
        f"the engine's state is damaged: {path} has {found}; expected {expected}. Nothing was changed. Bring the file "
        f"back from a copy, or begin anew: mv {state} {state}-damaged"
    )


def _write(path: Path, content: bytes) -> dict[str, int | str]:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
