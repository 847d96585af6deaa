"""Files of other formats that a Word file holds until Word saves it again (altChunk)."""

from __future__ import annotations

import posixpath
from email import message_from_bytes, policy

from rag.errors import LoadError
from rag.loaders import read
from rag.loaders.docx_package import Chunk
from rag.loaders.limits import Limits
from rag.loaders.paragraphs import RawParagraph

_READ_AS = {
    **dict.fromkeys((".htm", ".html", ".xhtml"), ".html"),
    ".txt": ".txt",
    **dict.fromkeys((".docx", ".docm", ".dotx"), ".docx"),
}
_WEB_ARCHIVES = frozenset({".mht", ".mhtml"})


def chunk_paragraphs(chunk: Chunk | None, source: str, limits: Limits) -> tuple[RawParagraph, ...]:
    """Return the paragraphs of a file inside a Word file; LoadError if it has a format that can't be read."""
    suffix = "" if chunk is None else posixpath.splitext(chunk.name)[1].lower()
    data = b"" if chunk is None else chunk.data
    if suffix in _WEB_ARCHIVES:
        suffix, data = ".html", _page(data)
    if not data.strip():
        return ()
    if suffix not in _READ_AS:
        reason = f"holds a part that can't be read ({suffix or 'of an unknown format'})"
        raise LoadError(source, f"{reason}; open it in Word and save it again, which takes the part in")
    return read(_READ_AS[suffix], data, source, limits.within(source)).paragraphs


def _page(archive: bytes) -> bytes:
    """Return the page in a web archive as UTF-8; b"" if there is none."""
    message = message_from_bytes(archive, policy=policy.default)
    page = message.get_body(("html", "plain"))
    text = page.get_content() if page is not None else ""
    return b'<meta charset="utf-8">' + text.encode(errors="replace") if isinstance(text, str) else b""
