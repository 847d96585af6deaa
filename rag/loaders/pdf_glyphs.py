"""The glyphs of a PDF page, read with PDFium."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ctypes import c_double, c_int, c_void_p, cast, create_string_buffer
from dataclasses import dataclass, replace
from math import atan2, cos, degrees, hypot, radians, sin
from string import ascii_lowercase
from unicodedata import category, normalize

from pypdfium2 import PdfPage, raw

_BOLD = re.compile(
    r"bold|black|heavy|demi|[-,_](?:medium|medi|bd|blk|hv|b)(?:it|ital|italic|cn|obl|i|mt)*\d*$"
    r"|(?:^|\+)(?:cm|sf|ec|lm|pl)\w*bx",
    re.IGNORECASE,
)
_BOLD_WEIGHT = 600
_NORMALIZED = re.compile("[\ufb00-\ufb06\ufb1d-\ufdfb\ufe70-\ufefc]")  # ligatures and Arabic forms
_HYPHENS = "\x02\xad\ufffe"  # what PDFium makes of a hyphen at a line end
_ACCENTS = {"¨": "\u0308", "´": "\u0301", "`": "\u0300", "ˆ": "\u0302", "˜": "\u0303", "˘": "\u0306",
            "ˇ": "\u030c", "˚": "\u030a", "¸": "\u0327", "˛": "\u0328", "˙": "\u0307", "˝": "\u030b",
            "¯": "\u0304"}  # fmt: skip
_SMALL = frozenset(ascii_lowercase)
_TEX = {"\x0b": "ff", "\x0c": "fi", "\x0d": "fl", "\x0e": "ffi", "\x0f": "ffl", "\x10": "“", "\x11": "”",
        "\x15": "–", "\x16": "—", "\x1b": "ff", "\x1c": "fi", "\x1d": "fl", "\x1e": "ffi",
        "\x1f": "ffl"}  # fmt: skip
_DOTLESS = {"ı": "i", "ȷ": "j"}
LOST = "\ue000"  # a glyph whose letter is unknown


@dataclass(frozen=True, slots=True)
class Style:
    """What all glyphs of a text object have in common."""

    size: float
    bold: bool
    turn: int


@dataclass(frozen=True, slots=True)
class Glyph:
    """One sign with its place; a break has no style, and a space between words is " "."""

    text: str
    x: float = 0.0
    end: float = 0.0
    y: float = 0.0
    style: Style | None = None
    is_guess: bool = False  # the file gives only the code of the letter; or PDFium added the space


def bounds(page: PdfPage, turn: int) -> tuple[float, float]:
    """Return the lowest and the highest y of a page, seen along this direction."""
    left, bottom, right, top = page.get_bbox()
    heights = [_turned(x, y, turn)[1] for x in (left, right) for y in (bottom, top)]
    return min(heights), max(heights)


def glyphs(page: PdfPage) -> Iterator[Glyph]:
    """Yield the glyphs inside the crop box; "\\n" is a break between lines, " " a space between words."""
    return _composed(list(_guessed(list(_drawn(page)))))


def _drawn(page: PdfPage) -> Iterator[Glyph]:
    """Yield the glyphs inside the crop box; "\\n" is a break between lines."""
    text_page = page.get_textpage()
    left, bottom, right, top = page.get_bbox()
    x, y, box = c_double(), c_double(), raw.FS_RECTF()
    styles: dict[int, Style] = {}
    for index in range(raw.FPDFText_CountChars(text_page)):
        text = _letter(text_page, index)
        text_object = raw.FPDFText_GetTextObject(text_page, index)
        is_guess = raw.FPDFText_HasUnicodeMapError(text_page, index) > 0
        if not text_object or (text.isspace() and not is_guess):
            yield Glyph("\n" if text in {"\r", "\n"} else " ", is_guess=not text_object)
            continue
        raw.FPDFText_GetCharOrigin(text_page, index, x, y)
        raw.FPDFText_GetLooseCharBox(text_page, index, box)
        inside = left <= (box.left + box.right) / 2 <= right and bottom <= (box.bottom + box.top) / 2 <= top
        if not inside or not text:
            continue
        key = _address(text_object)
        if key not in styles:
            styles[key] = _style(text_page, index)
        glyph = _placed(text, x.value, y.value, box, styles[key])
        yield replace(glyph, is_guess=True) if is_guess else glyph


def _letter(text_page: raw.FPDF_TEXTPAGE, index: int) -> str:
    """Return the letter of a glyph; LOST if the file doesn't say which it is, "" for half of a pair."""
    code = raw.FPDFText_GetUnicode(text_page, index)
    if 0xD800 <= code < 0xDC00:
        low = raw.FPDFText_GetUnicode(text_page, index + 1)
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) if 0xDC00 <= low < 0xE000 else 0
    elif 0xDC00 <= code < 0xE000:
        return ""
    letter = chr(code) if code <= 0x10FFFF else LOST
    if letter in _HYPHENS:
        return "-"
    if code == 0:
        return LOST
    return _NORMALIZED.sub(lambda found: normalize("NFKC", found[0]), letter)


