"""Which lines of a plain text are one paragraph: hard-wrapped ones are joined, whole ones stand alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

LONGEST_WRAPPED = 120  # characters; nobody wraps by hand beyond
_NARROWEST = 30
_SIGN = r"(?:[-*+•–—·‣⁃◦▪▫●○■□►▶➢✓✔]|\(?\d{1,3}[.)]|\(?[a-z]\)|o(?=\s\s))"
_BULLET = re.compile(rf"\s*{_SIGN}\s+\S")
_COLUMNS = re.compile(r"\S(?:\s{3,}|\t)\S")
_LONE_BULLET = re.compile(rf"\s*{_SIGN}\s*$")
_RULE = re.compile(r"\s*([-=_*~#+–—])(?:\s*\1){2,}\s*$")
_QUOTE = re.compile(r"\s*(?:>\s?)+")
_SENTENCE_END = re.compile(r"[.!?:;…。！？][\"'”’»)\]]*$")


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank: its number from 1, its text, whether a blank line stands right above."""

    number: int
    text: str
    after_blank: bool

    @property
    def indent(self) -> int:
        """Columns before the first letter."""
        text = self.text.expandtabs()
        return len(text) - len(text.lstrip())

    @property
    def quote(self) -> str:
        """The > signs that mark a quoted line of an e-mail."""
        found = _QUOTE.match(self.text)
        return "".join(found[0].split()) if found else ""

    @property
    def bare(self) -> str:
        """The text without quote signs and outer whitespace."""
        return _QUOTE.sub("", self.text, count=1).strip() if self.quote else self.text.strip()


@dataclass(frozen=True, slots=True)
class Group:
    """The lines of one paragraph. `underline` is the sign that a heading is underlined with."""

    lines: list[Line]
    bulleted: bool = False
    alone: bool = False
    underline: str = ""

    @property
    def has_columns(self) -> bool:
        """Whether the last line is set in columns, as a table's row is."""
        return _COLUMNS.search(self.lines[-1].bare) is not None

    @property
    def text(self) -> str:
        """The lines joined as they were before they were wrapped."""
        parts = [self.lines[0].text.strip()]
        for line in self.lines[1:]:
            parts += _glue(parts[-1], line.bare), line.bare
        return "".join(parts)


def group(lines: Sequence[str]) -> list[Group]:
    """The paragraphs of a text, given as all its lines; rules and lone bullet signs are none of their own."""
    kept = list(_visible(lines))
    width = _wrap_width(kept)
    groups: list[Group] = []
    pending = False  # a bullet sign stood alone on the line before
    ruled = False  # a rule that underlines nothing parts paragraphs as a blank line does
    for line in kept:
        if _RULE.match(line.text):
            underlines = not line.after_blank and groups and _is_underlined(groups[-1], line.bare)
            if underlines:
                groups[-1] = replace(groups[-1], underline=line.text.strip()[0])
            ruled = True
        elif _LONE_BULLET.match(line.text):
            pending = True
        elif not (pending or ruled) and groups and _continues(groups[-1], line, width):
            groups[-1].lines.append(line)
        else:
            apart = line.after_blank or ruled or not groups
            if groups and not apart:
                groups[-1] = replace(groups[-1], alone=False)
            groups.append(Group([line], pending or bool(_BULLET.match(line.text)), apart))
            pending = ruled = False
    return groups


def _visible(lines: Sequence[str]) -> Iterator[Line]:
    """The lines that are not blank."""
    blank = True
    for number, text in enumerate(lines, start=1):
        bare = text.strip().strip("\u200b\u200c\u200d\u2060\ufeff> \u00a0\t")
        if bare:
            yield Line(number, text, blank)
        blank = not bare


def _is_underlined(group: Group, rule: str) -> bool:
    """Whether a rule below a paragraph underlines it: one line, not in columns, about as long."""
    plain = len(group.lines) == 1 and not group.bulleted and not group.has_columns
    return plain and rule[0] in "=-~" and len(group.text) <= 2 * len(rule)


def _wrap_width(lines: Sequence[Line]) -> int | None:
    """The column at which the text was wrapped; None where its lines are whole.

    The evidence is in the line ends without a full stop before and a capital after: if nearly all stand
    where the next word would not have fitted, and they are not rare, the text is wrapped.
    """
    breaks = [
        (above, below)
        for above, below in pairwise(lines)
        if not below.after_blank and not _BULLET.match(below.text) and len(above.text) <= LONGEST_WRAPPED
    ]
    inside = [pair for pair in breaks if _is_inside_sentence(*pair)]
    if not inside or len(inside) < len(breaks) / 4:
        return None
    lengths = sorted(_length(above) for above, _ in inside)
    width = lengths[(len(lengths) - 1) * 95 // 100]
    # By letters, not by lines: a salutation, or the short end of an item, says little.
    forced = sum(_length(above) for above, below in inside if _is_forced(above, below, width))
    return width if width >= _NARROWEST and forced >= 0.8 * sum(lengths) else None


def _is_inside_sentence(above: Line, below: Line) -> bool:
    """Whether a sentence runs over the line end, as far as punctuation and capitals tell."""
    first = below.bare[:1]
    return first.isalpha() and first == first.lower() and not _SENTENCE_END.search(above.text.rstrip())


def _continues(group: Group, line: Line, width: int | None) -> bool:
    """Whether `line` goes on with the paragraph of `group`."""
    last = group.lines[-1]
    if line.after_blank or _BULLET.match(line.text) or line.quote != last.quote or group.underline:
        return False
    if group.bulleted and line.indent > group.lines[0].indent:
        return True
    columns = group.has_columns or _COLUMNS.search(line.bare)
    if width is None or columns or (not group.bulleted and line.indent >= last.indent + 2):
        return False
    return _is_forced(last, line, width)


def _is_forced(above: Line, below: Line, width: int) -> bool:
    """Whether the first word of `below` would not have fitted at the end of `above`.

    Programs that even out lines break a little earlier: a tenth of the width is granted within a sentence.
    """
    text = above.text.expandtabs().rstrip()
    if len(text) > width and len(text.rpartition(" ")[0]) > width:
        return False  # no wrapping left so long a line: it is whole
    fitted = len(text) + 1 + len(_first_word(below.bare))
    return fitted > width or (fitted > width * 0.9 and not _SENTENCE_END.search(text))


def _length(line: Line) -> int:
    """Columns up to the last letter."""
    return len(line.text.expandtabs().rstrip())


def _first_word(text: str) -> str:
    """What a wrapping program would not part: a word, or one letter of a script that has no spaces."""
    return text[:1] if _is_wide(text[:1]) else text.split(maxsplit=1)[0]


def _glue(above: str, below: str) -> str:
    """What stood between two lines before the text was wrapped."""
    if _is_wide(above[-1:]) and _is_wide(below[:1]):
        return ""
    return "" if re.search(r"[^\W\d]-$", above[-2:]) and below[:1].islower() else " "


def _is_wide(letter: str) -> bool:
    """Whether `letter` belongs to a script written without spaces (Chinese, Japanese)."""
    return letter != "" and unicodedata.east_asian_width(letter) in "WF" and not "가" <= letter <= "힣"
