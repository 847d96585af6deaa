"""The lines of a PDF page, from its runs of text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from rag.loaders.pdf_rules import NO_RULE
from rag.loaders.pdf_runs import WORD_GAP, Run
from rag.text.recognition import Recognition

_SENTENCE_END = re.compile(r"[.!?:;…。！？؟][\"'”’»)\]]*$")
BULLET = re.compile(r"[•‣⁃▪▫●○■□►▶➢➤✓✔❖\x7f](?=\s*[^\W_]|\s+|$)\s*|[·◦](?:\s+|$)")
_DASH = re.compile(r"[-–—*](?:\s+|$)")
_SIGNS = re.compile(r"[^\w\s(\[{]{1,2}")
_WORDY = re.compile(r"[^\W\d_]{2}")
LEADER = re.compile(r"(?:\.\s?){5}")
_NUMBER = re.compile(r"(?:\(?\d{1,3}[.)]|\(?[a-z]\))\s+\S")
_CELL_GAP = 1.5  # of the font size: a wider gap separates cells; a narrower one if others share it
_INITIAL = 1.8  # of the usual size, at least, is a large initial's
_EVEN = 0.1  # of the font size, between the gaps of a justified line
_MIN_EVEN = 3  # gaps
_MAX_EVEN = 4.0  # of the font size
_SAME_LINE = 0.2  # of the font size, between the baselines of one line
_SCRIPT = 0.85  # of the size of its line, at most, is a super- or subscript's


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page. `x`, `end`, `y` and `starts` are points, y upwards; wide gaps separate the cells.

    `aside` is text turned against the page, or a note on it; `form` a line with the values of form fields.
    """

    page: int
    x: float
    end: float
    y: float
    size: float
    bold: bool
    cells: tuple[str, ...]
    starts: tuple[float, ...]
    aside: bool = False
    form: bool = False
    recognised: tuple[Recognition, ...] = ()

    @property
    def text(self) -> str:
        """The whole line."""
        return " ".join(self.cells)

    @property
    def is_row(self) -> bool:
        """Whether it looks like a table row."""
        return len(self.cells) > 1 or self.form

    @property
    def ends_sentence(self) -> bool:
        """Whether a sentence may end here."""
        return _SENTENCE_END.search(self.text) is not None

    @property
    def bullet(self) -> str:
        """The bullet or number at its start."""
        found = BULLET.match(self.text) or _DASH.match(self.text)
        number = _NUMBER.match(self.text)
        return found[0] if found else number[0] if number else ""


@dataclass(slots=True)
class Segment:
    """Text on one line without a wide gap. `base_end` is the end of its text on the baseline."""

    x: float
    end: float
    y: float
    size: float
    bold: bool
    text: str
    order: int  # in which the file draws it
    base_end: float
    rule: float = NO_RULE  # the x of the vertical rule to its left
    label: str | None = None
    letters: int = 0  # in the run that gives the size and the baseline
    recognised: tuple[Recognition, ...] = ()


def segments(runs: Sequence[Run]) -> list[Segment]:
    """Return the runs joined where they touch: first as they are drawn, then wherever they are."""
    usual = median(run.size for run in runs) if runs else 0.0
    drawn: list[Segment] = []
    initials: list[Segment] = []
    for order, run in enumerate(runs):
        new = Segment(
            run.x, run.end, run.y, run.size, run.bold, run.text, order, run.end, run.rule, run.label,
            len(run.text.strip()), run.recognised,
        )  # fmt: skip
        if new.letters == 1 and new.text.strip().isupper() and new.size > _INITIAL * usual:
            initials.append(new)
        elif not (drawn and _join(drawn[-1], new)):
            drawn.append(new)
    joined: list[Segment] = []
    for segment in sorted(drawn, key=lambda each: (-round(each.y), each.x)):
        near = (other for other in reversed(joined[-12:]) if abs(other.y - segment.y) <= 0.6 * other.size)
        if not any(_join(other, segment) for other in near):
            joined.append(segment)
    joined += [initial for initial in initials if not _begins(initial, joined)]
    cells = _with_cells(joined)
    for cell in cells:
        cell.text = " ".join(cell.text.split())
    return [cell for cell in cells if cell.text]


