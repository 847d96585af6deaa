"""Plain text: paragraphs as an editor shows them, and those that look like headings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.loaders.decoding import decode, split_lines
from rag.loaders.paragraphs import Contents, RawParagraph
from rag.loaders.wrapping import Group, group_lines
from rag.text.dates import find_dateline
from rag.types import Kind

_MAX_HEADING = 130  # characters
_MAX_RUN_IN = 8  # words of a numbered title right above its text
_MIN_BODY = 60  # characters; a shorter line that ends as a sentence may be a caption
_SENTENCE_END = re.compile(r"[.!?…:][\"'”’»)\]]*$")
_NO_HEADING_END = re.compile(r"(?:[.!:;,…]|[.!?,…][\"'”’»)\]]+)$")
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2})*)\.?\s+[^\W\d_]")
_BYLINE = re.compile(r"(?:(?:reporting|written|edited|photos?) )?(?:by|from)\s+(?:the\s)?\w", re.IGNORECASE)
_ASIDE = re.compile(
    r"""(?:source|credit|photo|image|picture|video|file|via|copyright|related|to|cc|from|subject|date|time|tel
         |phone|e-?mail|published|updated|by|author|listen|watch)\W*(?::|$)
      |©|read\ more\b|you\ may\ like\b
      |(?:\W*(?:getty|reuters|afp|ap|epa|shutterstock|alamy|anadolu|agency|images?|photos?|pool|via
         |handout))+\W*$
      |[-\d:.\s]*(?:[ap]\.?m\.?)?(?:\s*-\s*source:.*)?$
      |\d+\s+(?:posts?|comments?|shares?|likes?|replies|views)$
      |\S+@\S+$|(?:https?://|www\.)\S+$""",
    re.IGNORECASE | re.VERBOSE,
)


def read(data: bytes, source: str) -> Contents:
    """Return the paragraphs of a plain text."""
    groups = group_lines(split_lines(decode(data, source)))
    return Contents(tuple(_paragraph(groups, index) for index in range(len(groups))))


def _paragraph(groups: Sequence[Group], index: int) -> RawParagraph:
    """Return the paragraph at `index` with its kind."""
    here = groups[index]
    line = here.lines[0].number
    title = index == 0 and _is_title(groups)
    if here.bulleted and not here.underline and not _is_numbered_heading(groups, index):
        return RawParagraph(here.text, Kind.LIST_ITEM, line=line)
    if title or _is_heading(groups, index):
        return RawParagraph(here.text, Kind.HEADING, level=1 if title else _level(here), line=line)
    return RawParagraph(here.text, line=line)


def _is_title(groups: Sequence[Group]) -> bool:
    """Return whether the first paragraph is the title: it looks like a heading, and text follows."""
    return len(groups) > 1 and (bool(groups[0].underline) or (groups[0].alone and _may_be_heading(groups[0])))


def _is_heading(groups: Sequence[Group], index: int) -> bool:
    """Return whether a paragraph is a heading. A missed heading is better than a byline taken for one."""
    here = groups[index]
    if here.underline:
        return True
    if not _may_be_heading(here):
        return False
    below = [group for group in groups[index + 1 : index + 6] if not _is_aside(group.text)]
    if not below:
        return False
    if _opens_block(groups, index) and (_is_capitals(here.text) or _is_numbered_heading(groups, index)):
        return True
    if _BYLINE.match(groups[index + 1].text) and here.text not in groups[index + 1].text:
        return True
    under_byline = index > 0 and _BYLINE.match(groups[index - 1].text)
    return not under_byline and _is_body(below[0])


def _may_be_heading(group: Group) -> bool:
    """Return whether the group is a line that looks like a heading."""
    return len(group.lines) == 1 and not group.has_columns and looks_like_heading(group.text)


def looks_like_heading(text: str) -> bool:
    """Return whether a line, on its own, looks like a heading."""
    first = text.lstrip("\"'“‘«([")[:1]
    return (
        len(text) <= _MAX_HEADING
        and len(text.split()) <= 20
        and (first.isdigit() or (first.isalpha() and first == first.upper()))
        and not (text.endswith("?") and not text[0].isalnum())
        and not _NO_HEADING_END.search(text)
        and not _is_aside(text)
    )


def _is_aside(text: str) -> bool:
    """Return whether a line is a byline, time, dateline, credit or the like, which heads no section."""
    return len(text) <= _MAX_HEADING and (
        _BYLINE.match(text) is not None or _ASIDE.match(text) is not None or find_dateline(text) is not None
    )


def _is_body(group: Group) -> bool:
    """Return whether a paragraph is running text or a list item, as follows a heading."""
    return len(group.lines) > 1 or group.bulleted or is_prose(group.text)


def is_prose(text: str) -> bool:
    """Return whether a text is long enough for running text and ends as a sentence does."""
    return len(text) >= _MIN_BODY and bool(_SENTENCE_END.search(text))


def _is_capitals(text: str) -> bool:
    """Return whether a line is all in capitals."""
    return text.isupper() and sum(letter.isalpha() for letter in text) >= 4


def _is_numbered_heading(groups: Sequence[Group], index: int) -> bool:
    """Return whether a line is a heading such as "3.2 Results" above text, not an item of a numbered list."""
    here = groups[index]
    number = _NUMBERED.match(here.text)
    if number is None or not _opens_block(groups, index) or not _may_be_heading(here) or len(here.text) > 80:
        return False
    below = groups[index + 1] if index + 1 < len(groups) else None
    if below is None:
        return False
    if not below.lines[0].after_blank:  # a title right above its text, not an item of a list
        return not below.bulleted and len(here.text.split()) <= _MAX_RUN_IN
    return "." in number[1] or (not below.bulleted and len(below.text) > len(here.text))


def _opens_block(groups: Sequence[Group], index: int) -> bool:
    """Return whether a blank line, or nothing, is above a paragraph."""
    return index == 0 or groups[index].lines[0].after_blank


def _level(group: Group) -> int:
    """Return a heading's level: 1 if underlined with =, else 2, or deeper by the parts of its number."""
    number = _NUMBERED.match(group.text)
    if group.underline == "=":
        return 1
    return 1 + len(number[1].split(".")) if number else 2
