"""Text decoding: from the bytes of a file to its text and lines."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from rag.errors import LoadError

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_BINARY = "looks like a binary file; save it as UTF-8 text, or give it the suffix of its real format"


def decode(data: bytes, source: str, declared: str = "") -> str:
    """Decode by the byte-order mark, else as `declared`, UTF-8 or the detected encoding; LoadError if binary.

    Line ends are kept; a byte-order mark is dropped.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _decode_marked(data[len(mark) :], encoding, source)
    if b"\x00" in data:
        raise LoadError(source, _BINARY)
    for encoding in filter(None, (declared, "utf-8")):
        try:
            return _check_text(data.decode(encoding), source)
        except (UnicodeDecodeError, LookupError):
            continue
    return _check_text(_detect(data, source), source)


def split_lines(text: str) -> list[str]:
    """Return the lines as an editor numbers them: they end only at CRLF, CR or LF."""
    return re.split(r"\r\n|\r|\n", text)


def _decode_marked(data: bytes, encoding: str, source: str) -> str:
    """Decode with the encoding of the byte-order mark; LoadError if the data are damaged."""
    try:
        return _check_text(data.decode(encoding), source)
    except UnicodeDecodeError as error:
        raise LoadError(
            source, f"starts as {encoding} but is damaged at byte {error.start}; save it again as UTF-8"
        ) from error


def _detect(data: bytes, source: str) -> str:
    """Decode with the encoding that charset-normalizer finds, or Windows-1252 if it is in doubt."""
    best = from_bytes(data).best()
    if best is not None and best.coherence > 0.1 and best.chaos < 0.1:
        return str(best)
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        if best is not None:
            return str(best)
        raise LoadError(source, _BINARY) from None


def _check_text(text: str, source: str) -> str:
    """Return `text`; LoadError if it has too many control characters to be text."""
    if "\x00" in text or len(_CONTROL.findall(text)) > 2 + len(text) // 1000:
        raise LoadError(source, _BINARY)
    return text
