"""The runs of text on a PDF page, read glyph by glyph with PDFium."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from ctypes import c_double, c_int, c_void_p, cast, create_string_buffer
from dataclasses import dataclass, replace
from math import atan2, cos, degrees, hypot, radians, sin
from string import ascii_lowercase
from typing import Any
from unicodedata import category, normalize

from pypdfium2 import PdfPage, raw

from rag.loaders.pdf_bidi import is_rtl, logical

WORD_GAP = 0.65  # of the font size: a wider gap may separate cells
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
        "\x15": "–", "\x16": "—", "\x1b": "ff", "\x1c": "fi", "\x1d": "fl", "\x1e": "ffi", "\x1f": "ffl"}  # fmt: skip
_DOTLESS = {"ı": "i", "ȷ": "j"}
LOST = "\ue000"  # a glyph whose letter is unknown


@dataclass(slots=True)
class Run:
    """Text in one size and direction, with its ends and baseline in points along that direction, y upwards."""

    x: float
    end: float
    y: float
    size: float
    bold: bool
    text: str
    turn: int = 0  # degrees
    label: str | None = None  # the name of a form field, if this is its value


@dataclass(frozen=True, slots=True)
class _Style:
    """What all glyphs of a text object have in common."""

    size: float
    bold: bool
    turn: int


@dataclass(frozen=True, slots=True)
class _Glyph:
    """One sign with its place; a break has no style, and a space between words is " "."""

    text: str
    x: float = 0.0
    end: float = 0.0
    y: float = 0.0
    style: _Style | None = None
    is_guess: bool = False  # the file says which code the letter has, but not which letter it is


def page_runs(page: PdfPage) -> list[Run]:
    """Return the visible runs of text on a page, in the order in which the file draws them."""
    lines: list[list[_Glyph]] = [[]]
    for glyph in _composed(list(_guessed(list(_glyphs(page))))):
        if glyph.text == "\n":
            lines.append([])
        else:
            lines[-1].append(glyph)
    runs = [run for line in lines for run in _line_runs(line)]
    return [_decoded(run) for run in runs if _is_decodable(run.text)]


def bounds(page: PdfPage, turn: int) -> tuple[float, float]:
    """Return the lowest and the highest y of a page, seen along this direction."""
    left, bottom, right, top = page.get_bbox()
    heights = [_turned(x, y, turn)[1] for x in (left, right) for y in (bottom, top)]
    return min(heights), max(heights)


def is_lost(text: str) -> bool:
    """Return whether a sign has no known letter: it is in a private area or none at all."""
    return text in {"", "\ufffd"} or category(text[0]) in {"Co", "Cn", "Cs"}


def _glyphs(page: PdfPage) -> Iterator[_Glyph]:
    """Yield the glyphs inside the crop box; "\\n" is a break between lines."""
    text_page = page.get_textpage()
    left, bottom, right, top = page.get_bbox()
    x, y, box = c_double(), c_double(), raw.FS_RECTF()
    styles: dict[int, _Style] = {}
    for index in range(raw.FPDFText_CountChars(text_page)):
        text = _letter(text_page, index)
        text_object = raw.FPDFText_GetTextObject(text_page, index)
        is_guess = raw.FPDFText_HasUnicodeMapError(text_page, index) > 0
        if not text_object or (text.isspace() and not is_guess):
            yield _Glyph("\n" if text in {"\r", "\n"} else " ")
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


def _letter(text_page: Any, index: int) -> str:
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


def _guessed(glyphs: Sequence[_Glyph]) -> Iterator[_Glyph]:
    """Yield the glyphs; those with a code alone are its letters if they read as words, or else LOST.

    The bitmap fonts of TeX have no names for their letters, but nearly the codes of ASCII.
    """
    letters = [glyph.text for glyph in glyphs if glyph.is_guess and glyph.text.isalpha()]
    small = sum(letter in _SMALL for letter in letters)
    vowels = sum(letter in "aeiou" for letter in letters)
    are_words = small >= 0.7 * len(letters) >= 14 and 0.25 * small <= vowels <= 0.55 * small
    for glyph in glyphs:
        if not glyph.is_guess:
            yield glyph
        elif are_words and (glyph.text.isprintable() or glyph.text in _TEX):
            yield replace(glyph, text=_TEX.get(glyph.text, glyph.text))
        else:
            yield replace(glyph, text=LOST)


def _address(pointer: Any) -> int:
    """Return the address of an object of PDFium, which tells it from the others."""
    return cast(pointer, c_void_p).value or 0


def _style(text_page: Any, index: int) -> _Style:
    """Return the style of the text object that a glyph belongs to."""
    matrix, name, flags = raw.FS_MATRIX(), create_string_buffer(256), c_int()
    raw.FPDFText_GetMatrix(text_page, index, matrix)
    raw.FPDFText_GetFontInfo(text_page, index, name, len(name), flags)
    size = raw.FPDFText_GetFontSize(text_page, index)
    sign = -1 if size < 0 else 1
    turn = round(degrees(atan2(sign * matrix.b, sign * matrix.a))) % 360
    weight = raw.FPDFText_GetFontWeight(text_page, index)
    bold = weight >= _BOLD_WEIGHT or _BOLD.search(name.value.decode("utf-8", "replace")) is not None
    return _Style(max(abs(size) * hypot(matrix.c, matrix.d), 0.1), bold, turn)


def _placed(text: str, x: float, y: float, box: Any, style: _Style) -> _Glyph:
    """Return a glyph with its place along its direction."""
    if style.turn == 0:
        return _Glyph(text, box.left, box.right, y, style)
    start, height = _turned(x, y, style.turn)
    if style.turn % 90:
        return _Glyph(text, start, start + 0.5 * style.size, height, style)
    corners = [_turned(box.left, box.bottom, style.turn)[0], _turned(box.right, box.top, style.turn)[0]]
    return _Glyph(text, min(corners), max(corners), height, style)


def _turned(x: float, y: float, turn: int) -> tuple[float, float]:
    """Return a point as seen by a reader who turns the page so that the text is upright."""
    angle = radians(turn)
    return x * cos(angle) + y * sin(angle), y * cos(angle) - x * sin(angle)


def _composed(glyphs: Sequence[_Glyph]) -> Iterator[_Glyph]:
    """Yield the glyphs, with accents that are drawn apart set on their letters."""
    waiting: _Glyph | None = None  # an accent drawn before its letter
    held: _Glyph | None = None  # the last glyph
    for glyph in glyphs:
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


def _mark(glyph: _Glyph) -> str:
    """Return the combining mark that a glyph stands for, if it does."""
    return glyph.text if category(glyph.text[0]) == "Mn" else _ACCENTS.get(glyph.text, "")


def _accented(letter: _Glyph, accent: _Glyph) -> _Glyph | None:
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


def _line_runs(glyphs: Sequence[_Glyph]) -> Iterator[Run]:
    """Yield the runs of what PDFium takes for one line; one from right to left gets its reading order."""
    letters = "".join(glyph.text for glyph in glyphs)
    if not is_rtl(letters, some=True):
        yield from _runs(glyphs)
        return
    drawn = sorted((glyph for glyph in glyphs if glyph.style), key=lambda glyph: (-round(glyph.y), glyph.x))
    for run in _runs(_spaced(drawn)):
        yield replace(run, text=logical(run.text, rtl=is_rtl(letters)))


def _spaced(glyphs: Iterable[_Glyph]) -> Iterator[_Glyph]:
    """Yield glyphs from left to right, with a space in each gap between words."""
    last: _Glyph | None = None
    for glyph in glyphs:
        if last and glyph.style and glyph.x - last.end > 0.17 * glyph.style.size:
            yield _Glyph(" ")
        yield glyph
        last = glyph


def _runs(glyphs: Iterable[_Glyph]) -> Iterator[Run]:
    """Yield the runs of glyphs in the order given."""
    run: Run | None = None
    space = ""
    for glyph in glyphs:
        if not glyph.style:
            space = " "
            continue
        if run and _extends(run, glyph, glyph.style):
            run.text += space + glyph.text
            run.end = max(run.end, glyph.end)
            run.bold &= glyph.style.bold or not glyph.text.isalnum()
        else:
            if run:
                run.text += space
                yield run
                space = ""
            style = glyph.style
            run = Run(glyph.x, glyph.end, glyph.y, style.size, style.bold, space + glyph.text, style.turn)
        space = ""
    if run:
        run.text += space
        yield run


def _extends(run: Run, glyph: _Glyph, style: _Style) -> bool:
    """Return whether a glyph continues a run."""
    same = style.turn == run.turn and abs(style.size - run.size) <= 0.1 * run.size
    gap = glyph.x - run.end
    return same and abs(glyph.y - run.y) <= 0.12 * run.size and -run.size < gap <= WORD_GAP * run.size


def _is_decodable(text: str) -> bool:
    """Return whether the letters of a run are known, for the most part; a lone private sign is a bullet."""
    signs = "".join(text.split())
    lost = sum(is_lost(sign) for sign in signs)
    is_bullet = len(signs) == 1 and "\uf000" <= signs <= "\uf0ff"
    return is_bullet or 2 * lost < len(signs)


def _decoded(run: Run) -> Run:
    """Return a run without its unknown signs; one at the start is a bullet."""
    text = run.text
    if "\uf000" <= text.lstrip()[:1] <= "\uf0ff":
        text = "•" + text.lstrip()[1:]
    return replace(run, text="".join(sign for sign in text if not is_lost(sign)))
