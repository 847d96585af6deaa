"""Rich text: paragraphs, headings, list items, footnotes and table rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from striprtf.striprtf import rtf_to_text

from rag.errors import LoadError
from rag.loaders import text
from rag.loaders.paragraphs import Contents, RawParagraph, is_blank
from rag.loaders.tables import grid_rows
from rag.types import Kind

# Private characters that striprtf passes through: before a heading and its level, for |, before a list item.
_HEADING, _BAR, _ITEM = "\ue000", "\ue001", "\ue002"
_STYLE = re.compile(r"\\s(\d+)\b[^{};]*?\bheading (\d)", re.IGNORECASE)
_STYLED = re.compile(r"\\(s|outlinelevel)(\d+)(?!\d) ?")
_LABEL = re.compile(r"\{\\(?:pntext|listtext)(?![a-z])")
_ROW = re.compile(r"\\trowd.*?\\row(?![a-z])", re.DOTALL)
_LINE_END = re.compile(r"\\(?:par|line)(?![a-z]) ?")
_PARAGRAPH_END = re.compile(r"\\par(?![a-z])")
_NOTE = re.compile(r"\{(?:\\super)?\s*(?:\\\*)?\\footnote(?![a-z])")
_SIGN = re.compile(r"(?:[•–—‣▪◦·-]|\(?\w{1,3}[.)])\t\s*(?=\S)")
_TITLE = re.compile(r"\{\\title ([^{}\\]*)\}")


def read(data: bytes, source: str) -> Contents:
    """Return the paragraphs of a rich text; its properties give the title if no heading does."""
    if not data.lstrip().startswith(b"{\\rtf"):
        raise LoadError(source, "is not a rich text file; save it again as .rtf or .docx")
    try:
        rtf = data.decode()
    except UnicodeDecodeError:
        rtf = data.decode("cp1252", "replace")
    title = _TITLE.search(rtf)
    try:
        marked = _marked(rtf.replace("|", _BAR))
        shown: str = rtf_to_text(marked, errors="replace")  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise LoadError(source, f"is damaged ({error}); save it again as .rtf or .docx") from error
    lines = [line.strip() for line in shown.split("\n") if not is_blank(line)]
    runs = groupby(lines, lambda line: line.endswith("|"))
    has_headings = _HEADING in shown
    paragraphs = tuple(
        paragraph
        for is_table, run in runs
        for paragraph in (_table(list(run)) if is_table else _text(list(run), source, has_headings))
    )
    has_title = any(each.kind is Kind.HEADING for each in paragraphs)
    return Contents(paragraphs, title[1] if title and not has_title else "")


def _marked(rtf: str) -> str:
    """Return the file's source with signs before headings and list items, and notes after their paragraph."""
    levels = dict(_STYLE.findall(rtf))

    def mark(found: re.Match[str]) -> str:
        is_style, number = found[1] == "s", found[2]
        level = levels.get(number, "") if is_style else str(int(number) + 1)
        return (
            f"{found[0]}{_HEADING}{level}"
            if level.isdecimal() and len(level) == 1 and level < "9"
            else found[0]
        )

    rtf = _ROW.sub(lambda row: _LINE_END.sub(" ", row[0]), _notes_after(rtf))
    return _LABEL.sub(lambda _: f"{_ITEM}{{\\listtext", _STYLED.sub(mark, rtf))


def _notes_after(rtf: str) -> str:
    """Return the source with each footnote moved behind the paragraph that calls it."""
    parts, notes, position = [], "", 0
    for event in re.finditer(f"{_NOTE.pattern}|{_PARAGRAPH_END.pattern}", rtf):
        if event.start() < position:
            continue
        parts.append(rtf[position : event.start()])
        if event[0].startswith("{"):
            position = _group_end(rtf, event.start())
            note = rtf[event.end() : position - 1].replace("\\par ", " ")
            notes += f"{{\\plain {note}}}\\par "
        else:
            position = event.end()
            parts.append(f"{event[0]} {notes}" if notes else event[0])
            notes = ""
    return "".join([*parts, notes and f"\\par {notes}", rtf[position:]])


def _group_end(rtf: str, start: int) -> int:
    """Return the position after the group that opens at `start`."""
    depth = 0
    for brace in re.finditer(r"\\.|[{}]", rtf[start:], re.DOTALL):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0 and brace[0] == "}":
            return start + brace.end()
    return len(rtf)


def _text(lines: Sequence[str], source: str, has_headings: bool) -> Iterator[RawParagraph]:
    """Yield the paragraphs in lines outside tables; their look tells the headings if no style does."""
    if has_headings:
        yield from map(_paragraph, lines)
        return
    plain = "\n\n".join(_item(line) for line in lines).replace(_BAR, "|")
    for each in text.read(plain.encode("utf-8-sig", "replace"), source).paragraphs:
        yield RawParagraph(each.text, each.kind, each.level)


def _paragraph(line: str) -> RawParagraph:
    """Return the paragraph of one line."""
    heading = re.match(f"(?:{_HEADING}[1-9])+", line)
    plain = re.sub(f"{_HEADING}[1-9]", "", line)
    shown = _item(plain).replace(_BAR, "|")
    if heading:
        return RawParagraph(shown, Kind.HEADING, int(heading[0][-1]))
    return RawParagraph(shown, Kind.LIST_ITEM if _ITEM in plain or _SIGN.match(plain) else Kind.BODY)


def _item(line: str) -> str:
    """Return a line without signs; a list item's label stays if it is a number or letter, else becomes •."""
    if _ITEM not in line and not _SIGN.match(line):
        return line
    label, _, shown = line.replace(_ITEM, "").strip().partition("\t")
    return f"{label} {shown}".strip() if re.search(r"[^\W_]", label) or not shown else f"• {shown.strip()}"


def _table(lines: Sequence[str]) -> Iterator[RawParagraph]:
    """Yield a table's rows; the first may name the columns."""
    clean = re.compile(f"{_HEADING}[1-9]|{_ITEM}")
    grid = [
        [clean.sub("", cell).replace(_BAR, "|").strip() for cell in line[:-1].split("|")] for line in lines
    ]
    yield from grid_rows(grid)
