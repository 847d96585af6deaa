"""What every loader returns, and the step that gives paragraphs their numbers, heading paths and dates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from unicodedata import normalize

from rag.errors import LoadError
from rag.loaders import ocr
from rag.text.dates import (
    find_date,
    find_dateline,
    find_declared_date,
    find_heading_date,
    is_creation,
    is_opening,
)
from rag.text.edition import read_edition
from rag.text.encoding import encodable
from rag.text.recognition import Recognition
from rag.types import HEADING_SEPARATOR, Document, Kind, Paragraph

_SOFT_HYPHEN = re.compile(r"\xad[ \n]?")  # with the space that stands for the end of its line
_LIGATURES = {code: normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}
_SENTENCE_END = re.compile(r"\w[.!?。！？][\"'”’»)\]]*$")


@dataclass(frozen=True, slots=True)
class RawParagraph:
    """A paragraph as a loader finds it. `level` is a heading's depth from 1; 0 for a title above all.

    `date` comes from the markup. It holds for the paragraphs below too, except when it is a table row's.
    `sets_date` is False for what states no date of the text: code, an infobox, a footnote.
    """

    text: str
    kind: Kind = Kind.BODY
    level: int = 1
    page: int | None = None
    line: int | None = None
    date: date | None = None
    sets_date: bool = True
    recognised: Recognition | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """A file's paragraphs, with the title and the date from its metadata.

    `left_out` says what could not be read, a phrase each, such as "page 3 is damaged".
    """

    paragraphs: tuple[RawParagraph, ...]
    title: str = ""
    date: date | None = None
    left_out: tuple[str, ...] = ()


def is_blank(text: str) -> bool:
    """Return whether the text shows nothing: only spaces, zero-width and control characters."""
    return not any(character.isprintable() and character != " " for character in text)


def to_document(contents: Contents, source: str, digest: str) -> Document:
    """Return a document of numbered paragraphs with heading paths and dates; LoadError if there are none."""
    paragraphs = [each for each in contents.paragraphs if not is_blank(each.text)]
    if not paragraphs:
        reason = "; ".join(contents.left_out) or "has no text"
        remedy = "" if ocr.ADVICE in reason else "; remove it, or add text and ingest it again"
        raise LoadError(source, reason + remedy)
    stem = PurePosixPath(source).stem
    title = _one_line(contents.title or _title(paragraphs) or stem)
    default = (
        contents.date or find_date(title) or _first_date(paragraphs) or find_date(stem.replace("_", " "))
    )
    numbered = enumerate(zip(paragraphs, _paths(paragraphs), _dates(paragraphs, default), strict=True), 1)
    edition = read_edition(title, (each.text for each in paragraphs if each.kind is not Kind.TABLE_ROW))
    return Document(
        source,
        digest,
        title,
        tuple(
            Paragraph(
                number, _storable(each.text), each.kind, path, each.page, each.line, day, each.recognised
            )
            for number, (each, path, day) in numbered
        ),
        edition,
        contents.left_out,
    )


def _title(paragraphs: Sequence[RawParagraph]) -> str:
    """Return the heading that names the whole document: one at the top, or of level 1 above all prose."""
    for each in paragraphs:
        if each.kind is Kind.HEADING and (each.level <= 1 or each is paragraphs[0]):
            return each.text
        if each.kind is not Kind.TABLE_ROW and (len(each.text) > 100 or _SENTENCE_END.search(each.text)):
            return ""
    return ""


def _paths(paragraphs: Iterable[RawParagraph]) -> Iterator[str]:
    """Yield for each paragraph the path of the headings above it, outermost first."""
    above: list[RawParagraph] = []
    for each in paragraphs:
        if each.kind is Kind.HEADING:
            above = [heading for heading in above if heading.level < each.level]
        yield HEADING_SEPARATOR.join(_one_line(heading.text) for heading in above)
        if each.kind is Kind.HEADING:
            above.append(each)


def _dates(paragraphs: Iterable[RawParagraph], default: date | None) -> Iterator[date | None]:
    """Yield for each paragraph the date that applies to it.

    The date of a heading holds for its section. So does a dateline directly below the heading, or one that
    opens a paragraph. Any other dateline, on a line of its own, holds until the next date.
    """
    scopes: list[tuple[int, date | None]] = [(-1, default)]
    section: int | None = None  # level of the heading directly above, if there is one
    above = 0  # level of the last heading
    dated = False  # whether a date was stated since
    for each in paragraphs:
        if each.kind is Kind.TABLE_ROW:
            yield each.date or scopes[-1][1]
            continue
        stated = None if dated and is_creation(each.text) else _stated_date(each)
        dated = stated is not None or (dated and each.kind is not Kind.HEADING)
        if each.kind is Kind.HEADING:
            scopes = [scope for scope in scopes if scope[0] < each.level]
            section = above = each.level
        if stated is not None:
            if section is None and is_opening(each.text):
                section = above
            scopes = [*scopes, (section, stated)] if section is not None else [(-1, stated)]
        if each.kind is not Kind.HEADING:
            section = None
        yield scopes[-1][1]


def _stated_date(paragraph: RawParagraph) -> date | None:
    """Return the date that a paragraph sets for the text below; a list item or caption sets none."""
    if not paragraph.sets_date or paragraph.date is not None:
        return paragraph.date if paragraph.sets_date else None
    if paragraph.kind is Kind.HEADING:
        return find_date(paragraph.text) if paragraph.level == 0 else find_heading_date(paragraph.text)
    return find_dateline(paragraph.text) if paragraph.kind is Kind.BODY else None


def _first_date(paragraphs: Sequence[RawParagraph]) -> date | None:
    """Return the date stated above the first long paragraph, within the first eight.

    The date of the text's creation counts only if no other is stated.
    """
    created = None
    for each in paragraphs[:8]:
        stated = _stated_date(each) or (find_declared_date(each.text) if each.sets_date else None)
        if stated is not None and each.kind is not Kind.TABLE_ROW:
            if not is_creation(each.text):
                return stated
            created = created or stated
        if len(each.text) > 200:
            break
    return created


def _one_line(text: str) -> str:
    """Return a heading or title with single spaces between its words."""
    return " ".join(_storable(text).split())


def _storable(text: str) -> str:
    """Return the text in NFC, without ligatures, soft hyphens and what SQLite and UTF-8 can't store."""
    plain = _SOFT_HYPHEN.sub("", text.replace("\x00", "")).translate(_LIGATURES)
    return encodable(plain)
