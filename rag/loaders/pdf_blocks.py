"""The paragraphs of a PDF page: which lines belong together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from rag.loaders.pdf_lines import BULLET, LEADER, Line

_LOOK_BACK = 4  # blocks, for the beginning of a sentence above a footnote or a caption
_UNSPACED = re.compile("[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")  # Chinese and Japanese
_SENTENCE = re.compile(
    r"(?<!\b[A-Z])(?<!\b(?:Mr|Dr|St|No|cf))(?<!\b(?:Mrs|Fig|vol|e\.g|i\.e))[.!?…][\"'”’)\]]*\s+(?=[\"“‘(]?(?:[^\W_a-z]))"
    "|[。！？](?=.)"
)


def blocks(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield the lines of one page by paragraph; each table row is its own block."""
    leadings = _leadings(lines)
    block: list[Line] = []
    for index, (line, leading) in enumerate(zip(lines, leadings, strict=True)):
        edge = max(each.end for each in lines[index - len(block) : index + 9] if _in_column(each, line))
        if block and not _continues(block, line, leading, edge):
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


def _continues(block: Sequence[Line], line: Line, leading: float, edge: float) -> bool:
    """Return whether `line` belongs to the paragraph of `block`."""
    first, last = block[0], block[-1]
    same_font = abs(line.size - last.size) <= 0.1 * last.size and line.bold == last.bold
    if LEADER.search(last.text):  # an entry of a table of contents
        return False
    if not same_font or last.is_row or line.is_row or _starts_item(last, line, in_list=bool(first.bullet)):
        return False
    gap = last.y - line.y
    continues = not last.ends_sentence and line.text[:1].islower()
    if gap <= 0 or gap > 1.25 * leading:  # in the next column, or below a gap
        return gap <= 0 and continues
    return _fits_layout(block, line, edge, continues=continues)


def _fits_layout(block: Sequence[Line], line: Line, edge: float, *, continues: bool) -> bool:
    """Return whether the indent and the length of the last line allow `line` to continue `block`."""
    first, last = block[0], block[-1]
    shift = line.x - last.x
    if first.bullet:
        return line.x >= first.x - 0.3 * first.size
    if abs(shift) > 0.8 * line.size and not continues and not line.bold:
        return shift < 0 and len(block) == 1  # only a first line may be indented
    word = (line.end - line.x) / len(line.text) * len(line.text.split()[0])
    is_last_line = last.ends_sentence and last.end + word < edge - 2 * line.size
    return not (is_last_line and line.text[:1].isupper())


def _in_column(other: Line, line: Line) -> bool:
    """Return whether two lines begin at the same left edge, but for an indent."""
    return abs(other.x - line.x) <= 2 * line.size


def _starts_item(last: Line, line: Line, *, in_list: bool) -> bool:
    """Return whether `line` starts a list item; a dash or number may also be part of a sentence."""
    if BULLET.match(line.text):
        return True
    return bool(line.bullet) and (in_list or last.ends_sentence)


def across_breaks(pages: Sequence[Sequence[list[Line]]]) -> list[list[list[Line]]]:
    """Return the blocks of all pages; one that goes on in the next column or page is joined to its start."""
    seen: list[list[Line]] = []
    kept: list[list[list[Line]]] = []
    for found in pages:
        kept.append([])
        for block in found:
            start = next((each for each in reversed(seen[-_LOOK_BACK:]) if _same_font(each, block)), None)
            if start and _goes_on(start, block):
                start += block
            else:
                seen.append(block)
                kept[-1].append(block)
    return kept


def _same_font(start: Sequence[Line], block: Sequence[Line]) -> bool:
    """Return whether two blocks are text in the same font."""
    above, below = start[-1], block[0]
    plain = not (above.is_row or below.is_row or below.bullet)
    return plain and abs(above.size - below.size) <= 0.1 * above.size and above.bold == below.bold


def _goes_on(start: Sequence[Line], block: Sequence[Line]) -> bool:
    """Return whether a block at the top of a column or page continues the sentence of `start`."""
    above, below = start[-1], block[0]
    is_break = below.page == above.page + 1 or (below.page == above.page and below.y > above.y)
    if not is_break or above.ends_sentence:
        return False
    longest = max(len(line.text) for line in start)
    full = len(start) > 1 and len(block) > 1 and len(above.text) >= 0.85 * longest
    return below.text[:1].islower() or (full and not below.bold)


def by_page(block: Sequence[Line], words: set[str]) -> Iterator[tuple[int, str]]:
    """Yield the page and the text of each part of a block; a sentence stays on the page where it begins."""
    text, page, done = join(block, words), block[0].page, 0
    for index, (above, below) in enumerate(pairwise(block), start=1):
        if above.page == below.page:
            continue
        end = _SENTENCE.search(text, max(len(join(block[:index], words)) - 1, done))
        if end:
            yield page, text[done : end.end()].strip()
            done, page = end.end(), below.page
    yield page, text[done:]


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
        elif _UNSPACED.match(text[-1:]) and _UNSPACED.match(part):
            text += part
        else:
            text = f"{text} {part}" if text else part
    return text


def vocabulary(lines: Sequence[Line]) -> set[str]:
    """Return the words of a document that no line end can cut."""
    return {_bare(word) for line in lines for word in line.text.split()[:-1]}


def _bare(word: str) -> str:
    """Return a word in lower case, without the punctuation around it."""
    return word.strip(".,;:!?()[]\"'“”‘’«»").lower()