def _guessed(found: Sequence[Glyph]) -> Iterator[Glyph]:
    """Yield the glyphs; those with a code alone are its letters if they read as words, or else LOST.

    The bitmap fonts of TeX have no names for their letters, but nearly the codes of ASCII.
    """
    letters = [glyph.text for glyph in found if glyph.is_guess and glyph.text.isalpha()]
    small = sum(letter in _SMALL for letter in letters)
    vowels = sum(letter in "aeiou" for letter in letters)
    are_words = small >= 0.7 * len(letters) >= 14 and 0.25 * small <= vowels <= 0.55 * small
    for glyph in found:
        if not (glyph.is_guess and glyph.style):
            yield glyph
        elif are_words and (glyph.text.isprintable() or glyph.text in _TEX):
            yield replace(glyph, text=_TEX.get(glyph.text, glyph.text))
        else:
            yield replace(glyph, text=LOST)


def _address(pointer: raw.FPDF_PAGEOBJECT) -> int:
    """Return the address of an object of PDFium, which tells it from the others."""
    return cast(pointer, c_void_p).value or 0


def _style(text_page: raw.FPDF_TEXTPAGE, index: int) -> Style:
    """Return the style of the text object that a glyph belongs to."""
    matrix, name, flags = raw.FS_MATRIX(), create_string_buffer(256), c_int()
    raw.FPDFText_GetMatrix(text_page, index, matrix)
    raw.FPDFText_GetFontInfo(text_page, index, name, len(name), flags)
    size = raw.FPDFText_GetFontSize(text_page, index)
    sign = -1 if size < 0 else 1
    turn = round(degrees(atan2(sign * matrix.b, sign * matrix.a))) % 360
    weight = raw.FPDFText_GetFontWeight(text_page, index)
    bold = weight >= _BOLD_WEIGHT or _BOLD.search(name.value.decode("utf-8", "replace")) is not None
    return Style(max(abs(size) * hypot(matrix.c, matrix.d), 0.1), bold, turn)


def _placed(text: str, x: float, y: float, box: raw.FS_RECTF, style: Style) -> Glyph:
    """Return a glyph with its place along its direction."""
    if style.turn == 0:
        return Glyph(text, box.left, box.right, y, style)
    start, height = _turned(x, y, style.turn)
    if style.turn % 90:
        return Glyph(text, start, start + 0.5 * style.size, height, style)
    corners = [_turned(box.left, box.bottom, style.turn)[0], _turned(box.right, box.top, style.turn)[0]]
    return Glyph(text, min(corners), max(corners), height, style)


def _turned(x: float, y: float, turn: int) -> tuple[float, float]:
    """Return a point as seen by a reader who turns the page so that the text is upright."""
    angle = radians(turn)
    return x * cos(angle) + y * sin(angle), y * cos(angle) - x * sin(angle)


def _composed(found: Sequence[Glyph]) -> Iterator[Glyph]:
    """Yield the glyphs, with accents that are drawn apart set on their letters."""
    waiting: Glyph | None = None  # an accent drawn before its letter
    held: Glyph | None = None  # the last glyph
    for glyph in found:
        if waiting and (accented := _accented(glyph, waiting)):
            glyph, waiting = accented, None  # noqa: PLW2901
        elif waiting and glyph.style:
            if held:
                yield held
            held, waiting = waiting, None
        if _mark(glyph):
            if held and (accented := _accented(held, glyph)):
                held = accented
            else:
                waiting = glyph
            continue
        if waiting and not glyph.style and glyph.text == " ":
            continue  # PDFium sees a gap around the accent
        if held:
            yield held
        held = glyph
    yield from (glyph for glyph in (held, waiting) if glyph)


def _mark(glyph: Glyph) -> str:
    """Return the combining mark that a glyph stands for, if it does."""
    return glyph.text if category(glyph.text[0]) == "Mn" else _ACCENTS.get(glyph.text, "")


def _accented(letter: Glyph, accent: Glyph) -> Glyph | None:
    """Return the letter with the accent, if the accent is above or below it and they make one letter."""
    if not letter.style or not accent.style or letter.style.turn != accent.style.turn:
        return None
    size = letter.style.size
    middle = (accent.x + accent.end) / 2
    above = letter.x - 0.1 * size <= middle <= letter.end + 0.1 * size
    if not above or abs(letter.y - accent.y) > 0.5 * size or not letter.text[-1].isalpha():
        return None
    text = normalize("NFC", _DOTLESS.get(letter.text, letter.text) + _mark(accent))
    return replace(letter, text=text) if len(text) == 1 or category(accent.text[0]) == "Mn" else None
