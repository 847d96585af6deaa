"""The lines of a PDF page, from the runs of text that pypdf finds and their places."""

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

_LETTER_WIDTH = 0.5  # of the font's size, on average; of a typewriter's font 0.6
_TYPEWRITER = re.compile("courier|mono|consol|typewriter|cmtt", re.IGNORECASE)
_BOLD = re.compile("bold|black|heavy|demi", re.IGNORECASE)
_LIGATURE = re.compile("[\ufb00-\ufb06]")
_SENTENCE_END = re.compile(r"[.!?:;…][\"'”’»)\]]*$")
_MARK = re.compile(r"[•·‣⁃◦▪▫●○■□►▶➢✓✔\x7f\uf0b7\uf0a7](?:\s+|$)")
_DASH = re.compile(r"[-–—*](?:\s+|$)")
_NUMBER = re.compile(r"(?:\(?\d{1,3}[.)]|\(?[a-z]\))\s+\S")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page: its start in points, y upwards; its pieces between wide gaps, with their starts."""

    page: int
    x: float
    y: float
    size: float
    bold: bool
    cells: tuple[str, ...]
    places: tuple[float, ...]

    @property
    def text(self) -> str:
        """The whole line."""
        return " ".join(self.cells)

    @property
    def is_row(self) -> bool:
        """Whether it looks like a table's row."""
        return len(self.cells) > 1

    @property
    def ends_sentence(self) -> bool:
        """Whether a sentence may end with it."""
        return _SENTENCE_END.search(self.text) is not None

    @property
    def mark(self) -> str:
        """The bullet sign that it starts with, or the number."""
        found = _MARK.match(self.text) or _DASH.match(self.text)
        number = _NUMBER.match(self.text)
        return found[0] if found else number[0] if number else ""


@dataclass(slots=True)
class _Run:
    """A piece of text in one font; `closed` where pypdf saw it end its text object or line."""

    x: float
    y: float
    size: float
    bold: bool
    text: str
    width: float  # of a letter
    closed: bool

    @property
    def end(self) -> float:
        """About where it ends."""
        return self.x + self.width * len(self.text.rstrip())


def page_lines(page: PageObject, number: int) -> list[Line]:
    """The lines of a page, in the order in which the file draws them."""
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
    """A visitor for pypdf that adds each run of text to `runs`."""

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
        if abs(across[1]) > abs(across[0]):  # the page is turned: let its lines run from left to right
            sign = 1 if across[1] > 0 else -1
            x, y = y * sign, -x * sign
        name = str((font or {}).get("/BaseFont", ""))
        bold = _BOLD.search(name) is not None
        width = height * size * (0.6 if _TYPEWRITER.search(name) else _LETTER_WIDTH)
        for index, piece in enumerate(text.strip("\n").split("\n")):
            place = y - index * size * height * 1.2
            runs.append(_Run(x, place, max(size * height, 0.1), bold, piece, width, text.endswith("\n")))

    return visit


def _is_beside(line: Sequence[_Run], run: _Run) -> bool:
    """Whether `run` goes on with a line: on its height and to the right."""
    last = line[-1]
    return abs(run.y - line[0].y) <= 0.5 * max(run.size, line[0].size) and run.x >= last.x


def _line(runs: Sequence[_Run], page: int) -> Line:
    """The line that `runs` make; a wide gap, or the end of a text object, parts its cells."""
    cells, places = [runs[0].text], [runs[0].x]
    for last, run in pairwise(runs):
        gap = run.x - last.end
        if gap > max(1.5 * run.size, 0.2 * (last.end - last.x)) or (last.closed and gap > 0.3 * run.size):
            cells.append(run.text)
            places.append(run.x)
        else:
            cells[-1] += run.text
    if _MARK.fullmatch(cells[0].strip()) or _DASH.fullmatch(cells[0].strip()):
        cells[:2] = [" ".join(cell.strip() for cell in cells[:2])]
        places[:2] = [places[-1] if len(places) == 1 else places[1]]
    main = max(runs, key=lambda run: len(run.text))
    bold = all(run.bold for run in runs)
    tidy = tuple(_LIGATURE.sub(lambda found: normalize("NFKC", found[0]), cell).strip() for cell in cells)
    return Line(page, places[0], runs[0].y, round(main.size, 1), bold, tidy, tuple(places))


