"""Models and states as bytes: numeric arrays in an npz, no pickle; equal arrays give equal bytes."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from roomidity.errors import ModelRefusedError

__all__ = ["Field", "pack", "unpack"]

Field = tuple[str, tuple[str | int, ...]]
"""Type and shape of an array.

Types: ``f4``, ``f8``, ``i8``, ``U`` (text), ``f4?`` (NaN allowed). In a shape a letter stands for a number that is free
but the same wherever the letter stands; ``R+1`` for one more.
"""

MAX_BYTES: Final = 64 * 1024 * 1024
"""An artifact that unpacks to more is refused before it fills a Lambda's memory; real ones stay under 2 MB."""

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def pack(arrays: Mapping[str, NDArray[Any]], schema: str, fields: Mapping[str, Field]) -> bytes:
    """Returns the arrays as bytes, which depend on nothing but the arrays and ``schema``.

    Parameters
    ----------
    arrays
        By name; those of ``fields`` are stored, the others are not.
    schema
        What :func:`unpack` will ask for.
    fields
        Type and shape of each array. Numbers are converted to the type.

    Raises
    ------
    TypeError
        If an array holds no numbers, or fractions where whole numbers are wanted.
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in ("schema", *sorted(fields)):
            value = np.array(schema) if name == "schema" else _stored(arrays[name], fields[name][0])
            member = io.BytesIO()
            np.lib.format.write_array(member, value, version=(1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, member.getvalue())
    return target.getvalue()


def unpack(
    content: bytes,
    version: str,
    schema: str,
    fields: Mapping[str, Field],
    *,
    optional: Mapping[str, Field] | None = None,
    former: Mapping[str, Mapping[str, Field]] | None = None,
) -> dict[str, NDArray[Any]]:
    """Returns the arrays that :func:`pack` wrote, checked for names, types, shapes and finite numbers.

    Those of ``fields`` are all there, those of ``optional`` may be. Bytes of a ``former`` schema have its fields.

    Raises
    ------
    ModelRefusedError
        If ``content`` is anything else.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_BYTES:
            raise ModelRefusedError(version, found=f"{size} bytes unpacked", expected=f"at most {MAX_BYTES}")
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays: dict[str, NDArray[Any]] = {name: archive[name] for name in archive.files}
    except ModelRefusedError:
        raise
    except Exception as error:  # bytes that came from elsewhere can fail in any way
        raise ModelRefusedError(
            version, found=f"{type(error).__name__}: {error}", expected="an npz of arrays"
        ) from error
    found_schema = arrays.pop("schema", None)
    named = str(found_schema) if found_schema is not None and found_schema.shape == () else ""
    if named != schema and former is not None and named in former:
        fields = former[named]
    elif named != schema:
        is_newer = _is_newer(str(found_schema), schema)
        expected = f"schema {schema}" + (": a newer version of roomidity wrote it, deploy that again" * is_newer)
        raise ModelRefusedError(version, found=f"schema {found_schema}", expected=expected, is_newer=is_newer)
    known = {**fields, **{name: field for name, field in (optional or {}).items() if name in arrays}}
    if set(arrays) != set(known):
        raise ModelRefusedError(version, found=f"arrays {sorted(arrays)}", expected=f"arrays {sorted(fields)}")
    sizes: dict[str, int] = {}
    for name, (kind, shape) in known.items():
        _check(arrays[name], version, name, kind=kind, shape=shape, sizes=sizes)
    return arrays


def _check(
    array: NDArray[Any], version: str, name: str, *, kind: str, shape: tuple[str | int, ...], sizes: dict[str, int]
) -> None:
    fits = array.dtype.kind == "U" if kind == "U" else array.dtype == np.dtype(f"<{kind.rstrip('?')}")
    if not fits:
        raise ModelRefusedError(version, found=f"{name} of type {array.dtype}", expected=f"type {kind}")
    if array.ndim != len(shape):
        raise ModelRefusedError(version, found=f"{name} of shape {array.shape}", expected=f"shape {shape}")
    for found, expected in zip(array.shape, shape, strict=True):
        if isinstance(expected, int):
            agreed = expected
        elif expected.endswith("+1"):
            agreed = sizes.setdefault(expected[:-2], found - 1) + 1
        else:
            agreed = sizes.setdefault(expected, found)
        if found != agreed:
            raise ModelRefusedError(version, found=f"{name} of shape {array.shape}", expected=f"shape {shape}")
    if kind[0] in "fi" and not kind.endswith("?") and not np.isfinite(array).all():
        raise ModelRefusedError(version, found=f"{name} with numbers that are not finite", expected="finite numbers")


def _is_newer(found: str, expected: str) -> bool:
    """Whether a schema is a later one of the same kind."""
    (kind, _, number), (own, _, ours) = found.rpartition("-"), expected.rpartition("-")
    return kind == own and number.isdecimal() and int(number) > int(ours)


def _stored(array: NDArray[Any], kind: str) -> NDArray[Any]:
    if kind == "U":
        longest = max((len(text) for text in array.tolist()), default=1)
        return np.asarray(array, dtype=f"<U{max(longest, 1)}")
    kind = kind.rstrip("?")
    if array.dtype.kind not in "fiu" or (array.dtype.kind == "f" and kind.startswith("i")):
        raise TypeError(f"cannot store an array of type {array.dtype} as {kind}")
    if not math.prod(array.shape):
        return np.zeros(array.shape, dtype=f"<{kind}")
    return np.ascontiguousarray(array, dtype=f"<{kind}").reshape(array.shape)