def _begins(initial: Segment, found: Sequence[Segment]) -> bool:
    """Add a large initial to the highest of the lines beside it, if there are any."""
    beside = [
        each
        for each in found
        if -0.2 * initial.size <= each.x - initial.end <= 0.5 * initial.size
        and initial.y - 0.3 * each.size <= each.y <= initial.y + initial.size
        and each.text[:1].isalpha()
    ]
    if beside:
        first = max(beside, key=lambda each: each.y)
        first.text = initial.text.strip() + first.text
    return bool(beside)


def _with_cells(found: Sequence[Segment]) -> list[Segment]:
    """Return the segments of a page, joined over gaps that are between words rather than between cells."""
    lines = rows(found)
    kept: list[Segment] = []
    for index, row in enumerate(lines):
        above, below = lines[max(index - 4, 0) : index], lines[index + 1 : index + 5]
        near = above[-2:] + below[:2]
        between_words = [
            b.x - a.end for a, b in pairwise(row) if _is_word_gap(a, b) and not _is_shared(a, b, near)
        ]
        widest = 1.3 * max(between_words, default=0.0)
        for part in _between_gutters(row, above, below):
            justified = _is_justified(part, near)
            kept.append(part[0])
            for last, segment in pairwise(part):
                is_wide = segment.x - last.end > widest and _is_shared(last, segment, near)
                if justified or (_is_word_gap(last, segment) and not is_wide):
                    _append(kept[-1], segment)
                else:
                    kept.append(segment)
    return kept


def _between_gutters(
    row: Sequence[Segment], above: Sequence[Sequence[Segment]], below: Sequence[Sequence[Segment]]
) -> list[list[Segment]]:
    """Return the parts of a row, cut at its gutters."""
    parts = [[row[0]]]
    for last, segment in pairwise(row):
        if any(_is_gutter(last, segment, side) for side in (above, below)):
            parts.append([])
        parts[-1].append(segment)
    return parts


def _is_justified(part: Sequence[Segment], near: Sequence[Sequence[Segment]]) -> bool:
    """Return whether all gaps are between words: they are even, and the line is as wide as those nearby.

    The cells of a table may be even too, but they begin or end below one another.
    """
    size, gaps = part[0].size, [b.x - a.end for a, b in pairwise(part)]
    words = sum(_WORDY.search(each.text) is not None for each in part)
    if (
        len(gaps) < _MIN_EVEN
        or 2 * words <= len(part)
        or not max(gaps) <= min(min(gaps) + _EVEN * size, _MAX_EVEN * size)
    ):
        return False
    sides = [(each.x, each.end) for row in near for each in row]
    is_left = any(abs(part[0].x - x) < 0.3 * size for x, _ in sides)
    is_right = any(abs(part[-1].end - end) < 0.3 * size for _, end in sides)
    below = sum(
        any(abs(each.x - x) < 0.2 * size or abs(each.end - end) < 0.2 * size for x, end in sides)
        for each in part[1:-1]
    )
    return is_left and is_right and 2 * below < len(part) - 2


def _is_gutter(left: Segment, right: Segment, near: Sequence[Sequence[Segment]]) -> bool:
    """Return whether a gap goes on through all lines above or below, at least three of them."""
    sides = 0
    for row in near:
        ends = [each.end for each in row if each.x < left.end]
        starts = [each.x for each in row if each.end > right.x]
        if ends and starts:
            if min(right.x, *starts) - max(left.end, *ends) < 0.5 * left.size:
                return False
            sides += 1
    return sides >= 3


def _is_word_gap(left: Segment, right: Segment) -> bool:
    """Return whether the gap between two segments is narrow enough for one between words."""
    size = max(left.size, right.size)
    typed = left.label is not None or right.label is not None
    level = abs(left.y - right.y) <= _SAME_LINE * size
    near = -0.3 * size <= right.x - left.end <= _CELL_GAP * size
    return level and near and not typed and not _is_ruled(left, right)


