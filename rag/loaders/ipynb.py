"""Notebooks: the text cells as Markdown, each cell of code and each printed result as a paragraph."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rag.errors import LoadError
from rag.loaders import html, markdown
from rag.loaders.decoding import decode
from rag.loaders.paragraphs import Contents, RawParagraph

_REMEDY = "save it again as .ipynb"
_RESULTS = {"execute_result", "display_data", "pyout"}


def read(data: bytes, source: str) -> Contents:
    """Return the cells of a notebook."""
    try:
        notebook = json.loads(decode(data, source))
        sheets = notebook.get("worksheets", [notebook])  # in the format before 2015
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
        paragraphs = tuple(paragraph for cell in cells for paragraph in _cell(cell, source))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LoadError(source, f"is not a valid notebook ({error}); {_REMEDY}") from error
    title = notebook.get("metadata", {}).get("title")
    return Contents(paragraphs, title if isinstance(title, str) else "")


def _cell(cell: dict[str, Any], source: str) -> Iterator[RawParagraph]:
    """Yield the paragraphs of a cell."""
    text = _joined(cell.get("source", cell.get("input", "")))
    match cell["cell_type"]:
        case "markdown" if text.strip():
            for each in markdown.read(text.encode("utf-8-sig", "replace"), source).paragraphs:
                yield RawParagraph(each.text, each.kind, each.level, date=each.date)
        case "heading":
            level = int(cell.get("level", 1))
            yield from markdown.read(f"{'#' * level} {text}".encode("utf-8", "replace"), source).paragraphs
        case "code":
            yield RawParagraph(text.strip("\n"))
            for output in cell.get("outputs", ()):
                yield from _output(output)
        case "raw":
            yield RawParagraph(text.strip("\n"))


def _output(output: dict[str, Any]) -> Iterator[RawParagraph]:
    """Yield what a cell printed: a table as rows, any other text as one paragraph."""
    if output["output_type"] == "stream":
        yield RawParagraph(_joined(output.get("text", "")).strip("\n"))
    elif output["output_type"] in _RESULTS:
        shown = output.get("data", output)
        page = _joined(shown.get("text/html", shown.get("html", "")))
        if "<table" in page:
            for each in html.fragment(page, 1):
                yield RawParagraph(each.text, each.kind, each.level)
        elif not any(name.startswith("image/") for name in shown):
            yield RawParagraph(_joined(shown.get("text/plain", shown.get("text", ""))).strip("\n"))


def _joined(text: str | list[str]) -> str:
    """Return a text that is given whole or as a list of lines."""
    return text if isinstance(text, str) else "".join(text)
