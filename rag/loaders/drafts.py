"""What every loader gives: drafts of paragraphs. Here they get their numbers, heading paths and dates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath

from rag.errors import LoadError
from rag.text.dates import find_date, find_dateline, find_heading_date, is_opening
from rag.types import HEADING_SEPARATOR, Document, Kind, Paragraph


@dataclass(frozen=True, slots=True)
class Draft:
    """A paragraph as a loader finds it. `level` is a heading's depth from 1, or 0 for a title above them all.

    `date` is one that the markup states: a table row's own; of any other paragraph, for those after it too.
    """

    text: str
    kind: Kind = Kind.BODY
    level: int = 1
    page: int | None = None
    line: int | None = None
    date: date | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """A file's paragraphs, with the title and the date that its metadata state."""

    drafts: tuple[Draft, ...]
    title: str = ""
    date: date | None = None


def is_blank(text: str) -> bool:
    """Whether a reader sees nothing: only spaces, zero-width and control characters."""
    return not any(character.isprintable() and character != " " for character in text)


def number(contents: Contents, source: str, digest: str) -> Document:
    """The document of `contents`: numbered paragraphs with heading path and date; LoadError if none."""
    drafts = [draft for draft in contents.drafts if not is_blank(draft.text)]
    if not drafts:
        raise LoadError(
            source, "holds no text; there is nothing to ask about. Remove it or fill it, then ingest"
        )
    stem = PurePosixPath(source).stem
    title = " ".join(_storable(contents.title or _title(drafts) or stem).split())
    floor = contents.date or find_date(title) or _first_date(drafts) or find_date(stem.replace("_", " "))
    dates = _dates(drafts, floor)
    paths = _paths(drafts)
    return Document(
        source,
        digest,
        title,
        tuple(
            Paragraph(index, _storable(draft.text), draft.kind, path, draft.page, draft.line, day)
            for index, (draft, path, day) in enumerate(zip(drafts, paths, dates, strict=True), start=1)
        ),
    )


def _title(drafts: list[Draft]) -> str:
    """The text of the heading that names the whole document: the first of level 1, or one on top."""
    headings = (draft for draft in drafts if draft.kind is Kind.HEADING)
    return next((draft.text for draft in headings if draft.level <= 1 or draft is drafts[0]), "")


def _paths(drafts: Iterable[Draft]) -> Iterator[str]:
    """For each draft the path of the headings above it, outermost first."""
    above: list[Draft] = []
    for draft in drafts:
        if draft.kind is Kind.HEADING:
            above = [heading for heading in above if heading.level < draft.level]
        yield HEADING_SEPARATOR.join(" ".join(_storable(heading.text).split()) for heading in above)
        if draft.kind is Kind.HEADING:
            above.append(draft)


def _dates(drafts: Iterable[Draft], floor: date | None) -> Iterator[date | None]:
    """For each draft the date in force.

    A heading's date holds for its section, and so do a dateline right under the heading and one that opens a
    paragraph; any other dateline, a line of its own, holds until the next date.
    """
    scopes: list[tuple[int, date | None]] = [(-1, floor)]
    section: int | None = None  # level of the heading that was just read, if the last paragraph was one
    above = 0  # level of the last heading
    for draft in drafts:
        if draft.kind is Kind.TABLE_ROW:
            yield draft.date or scopes[-1][1]
            continue
        stated = _stated(draft)
        if draft.kind is Kind.HEADING:
            scopes = [scope for scope in scopes if scope[0] < draft.level]
            section = above = draft.level
        if stated is not None:
            if section is None and is_opening(draft.text):
                section = above
            scopes = [*scopes, (section, stated)] if section is not None else [(-1, stated)]
        if draft.kind is not Kind.HEADING:
            section = None
        yield scopes[-1][1]


def _stated(draft: Draft) -> date | None:
    """The date that a paragraph states for what follows it; that of a list item or caption is another's."""
    if draft.date is not None:
        return draft.date
    if draft.kind is Kind.HEADING:
        return find_date(draft.text) if draft.level == 0 else find_heading_date(draft.text)
    return find_dateline(draft.text) if draft.kind is Kind.BODY else None


def _first_date(drafts: list[Draft]) -> date | None:
    """The date that the lines before the first long paragraph state, among the first eight."""
    for draft in drafts[:8]:
        if (stated := _stated(draft)) is not None and draft.kind is not Kind.TABLE_ROW:
            return stated
        if len(draft.text) > 200:
            return None
    return None


def _storable(text: str) -> str:
    """`text` without NUL and lone surrogates, which neither SQLite nor UTF-8 can hold."""
    if "\x00" not in text and text.isascii():
        return text
    return text.replace("\x00", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