def _is_ruled(left: Segment, right: Segment) -> bool:
    """Return whether there is a vertical rule between two segments."""
    return right.rule > left.end - 0.5


def _is_shared(left: Segment, right: Segment, near: Sequence[Sequence[Segment]]) -> bool:
    """Return whether lines nearby have a gap in the same place: a wide one, or at least two."""
    shared = 0
    for row in near:
        if abs(row[0].y - left.y) > 6 * left.size:
            continue
        for before, after in pairwise(row):
            common = min(right.x, after.x) - max(left.end, before.end)
            if common >= 0.5 * left.size:
                shared += 1 if _is_word_gap(before, after) else 2
    return shared >= 2


def _join(left: Segment, right: Segment) -> bool:
    """Add `right` to the end of `left` if they touch on one line, or one is a script of the other."""
    if left.label is not None or right.label is not None or _is_ruled(left, right):
        return False
    size, rise = max(left.size, right.size), right.y - left.y
    level = abs(rise) <= _SAME_LINE * size
    small = not level and min(left.size, right.size) <= _SCRIPT * size
    sign = 1 if right.size < left.size else -1  # a script may also begin a line
    script = small and -0.35 * size <= sign * rise <= 0.6 * size
    gap = right.x - (left.end if level else left.base_end)
    widest = WORD_GAP * size if level else 0.4 * size
    if not (level or script) or gap < -0.3 * size or right.x - left.end > widest or right.end < left.base_end:
        return False
    _append(left, right, is_script=script and sign > 0)
    return True


def _append(left: Segment, right: Segment, *, is_script: bool = False) -> None:
    """Add `right` to the end of `left`; the longest part that is no script gives size and baseline."""
    touches = right.x - left.end <= 0.2 * min(left.size, right.size)
    left.text += ("" if touches else " ") + right.text
    left.end = max(left.end, right.end)
    left.recognised += right.recognised
    left.bold &= right.bold or not any(map(str.isalnum, right.text))
    if is_script:
        return
    left.base_end = max(left.base_end, right.end)
    if right.letters > left.letters:
        left.size, left.y, left.letters = right.size, right.y, right.letters


def rows(found: Iterable[Segment]) -> list[list[Segment]]:
    """Return the segments by line, from the top, each line from left to right."""
    lines: list[list[Segment]] = []
    for segment in sorted(found, key=lambda each: -each.y):
        if lines and abs(lines[-1][0].y - segment.y) <= 0.5 * max(lines[-1][0].size, segment.size):
            lines[-1].append(segment)
        else:
            lines.append([segment])
    return [sorted(line, key=lambda each: each.x) for line in lines]


def as_line(row: Sequence[Segment], page: int, *, aside: bool = False) -> Line:
    """Return the line of a row of segments; a bullet or prompt is part of the cell after it.

    An entry of a table of contents has no cells.
    """
    cells, starts = [segment.text for segment in row], [segment.x for segment in row]
    if len(cells) > 1 and _SIGNS.fullmatch(cells[0]):
        cells[:2], starts[:2] = [" ".join(cells[:2])], [starts[1]]
    if LEADER.search(" ".join(cells)):
        cells, starts = [" ".join(cells)], starts[:1]
    main = max(row, key=lambda segment: len(segment.text))
    bold = all(segment.bold for segment in row)
    recognised = tuple(each for segment in row for each in segment.recognised)
    return Line(
        page, starts[0], row[-1].end, main.y, round(main.size, 1), bold, tuple(cells), tuple(starts), aside,
        recognised=recognised,
    )  # fmt: skip


def without_bullet(line: Line) -> Line:
    """Return `line` without the bullet at its start; a number stays."""
    found = BULLET.match(line.cells[0]) or _DASH.match(line.cells[0])
    return replace(line, cells=(line.cells[0][found.end() :], *line.cells[1:])) if found else line