def _without_lone_rows(lines: Sequence[Line]) -> list[Line]:
    """The lines, where a row without another next to it is none, but a line with wide spaces."""
    rows = [False, *(line.is_row for line in lines), False]
    return [
        replace(line, cells=(line.text,), places=line.places[:1])
        if line.is_row and not (before or after)
        else line
        for line, before, after in zip(lines, rows, rows[2:], strict=False)
    ]


def blocks(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """The lines of one page parted into paragraphs; table rows stand alone."""
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
    """For each line the distance from the line above that it would have within a paragraph.

    It is seen where a sentence runs over: the median of the three nearest such places in the same font size.
    """
    inside = [
        (place, below.size, above.y - below.y)
        for place, (above, below) in enumerate(pairwise(lines), start=1)
        if above.size == below.size
        and 0 < above.y - below.y < 3 * above.size
        and not above.ends_sentence
        and below.text[:1].islower()
    ]
    usual = median(gap / size for _, size, gap in inside) if inside else 1.3
    leadings = []
    for place, line in enumerate(lines):
        alike = sorted((abs(place - other), gap) for other, size, gap in inside if size == line.size)
        leadings.append(median(gap for _, gap in alike[:3]) if alike else usual * line.size)
    return leadings


def _continues(block: Sequence[Line], line: Line, leading: float) -> bool:
    """Whether `line` belongs to the paragraph of `block`."""
    first, last = block[0], block[-1]
    alike = abs(line.size - last.size) <= 0.1 * last.size and line.bold == last.bold
    if not alike or last.is_row or line.is_row or _starts_item(last, line, in_list=bool(first.mark)):
        return False
    gap = last.y - line.y
    runs_over = not last.ends_sentence and line.text[:1].islower()
    if gap <= 0 or gap > 1.25 * leading:  # in the next column, or below a gap
        return gap <= 0 and runs_over
    return _is_set_as_one(block, line, runs_over=runs_over)


def _is_set_as_one(block: Sequence[Line], line: Line, *, runs_over: bool) -> bool:
    """Whether `line`, right below `block`, is set as part of it, by its indent and the last line's length."""
    first, last = block[0], block[-1]
    shift = line.x - last.x
    if first.mark:
        return line.x >= first.x - 0.3 * first.size
    if abs(shift) > 0.8 * line.size and not runs_over and not line.bold:
        return shift < 0 and len(block) == 1  # only a first line may be indented
    longest = max(len(each.text) for each in block)
    is_last_line = last.ends_sentence and len(last.text) < 0.7 * longest
    return not (is_last_line and line.text[:1].isupper())


def _starts_item(last: Line, line: Line, *, in_list: bool) -> bool:
    """Whether `line` starts a list item; a dash or a number may also stand inside a sentence."""
    if _MARK.match(line.text):
        return True
    return bool(line.mark) and (in_list or last.ends_sentence)


def join(lines: Sequence[Line], words: set[str]) -> str:
    """The text of a paragraph's lines; a hyphen at a line's end goes where `words` do not hold it."""
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
    """The words of a document that are not cut by a line's end."""
    return {_bare(word) for line in lines for word in line.text.split()[:-1]}


def _bare(word: str) -> str:
    """A word in small letters, without the punctuation around it."""
    return word.strip(".,;:!?()[]\"'“”‘’«»").lower()


def without_mark(line: Line) -> Line:
    """`line` without the bullet sign that it starts with; a number stays."""
    found = _MARK.match(line.cells[0]) or _DASH.match(line.cells[0])
    return replace(line, cells=(line.cells[0][found.end() :], *line.cells[1:])) if found else line
