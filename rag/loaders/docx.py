"""Word documents: paragraphs, list items and table rows in page order, without tracked deletions.

What hangs on a paragraph follows it: its foot- and endnotes and its text boxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lxml import etree

from rag.errors import LoadError
from rag.loaders.docx_chunks import chunk_paragraphs
from rag.loaders.docx_inline import BOX, FALLBACK, NOTES, Inline, content, inline
from rag.loaders.docx_numbering import Numbering
from rag.loaders.docx_package import Package, R, W, child, open_package
from rag.loaders.docx_styles import Role, Styles
from rag.loaders.docx_tables import Block, table_blocks
from rag.loaders.limits import DEFAULT, Limits
from rag.loaders.paragraphs import Contents, RawParagraph, is_blank
from rag.types import Kind

MAX_NESTING = 30  # frames, tables and boxes in each other; deeper ones are read as plain paragraphs
_P, _CELL = f"{W}p", f"{W}tc"


def read(data: bytes, source: str, limits: Limits = DEFAULT) -> Contents:
    """Return the paragraphs of a Word document; its properties give the title if no heading does."""
    package = open_package(data, source, limits)
    try:
        blocks = list(_Reader(package, source, limits).blocks(package.body))
    except RecursionError as error:
        raise LoadError(source, "is nested too deeply to read; save it again in a simpler form") from error
    paragraphs = tuple(block.paragraph for block in blocks)
    has_heading = any(each.kind is Kind.HEADING for each in paragraphs)
    return Contents(paragraphs, "" if has_heading else package.title)


class _Reader:
    """A walk over one document, which counts its lists and reads each note once."""

    def __init__(self, package: Package, source: str, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._chunks = package.chunks
        self._styles = Styles(package.parts.get("styles"))
        self._numbering = Numbering(package.parts.get("numbering"), self._styles)
        self._notes = {
            (kind, note.get(f"{W}id", "")): note
            for kind in NOTES.values()
            if (part := package.parts.get(kind)) is not None
            for note in part.iterchildren(f"{W}{kind[:-1]}")
        }

    def blocks(self, container: etree._Element, depth: int = 0) -> Iterator[Block]:
        """Yield the paragraphs and table rows of a container: the body, a cell, a box or a note."""
        if depth > MAX_NESTING:
            yield from self._flat(container)
            return
        text = Inline(bold=True)  # with that of paragraphs above whose end was deleted
        for element in content(container):
            if element.tag == _P:
                text += inline(element, self._styles)
                if _is_initial(element):
                    continue
                if _is_joined(element):
                    text = _spaced(text)
                    continue
                yield self._block(element, text, in_cell=container.tag == _CELL)
                yield from self._asides(text, depth + 1)
            elif element.tag == f"{W}tbl":
                rows = table_blocks(element, self._styles, lambda cell: self.blocks(cell, depth + 1))
                yield from (replace(row, aside=True) for row in rows) if container.tag == _CELL else rows
            elif element.tag == f"{W}altChunk":
                chunk = self._chunks.get(element.get(f"{R}id", ""))
                yield from map(Block, chunk_paragraphs(chunk, self._source, self._limits))
            text = Inline(bold=True)
        if not is_blank(text.text):
            yield Block(RawParagraph(text.text.strip()), bold=text.bold)

    def _flat(self, container: etree._Element) -> Iterator[Block]:
        """Yield all paragraphs in a container as if nothing in it were nested."""
        for element in container.iter(_P):
            if next(element.iterancestors(FALLBACK), None) is None:
                yield self._block(element, inline(element, self._styles), in_cell=False)

    def _block(self, paragraph: etree._Element, text: Inline, *, in_cell: bool) -> Block:
        """Return one paragraph, with its number and the kind that its style and numbering give it."""
        role = self._styles.role(paragraph)
        label = self._numbering.label(paragraph)
        if label is not None and role.kind is Kind.BODY:
            role = Role(Kind.LIST_ITEM)
        shown = text.text.strip()
        if not is_blank(shown) or in_cell:  # a column may hold nothing but numbers
            shown = f"{label or ''}{shown}".strip()
        return Block(RawParagraph(shown, role.kind, role.level), bold=text.bold)

    def _asides(self, text: Inline, depth: int) -> Iterator[Block]:
        """Yield the notes and text boxes that hang on a paragraph; a note only once."""
        for aside in text.asides:
            found: etree._Element | None = aside
            if aside.tag != BOX:
                found = self._notes.pop((NOTES[aside.tag], aside.get(f"{W}id", "")), None)
            if found is not None:
                yield from (replace(block, aside=True) for block in self.blocks(found, depth))


def _is_initial(paragraph: etree._Element) -> bool:
    """Return whether a paragraph is a large first letter, which the next one goes on from."""
    frame = child(paragraph, "pPr/framePr")
    return frame is not None and frame.get(f"{W}dropCap", "none") != "none"


def _is_joined(paragraph: etree._Element) -> bool:
    """Return whether the end of a paragraph was deleted, so that the next one continues it."""
    return any(child(paragraph, f"pPr/rPr/{name}") is not None for name in ("del", "moveFrom"))


def _spaced(text: Inline) -> Inline:
    """Return a text that ends in space, if there is any."""
    return text if not text.text or text.text[-1].isspace() else replace(text, text=f"{text.text} ")
