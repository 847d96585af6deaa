"""HTML from the templates. Text from documents, questions and file names is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from hashlib import blake2b
from inspect import isfunction
from itertools import groupby
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from rag import Citation, Evidence, Paragraph
from ui import notes, shaping
from ui.conversations import MAX_NOTE, VERDICTS, Conversation
from ui.words import LANGUAGES, day, language, number, t

# Invisible characters, and those that change the direction of the text after them.
_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
THEMES = ("light", "dark")
STATIC = Path(__file__).with_name("static")


def escape(text: str) -> Markup:
    """Escape text so that neither HTML nor Markdown interprets it.

    Each ASCII punctuation mark becomes its character reference and each line break a <br>. Invisible
    characters, and those that change the direction of the text, are removed.
    """
    visible = _HIDDEN.sub("", re.sub(r"\r\n?", "\n", text))
    escaped = re.sub(r"[!-/:-@\[-`{-~]", lambda mark: f"&#{ord(mark[0])};", visible)
    return Markup(escaped.replace("\n", "<br>"))  # noqa: S704


def part(template: str, macro: str, *values: object) -> Markup:
    """Render a macro of a template."""
    markup: Markup = getattr(TEMPLATES.get_template(template).module, macro)(*values)
    return markup


def page(template: str, request: Request, **values: object) -> HTMLResponse:
    """Render a whole page; `values` replace what base.html is given here."""
    theme = request.cookies.get("theme", "")
    given: dict[str, object] = {
        "path": request.url.path,
        "user": getattr(request.state, "user", None),
        "theme": theme if theme in THEMES else "",
        "language": language.get(),
        "conversations": (),
        "current": "",
        "running": (),
    }
    html = TEMPLATES.get_template(template).render(given | values)
    return HTMLResponse(html, headers={"cache-control": "no-store"})  # Back shows the page as it is now


def where(found: Citation | Evidence | Paragraph, dated: bool = True) -> list[str]:
    """Return the page, or else the line, the date, and how sure OCR is, in the reader's words."""
    place = t("page {page}", page=found.page) if found.page else ""
    if found.line and not place:
        place = t("line {line}", line=found.line)
    written = day(found.date) if dated and found.date else ""
    return [each for each in (place, written, notes.ours(str(found.recognised or ""))) if each]


def by_day(conversations: Sequence[Conversation]) -> Iterator[tuple[str, list[Conversation]]]:
    """Yield the conversations of today, and then earlier ones, each under the reader's word for it."""
    today = datetime.now().astimezone().date()
    for is_today, group in groupby(conversations, lambda one: one.updated.astimezone().date() >= today):
        yield t("Today") if is_today else t("Earlier"), list(group)


def source(address: dict[str, object], **more: object) -> str:
    """Return the address of a source; `address` says of which answer, in a conversation or behind a link."""
    asked = address | more
    path = f"/shared/{link}/source" if (link := asked.pop("shared", "")) else "/pilcrow/source"
    return f"{path}?{urlencode(asked)}"


def _escaped(value: object) -> Markup:
    """Escape a value in a template, unless it is markup already."""
    if isinstance(value, date):
        return escape(day(value))
    return value if isinstance(value, Markup) else escape(str(value))


def _version() -> str:
    """Return what changes with our static files, so that browsers may keep them."""
    files = sorted(STATIC.rglob("*.*"))
    return blake2b(b"".join(path.read_bytes() for path in files), digest_size=6).hexdigest()


VERSION = _version()
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    finalize=_escaped,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.globals |= {
    **{name: each for module in (notes, shaping) for name, each in vars(module).items() if isfunction(each)},
    **{each.__name__: each for each in (by_day, day, number, source, t, where)},
    "LANGUAGES": LANGUAGES,
    "MANY": 6,  # cited documents: more are folded
    "MAX_NOTE": MAX_NOTE,
    "SHORT": 12,  # characters of a cell that stay on one line
    "VERDICTS": VERDICTS,
    "version": VERSION,
}
