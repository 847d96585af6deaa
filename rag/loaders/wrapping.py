"""Line wrapping in plain text: hard-wrapped lines are joined, whole lines are paragraphs of their own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

_MAX_WRAPPED = 120  # characters; longer lines are not wrapped
_MIN_WIDTH = 30
_NARROWER = 0.85  # at most this share of the other width makes a width of its own
_MIN_PART = 4  # lines of a part with a width of its own, and words of most of them
_BULLET_SIGN = r"(?:[-*+•–—·‣⁃◦▪▫●○■□►▶➢✓✔]|\(?\d{1,3}[.)]|\(?[a-z]\)|o(?=\s\s))"
_BULLET = re.compile(rf"\s*{_BULLET_SIGN}\s+\S")
_COLUMNS = re.compile(r"\S(?:\s{3,}|\t)\S")
_LABEL = re.compile(r"[A-Z][\w-]{0,20}(?: [\w-]{1,20})?:\s")
_LONE_BULLET = re.compile(rf"\s*{_BULLET_SIGN}\s*$")
_RULE = re.compile(r"\s*([-=_*~#+–—])(?:\s*\1){2,}\s*$")
_QUOTE = re.compile(r"\s*(?:>\s?)+")
_SENTENCE_END = re.compile(r"[.!?:;…。！？][\"'”’»)\]]*$")


@dataclass(frozen=True, slots=True)
class Line:
    """A line with text: its number from 1, and whether the line above is blank."""

    number: int
    text: str
    after_blank: bool

    @property
    def indent(self) -> int:
        """The number of columns before the first letter."""
        text = self.text.expandtabs()
        return len(text) - len(text.lstrip())

    @property
    def quote(self) -> str:
        """The > signs of a quoted line in an e-mail."""
        found = _QUOTE.match(self.text)
        return "".join(found[0].split()) if found else ""

    @property
    def bare(self) -> str:
        """The text without quote signs and surrounding whitespace."""
        return _QUOTE.sub("", self.text, count=1).strip() if self.quote else self.text.strip()


@dataclass(frozen=True, slots=True)
class Group:
    """The lines of one paragraph. `alone`: blank lines around it. `underline`: the sign below a heading."""

    lines: list[Line]
    bulleted: bool = False
    alone: bool = False
    underline: str = ""

    @property
    def has_columns(self) -> bool:
        """Whether the last line is in columns, as a table row is."""
        return _COLUMNS.search(self.lines[-1].bare) is not None

    @property
    def text(self) -> str:
        """The lines joined as they were before wrapping."""
        parts = [self.lines[0].text.strip()]
        for line in self.lines[1:]:
            parts += _joiner(parts[-1], line.bare), line.bare
        return "".join(parts)


def group_lines(lines: Sequence[str]) -> list[Group]:
    """Return the paragraphs in the lines of a text, without rules and lone bullets."""
    kept = list(_visible(lines))
    widths = _wrap_widths(kept)
    groups: list[Group] = []
    pending = False  # the line above holds only a bullet
    ruled = False  # the line above is a rule: it separates paragraphs as a blank line does
    for line in kept:
        if _RULE.match(line.text):
            underlines = not line.after_blank and groups and _is_underlined(groups[-1], line.bare)
            if underlines:
                groups[-1] = replace(groups[-1], underline=line.text.strip()[0])
            ruled = True
        elif _LONE_BULLET.match(line.text):
            pending = True
        elif not (pending or ruled) and groups and _continues(groups[-1], line, widths[line.number]):
            groups[-1].lines.append(line)
        else:
            apart = line.after_blank or ruled or not groups
            if groups and not apart:
                groups[-1] = replace(groups[-1], alone=False)
            groups.append(Group([line], pending or bool(_BULLET.match(line.text)), apart))
            pending = ruled = False
    return groups


def _visible(lines: Sequence[str]) -> Iterator[Line]:
    """Yield the lines that show text."""
    blank = True
    for number, text in enumerate(lines, start=1):
        bare = text.strip().strip("\u200b\u200c\u200d\u2060\ufeff> \u00a0\t")
        if bare:
            yield Line(number, text, blank)
        blank = not bare


def _is_underlined(group: Group, rule: str) -> bool:
    """Return whether the rule below underlines a paragraph: a single line, no columns, similar length."""
    plain = len(group.lines) == 1 and not group.bulleted and not group.has_columns
    return plain and rule[0] in "=-~" and len(group.text) <= 2 * len(rule)


def _wrap_widths(lines: Sequence[Line]) -> dict[int, int | None]:
    """Return the width at which each line, by number, was wrapped; a text may have parts of two widths."""
    blocks: list[list[Line]] = []
    for line in lines:
        if line.after_blank or not blocks:
            blocks.append([])
        blocks[-1].append(line)
    longest = [max(map(_length, block)) for block in blocks]
    lengths = sorted({length for length, block in zip(longest, blocks, strict=True) if len(block) > 1})
    gap = max(pairwise(lengths), key=lambda pair: pair[1] / pair[0], default=(1, 1))
    whole = _wrap_width(lines)
    if gap[0] > _NARROWER * gap[1]:
        return dict.fromkeys((line.number for line in lines), whole)
    parts = (
        [line for length, block in zip(longest, blocks, strict=True) for line in block if fits(length)]
        for fits in (gap[0].__ge__, gap[0].__lt__)
    )
    widths = [(part, _wrap_width(part) if _has_prose(part) else None) for part in parts]
    return {line.number: width or whole for part, width in widths for line in part}


def _has_prose(lines: Sequence[Line]) -> bool:
    """Return whether there are several lines, most of them of several words, unlike a list of names."""
    words = [len(line.bare.split()) if not _is_wide(line.bare[-1:]) else _MIN_PART for line in lines]
    return len(words) >= _MIN_PART and sorted(words)[len(words) // 2] >= _MIN_PART


def _wrap_width(lines: Sequence[Line]) -> int | None:
    """Return the column at which the text was wrapped; None if its lines are whole.

    A line end within a sentence is one without a full stop before and a capital after. The text is wrapped
    if these are not rare, and at nearly all of them the next word would not have fitted.
    """
    breaks = [
        (above, below)
        for above, below in pairwise(lines)
        if not below.after_blank and not _BULLET.match(below.text) and len(above.text) <= _MAX_WRAPPED
    ]
    inside = [pair for pair in breaks if _is_inside_sentence(*pair)]
    if not inside or len(inside) < len(breaks) / 4:
        return None
    lengths = sorted(_length(above) for above, _ in inside)
    width = lengths[(len(lengths) - 1) * 95 // 100]
    # Counted in letters, not lines: short lines such as a salutation say little.
    forced = sum(_length(above) for above, below in inside if _is_forced(above, below, width))
    return width if width >= _MIN_WIDTH and forced >= 0.8 * sum(lengths) else None


def _is_inside_sentence(above: Line, below: Line) -> bool:
    """Return whether a sentence continues over the line end, by punctuation and capitals."""
    first = below.bare[:1]
    return first.isalpha() and first == first.lower() and not _SENTENCE_END.search(above.text.rstrip())


def _continues(group: Group, line: Line, width: int | None) -> bool:
    """Return whether `line` continues the paragraph of `group`."""
    last = group.lines[-1]
    if line.after_blank or _BULLET.match(line.text) or line.quote != last.quote or group.underline:
        return False
    if last.text.endswith("\xad") or (group.bulleted and line.indent > group.lines[0].indent):
        return True
    if _LABEL.match(line.bare) and _LABEL.match(group.lines[0].bare):
        return False  # fields of a record, one above the other
    columns = group.has_columns or _COLUMNS.search(line.bare)
    if width is None or columns or (not group.bulleted and line.indent >= last.indent + 2):
        return False
    return _is_forced(last, line, width)


def _is_forced(above: Line, below: Line, width: int) -> bool:
    """Return whether the first word of `below` would not have fitted at the end of `above`.

    Within a sentence it may miss by a tenth of the width: programs that balance lines break a little early.
    """
    text = above.text.expandtabs().rstrip()
    if len(text) > width and len(text.rpartition(" ")[0]) > width:
        return False  # wrapping would have cut so long a line: it is whole
    fitted = len(text) + 1 + len(_first_word(below.bare))
    return fitted > width or (fitted > width * 0.9 and not _SENTENCE_END.search(text))


def _length(line: Line) -> int:
    """Return the number of columns up to the last letter."""
    return len(line.text.expandtabs().rstrip())


def _first_word(text: str) -> str:
    """Return what a wrapping program would not split: a word, or one letter of a script without spaces."""
    return text[:1] if _is_wide(text[:1]) else text.split(maxsplit=1)[0]


def _joiner(above: str, below: str) -> str:
    """Return what was between two lines before the text was wrapped: a space or nothing."""
    if _is_wide(above[-1:]) and _is_wide(below[:1]):
        return ""
    return "" if re.search(r"[^\W\d]-$", above[-2:]) and below[:1].islower() else " "


def _is_wide(letter: str) -> bool:
    """Return whether `letter` belongs to a script written without spaces (Chinese, Japanese)."""
    return letter != "" and unicodedata.east_asian_width(letter) in "WF" and not "가" <= letter <= "힣"
