"""Decodes bytes to lines of text, whatever their encoding."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Final

from roomidity.errors import ReadingsFileError

__all__ = ["decoded", "refuse_binary"]

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # Before UTF-16, whose mark is a prefix of this one.
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_MAGIC: Final = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook", "save the sheet as CSV, or unpack the archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV"),
    (b"\x1f\x8b", "a gzip archive", "unpack it with gunzip"),
    (b"%PDF", "a PDF document", "export the readings as CSV"),
)

_SAMPLE: Final = 4_096
"""Number of bytes examined to detect UTF-16 without a mark, in which about every second byte is zero."""

_CONTROL_BYTES: Final = bytes(code for code in range(32) if code not in b"\t\n\r\f\x1b")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1f]")


def refuse_binary(data: bytes, path: Path) -> None:
    """Refuses data known to be neither text nor Parquet.

    Raises
    ------
    ReadingsFileError
        If the data is binary. The message says how to export it as text.
    """
    for magic, what, remedy in _MAGIC:
        if data.startswith(magic):
            expected = f"Parquet, CSV or JSON: {remedy}"
            raise ReadingsFileError(path, column=None, found=what, expected=expected)
    sample = data[:_SAMPLE]
    is_marked = any(data.startswith(mark) for mark, _ in _MARKS)
    if not is_marked and not _zeros(sample) and len(sample.translate(None, _CONTROL_BYTES)) < 0.98 * len(sample):
        raise ReadingsFileError(path, column=None, found="bytes that are no text", expected="Parquet, CSV or JSON")


def decoded(data: bytes) -> tuple[str, str]:
    """Returns the text with line feeds as line ends, and the name of its encoding ('' for UTF-8 without a mark).

    If the text is not UTF-8 throughout, only the invalid lines are decoded as Windows-1252, or as Latin-1.
    """
    text, name = _decoded(data)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, name


def _decoded(data: bytes) -> tuple[str, str]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace"), f"{encoding.upper()} with a byte-order mark"
    zeros = _zeros(data[:_SAMPLE])
    if zeros:
        return data.decode(zeros, errors="replace"), zeros.upper()
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        lines = [_line(line) for line in data.split(b"\n")]
        return "\n".join(lines), "Windows-1252"


def _zeros(sample: bytes) -> str | None:
    """Returns the variant of UTF-16 without a mark, detected by the positions of zero bytes, or None."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = max(len(sample) // 2, 1)
    if odd > 0.4 * half and even < 0.1 * half:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 * half and odd < 0.1 * half else None


def _line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        text = line.decode("cp1252")
    except UnicodeDecodeError:
        text = line.decode("latin-1")
    return text if _CONTROLS.search(text) is None else line.decode("utf-8", errors="replace")
