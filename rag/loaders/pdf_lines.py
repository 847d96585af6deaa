"""The lines of a PDF page, from the runs of text that pypdf finds and their positions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import hypot
from statistics import median
from typing import Any
from unicodedata import normalize

from pypdf import PageObject

_LETTER_WIDTH = 0.5  # of the font size, on average; 0.6 in a monospaced font
_MONOSPACED = re.compile("courier|mono|consol|typewriter|cmtt", re.IGNORECASE)
_BOLD = re.compile("bold|black|heavy|demi", re.IGNORECASE)
_LIGATURE = re.compile("[\ufb00-\ufb06]")
_SENTENCE_END = re.compile(r"[.!?:;…][\"'”’»)\]]*$")
_BULLET = re.compile(r"[•·‣⁃◦▪▫●○■□►▶➢✓✔\x7f\uf0b7\uf0a7](?:\s+|$)")
_DASH = re.compile(r"[-–—*](?:\s+|$)")
_NUMBER = re.compile(r"(?:\(?\d{1,3}[.)]|\(?[a-z]\))\s+\S")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page. `x`, `y` and `starts` are points, y upwards; wide gaps separate the cells."""

    page: int
    x: float
    y: float
    size: float
    bold: bool
    cells: tuple[str, ...]
    starts: tuple[float, ...]

    @property
    def text(self) -> str:
        """The whole line."""
        return " ".join(self.cells)

    @property
    def is_row(self) -> bool:
        """Whether it looks like a table row."""
        return len(self.cells) > 1

    @property
    def ends_sentence(self) -> bool:
        """Whether a sentence may end here."""
        return _SENTENCE_END.search(self.text) is not None

    @property
    def bullet(self) -> str:
        """The bullet or number at its start."""
        found = _BULLET.match(self.text) or _DASH.match(self.text)
        number = _NUMBER.match(self.text)
        return found[0] if found else number[0] if number else ""


@dataclass(slots=True)
class _Run:
    """A piece of text in one font; `closed` if pypdf saw its text object or line end."""

    x: float
    y: float
    size: float
    bold: bool
    text: str
    width: float  # of a letter
    closed: bool

    @property
    def end(self) -> float:
        """The approximate x of its end."""
        return self.x + self.width * len(self.text.rstrip())


def page_lines(page: PageObject, number: int) -> list[Line]:
    """Return the lines of a page, in the order in which the file draws them."""
    runs: list[_Run] = []
    page.extract_text(visitor_text=_collector(runs))
    lines: list[list[_Run]] = []
    for run in runs:
        if lines and _is_beside(lines[-1], run):
            lines[-1].append(run)
        else:
            lines.append([run])
    return _without_lone_rows([_line(line, number) for line in lines])


def _collector(runs: list[_Run]) -> Callable[[Any, Any, Any, Any, Any], None]:
    """Return a visitor for pypdf that adds each run of text to `runs`."""

    def visit(
        text: str, cm: list[float], tm: list[float], font: dict[str, object] | None, size: float
    ) -> None:
        if not text.strip():
            if runs and text:
                runs[-1].closed |= "\n" in text
                runs[-1].text += " "
            return
        across = tm[0] * cm[0] + tm[1] * cm[2], tm[0] * cm[1] + tm[1] * cm[3]
        height = hypot(tm[2] * cm[0] + tm[3] * cm[2], tm[2] * cm[1] + tm[3] * cm[3])
        x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
        y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
        if abs(across[1]) > abs(across[0]):  # a rotated page: make its lines run from left to right
            sign = 1 if across[1] > 0 else -1
            x, y = y * sign, -x * sign
        name = str((font or {}).get("/BaseFont", ""))
        bold = _BOLD.search(name) is not None
        width = height * size * (0.6 if _MONOSPACED.search(name) else _LETTER_WIDTH)
        for index, piece in enumerate(text.strip("\n").split("\n")):
            below = y - index * size * height * 1.2
            runs.append(_Run(x, below, max(size * height, 0.1), bold, piece, width, text.endswith("\n")))

    return visit


def _is_beside(line: Sequence[_Run], run: _Run) -> bool:
    """Return whether `run` continues a line: at its height and to the right."""
    last = line[-1]
    return abs(run.y - line[0].y) <= 0.5 * max(run.size, line[0].size) and run.x >= last.x


def _line(runs: Sequence[_Run], page: int) -> Line:
    """Join runs into a line; a wide gap, or the end of a text object, separates cells."""
    cells, starts = [runs[0].text], [runs[0].x]
    for last, run in pairwise(runs):
        gap = run.x - last.end
        if gap > max(1.5 * run.size, 0.2 * (last.end - last.x)) or (last.closed and gap > 0.3 * run.size):
            cells.append(run.text)
            starts.append(run.x)
        else:
            cells[-1] += run.text
    if _BULLET.fullmatch(cells[0].strip()) or _DASH.fullmatch(cells[0].strip()):
        cells[:2] = [" ".join(cell.strip() for cell in cells[:2])]
        starts[:2] = [starts[-1] if len(starts) == 1 else starts[1]]
    main = max(runs, key=lambda run: len(run.text))
    bold = all(run.bold for run in runs)
    tidy = tuple(_LIGATURE.sub(lambda found: normalize("NFKC", found[0]), cell).strip() for cell in cells)
    return Line(page, starts[0], runs[0].y, round(main.size, 1), bold, tidy, tuple(starts))


