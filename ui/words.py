"""The page's words in the reader's language. (A stand-in until DESIGN's lands.)"""

from __future__ import annotations

from contextvars import ContextVar

from starlette.requests import Request

language: ContextVar[str] = ContextVar("language", default="en")


def choose_language(request: Request) -> None:
    """Set the language of this request."""


def t(one: str, many: str = "", **values: object) -> str:
    """Return a sentence of the page in the reader's language."""
    return (many if many and values.get("count") != 1 else one).format(**values)
