"""Text decoding: from the bytes of a file to its text and lines."""

from __future__ import annotations

import codecs
import re
import unicodedata
from contextlib import suppress

from rag.errors import LoadError
from rag.loaders.detection import detect

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Escape sequences that change the character set of a text of seven-bit bytes.
_SHIFTS = ((b"\x1b$)C", "iso2022_kr"), (b"\x1b$", "iso2022_jp_2"))
# Labels that pages use for a part of what their bytes are; browsers read them so too.
_WIDER = {
    **dict.fromkeys(("ascii", "us-ascii", "latin1", "latin-1", "iso-8859-1", "iso8859-1"), "cp1252"),
    **dict.fromkeys(("gb2312", "gbk", "x-gbk", "cp936"), "gb18030"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987", "ksc5601"), "cp949"),
    **dict.fromkeys(("shift_jis", "shift-jis", "x-sjis", "sjis", "windows-31j"), "cp932"),
    **dict.fromkeys(("tis-620", "windows-874", "iso-8859-11"), "cp874"),
    "big5": "big5hkscs",
    "x-euc-jp": "euc_jp",
    "iso-8859-9": "cp1254",
}
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_ASCII = re.compile(r"[\t\n\r -~]")
_UNKNOWN = "\ufffd"  # stands for bytes that mean nothing
_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_BINARY = "looks like a binary file; save it as UTF-8 text, or give it the suffix of its real format"


def decode(data: bytes, source: str, declared: str = "") -> str:
    """Decode by the byte-order mark, else as `declared`, UTF-8 or the detected encoding; LoadError if binary.

    Line ends are kept; a byte-order mark is dropped.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _decode_marked(data[len(mark) :], encoding, source)
    if b"\x00" in data:
        return _decode_unmarked(data, source)
    shifted = (encoding for mark, encoding in _SHIFTS if mark in data)
    for encoding in filter(None, (*shifted, _WIDER.get(declared.lower(), declared), "utf-8")):
        try:
            return _check_text(data.decode(encoding), source)
        except (ValueError, LookupError):
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


def _decode_unmarked(data: bytes, source: str) -> str:
    """Decode UTF-16 without a mark, in the byte order that gives more of ASCII; LoadError if it is none."""
    texts = []
    for encoding in ("utf-16-le", "utf-16-be"):
        with suppress(UnicodeDecodeError):
            texts.append(data.decode(encoding))
    text = max(texts, key=lambda each: len(_ASCII.findall(each)), default="")
    unknown = sum(unicodedata.category(character) in {"Cn", "Co"} for character in text)
    if not text or unknown > len(text) / 100:
        raise LoadError(source, _BINARY)
    return _check_text(text, source)


def _detect(data: bytes, source: str) -> str:
    """Decode damaged UTF-8 or a legacy encoding; LoadError if too many bytes mean nothing in it."""
    left = len(_SEQUENCE.sub(b"", data).translate(None, bytes(range(128))))
    is_damaged = left < (len(data) - len(data.translate(None, bytes(range(128, 256))))) / 10
    text = data.decode("utf-8" if is_damaged else detect(data), "replace")
    if text.count(_UNKNOWN) > 2 + len(text) // 100:
        raise LoadError(source, _BINARY)
    return text


def _check_text(text: str, source: str) -> str:
    """Return `text`; LoadError if it has too many control characters to be text."""
    if "\x00" in text or len(_CONTROL.findall(text)) > 2 + len(text) // 1000:
        raise LoadError(source, _BINARY)
    return text