def _without_lone_rows(lines: Sequence[Line]) -> list[Line]:
    """Return the lines, with a row that has no neighbouring row turned into an ordinary line."""
    rows = [False, *(line.is_row for line in lines), False]
    return [
        replace(line, cells=(line.text,), starts=line.starts[:1])
        if line.is_row and not (before or after)
        else line
        for line, before, after in zip(lines, rows, rows[2:], strict=False)
    ]


def blocks(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield the lines of one page by paragraph; each table row is its own block."""
    leadings = _leadings(lines)
    block: list[Line] = []
    for line, leading in zip(lines, leadings, strict=True):
        if block and not _continues(block, line, leading):
            yield block
            block = []
        block.append(line)
    if block:
        yield block


def _leadings(lines: Sequence[Line]) -> list[float]:
    """Return for each line its distance from the line above if both are in one paragraph.

    Measured where a sentence continues on the next line: the median of the three nearest in the same size.
    """
    inside = [
        (index, below.size, above.y - below.y)
        for index, (above, below) in enumerate(pairwise(lines), start=1)
        if above.size == below.size
        and 0 < above.y - below.y < 3 * above.size
        and not above.ends_sentence
        and below.text[:1].islower()
    ]
    usual = median(gap / size for _, size, gap in inside) if inside else 1.3
    leadings = []
    for index, line in enumerate(lines):
        nearest = sorted((abs(index - other), gap) for other, size, gap in inside if size == line.size)
        leadings.append(median(gap for _, gap in nearest[:3]) if nearest else usual * line.size)
    return leadings


def _continues(block: Sequence[Line], line: Line, leading: float) -> bool:
    """Return whether `line` belongs to the paragraph of `block`."""
    first, last = block[0], block[-1]
    same_font = abs(line.size - last.size) <= 0.1 * last.size and line.bold == last.bold
    if not same_font or last.is_row or line.is_row or _starts_item(last, line, in_list=bool(first.bullet)):
        return False
    gap = last.y - line.y
    continues = not last.ends_sentence and line.text[:1].islower()
    if gap <= 0 or gap > 1.25 * leading:  # in the next column, or below a gap
        return gap <= 0 and continues
    return _fits_layout(block, line, continues=continues)


def _fits_layout(block: Sequence[Line], line: Line, *, continues: bool) -> bool:
    """Return whether the indent and the length of the last line allow `line` to continue `block`."""
    first, last = block[0], block[-1]
    shift = line.x - last.x
    if first.bullet:
        return line.x >= first.x - 0.3 * first.size
    if abs(shift) > 0.8 * line.size and not continues and not line.bold:
        return shift < 0 and len(block) == 1  # only a first line may be indented
    longest = max(len(each.text) for each in block)
    is_last_line = last.ends_sentence and len(last.text) < 0.7 * longest
    return not (is_last_line and line.text[:1].isupper())


def _starts_item(last: Line, line: Line, *, in_list: bool) -> bool:
    """Return whether `line` starts a list item; a dash or number may also be part of a sentence."""
    if _BULLET.match(line.text):
        return True
    return bool(line.bullet) and (in_list or last.ends_sentence)


def join(lines: Sequence[Line], words: set[str]) -> str:
    """Join a paragraph's lines; a hyphen at a line end stays only if `words` has the hyphenated word."""
    text = ""
    for line in lines:
        part = line.text
        if text.endswith("\u00ad"):
            text = text[:-1] + part
        elif re.search(r"[^\W\d_]-$", text[-2:]) and part[:1].islower():
            head, tail = text[-60:].split()[-1], part.split(maxsplit=1)[0]
            text = (text if _bare(head + tail) in words else text[:-1]) + part
        else:
            text = f"{text} {part}" if text else part
    return text


def vocabulary(lines: Sequence[Line]) -> set[str]:
    """Return the words of a document that no line end can cut."""
    return {_bare(word) for line in lines for word in line.text.split()[:-1]}


def _bare(word: str) -> str:
    """Return a word in lower case, without the punctuation around it."""
    return word.strip(".,;:!?()[]\"'“”‘’«»").lower()


def without_bullet(line: Line) -> Line:
    """Return `line` without the bullet at its start; a number stays."""
    found = _BULLET.match(line.cells[0]) or _DASH.match(line.cells[0])
    return replace(line, cells=(line.cells[0][found.end() :], *line.cells[1:])) if found else line
