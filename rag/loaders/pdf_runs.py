"""The runs of text on a PDF page, in reading order each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from unicodedata import category

from pypdfium2 import PdfPage

from rag.loaders.pdf_bidi import is_rtl, logical
from rag.loaders.pdf_glyphs import Glyph, Style, glyphs
from rag.loaders.pdf_rules import NO_RULE, Rules, vertical_rules
from rag.text.recognition import Recognition

WORD_GAP = 0.65  # of the font size: a wider gap may separate cells


@dataclass(slots=True)
class Run:
    """Text in one size and direction. Its ends and baseline are points along that direction, y upwards."""

    x: float
    end: float
    y: float
    size: float
    bold: bool
    text: str
    turn: int = 0  # degrees
    rule: float = NO_RULE  # the x of the vertical rule to its left
    label: str | None = None  # the name of a form field, if this is its value
    recognised: tuple[Recognition, ...] = ()  # by OCR, if the page is an image


def page_runs(page: PdfPage) -> list[Run]:
    """Return the visible runs of text on a page, in the order in which the file draws them."""
    lines: list[list[Glyph]] = [[]]
    for glyph in glyphs(page):
        if glyph.text == "\n":
            lines.append([])
        else:
            lines[-1].append(glyph)
    rules = vertical_rules(page)
    runs = [run for line in _whole(lines) for run in _line_runs(line, rules)]
    return [_decoded(run) for run in runs if _is_decodable(run.text)]


def is_lost(text: str) -> bool:
    """Return whether a sign has no known letter: it is in a private area or none at all."""
    return text in {"", "\ufffd"} or category(text[0]) in {"Co", "Cn", "Cs"}


def _line_runs(line: Sequence[Glyph], rules: Rules) -> Iterator[Run]:
    """Yield the runs of what PDFium takes for one line; one from right to left gets its reading order."""
    letters = "".join(glyph.text for glyph in line)
    if not is_rtl(letters, some=True):
        yield from _runs(line, rules)
        return
    drawn = [glyph for glyph in line if glyph.style]
    y = median(glyph.y for glyph in drawn)
    level = [replace(glyph, y=y) for glyph in sorted(drawn, key=lambda glyph: glyph.x)]
    for run in _runs(_spaced(level), rules):
        yield replace(run, text=logical(run.text, rtl=is_rtl(letters)))


def _whole(lines: Iterable[Sequence[Glyph]]) -> Iterator[Sequence[Glyph]]:
    """Yield what PDFium takes for lines, but whole lines from right to left, which it cuts at vowel signs."""
    rtl: list[tuple[float, list[Glyph]]] = []
    for line in lines:
        if not is_rtl("".join(glyph.text for glyph in line), some=True):
            yield line
            continue
        for glyph in line:
            if glyph.style is None:
                continue
            near = next((found for y, found in rtl if abs(y - glyph.y) <= 0.35 * glyph.style.size), None)
            if near is None:
                rtl.append((glyph.y, near := []))
            near.append(glyph)
    yield from (found for _, found in rtl)


def _spaced(line: Iterable[Glyph]) -> Iterator[Glyph]:
    """Yield glyphs from left to right, with a space in each gap between words."""
    last: Glyph | None = None
    for glyph in line:
        if last and glyph.style and glyph.x - last.end > 0.22 * glyph.style.size:
            yield Glyph(" ")
        yield glyph
        last = glyph


def _runs(line: Iterable[Glyph], rules: Rules) -> Iterator[Run]:
    """Yield the runs of glyphs in the order given."""
    run: Run | None = None
    space, added, spread = "", True, 0.0  # between words; by PDFium; the gap between the last letters
    for glyph in line:
        if not glyph.style:
            space, added = " ", glyph.is_guess and (added or not space)
            continue
        if run and _extends(run, glyph, glyph.style, rules):
            gap = glyph.x - run.end
            if space and added and spread and gap <= spread + 0.1 * run.size:
                space = ""  # letters set wide
            elif not space:
                spread = gap
            run.text += space + glyph.text
            run.end = max(run.end, glyph.end)
            run.bold &= glyph.style.bold or not glyph.text.isalnum()
        else:
            if run:
                run.text += space
                yield run
                space = ""
            run, spread = _begun(glyph, glyph.style, space, rules), 0.0
        space, added = "", True
    if run:
        run.text += space
        yield run


def _begun(glyph: Glyph, style: Style, space: str, rules: Rules) -> Run:
    """Return the run that a glyph begins."""
    rule = rules.left_of(glyph.x + 0.5, glyph.y) if style.turn == 0 else NO_RULE
    return Run(glyph.x, glyph.end, glyph.y, style.size, style.bold, space + glyph.text, style.turn, rule)


def _extends(run: Run, glyph: Glyph, style: Style, rules: Rules) -> bool:
    """Return whether a glyph continues a run: in the same style, without a wide gap or a rule between."""
    gap = glyph.x - run.end
    if style.turn != run.turn or abs(style.size - run.size) > 0.1 * run.size:
        return False
    if abs(glyph.y - run.y) > 0.12 * run.size or not -run.size < gap <= WORD_GAP * run.size:
        return False
    ruled = gap > 0.1 * run.size and style.turn == 0 and rules.left_of(glyph.x + 0.5, glyph.y) > run.end - 0.5
    return not ruled


def _is_decodable(text: str) -> bool:
    """Return whether the letters of a run are known, for the most part; a lone private sign is a bullet."""
    signs = "".join(text.split())
    lost = sum(is_lost(sign) or (len(signs) > 3 and "\u2600" <= sign <= "\u27bf") for sign in signs)
    is_bullet = len(signs) == 1 and "\uf000" <= signs <= "\uf0ff"
    return is_bullet or 2 * lost < len(signs)


def _decoded(run: Run) -> Run:
    """Return a run without its unknown signs; one at the start is a bullet."""
    text = run.text
    if "\uf000" <= text.lstrip()[:1] <= "\uf0ff":
        text = "•" + text.lstrip()[1:]
    return replace(run, text="".join(sign for sign in text if not is_lost(sign)))
