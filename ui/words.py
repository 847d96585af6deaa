"""The page's words in the reader's language: English sentences are the keys of words/*.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from contextvars import ContextVar
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español"}
language: ContextVar[str] = ContextVar("language", default="en")
_TAG = re.compile(r"([A-Za-z]+)[-\w]*(?:\s*;\s*q=(\d(?:\.\d*)?))?")  # of Accept-Language, with its weight


def choose_language(request: Request) -> None:
    """Set the language of this request: that of the cookie `language`, or of its `Accept-Language`."""
    language.set(choose(request.cookies.get("language", ""), request.headers.get("accept-language", "")))


def choose(cookie: str, accept: str) -> str:
    """Return a page's language: the cookie's, or the first of `Accept-Language` that we have, or English."""
    if cookie in LANGUAGES:
        return cookie
    tags = sorted(_TAG.findall(accept), key=lambda tag: -float(tag[1] or 1))
    return next((name.lower() for name, _ in tags if name.lower() in LANGUAGES), "en")


def t(one: str, many: str = "", /, **values: object) -> str:
    """Return a sentence in the reader's language, or English, filled in; `many` if `count` is not 1."""
    here, count = language.get(), values.get("count")
    entry = _table(here).get(one)
    forms = entry if isinstance(entry, list) else [entry or one] if entry or not many else [one, many]
    plural = False
    if isinstance(count, int):
        from babel import Locale

        plural = Locale(here).plural_form(count) != "one"
        values["count"] = number(count)
    return forms[-1 if plural else 0].format(**values)


def number(given: float) -> str:
    """Return a number as the reader writes it: 1,234.5."""
    from babel.numbers import format_decimal

    return format_decimal(given, locale=_locale())


def day(given: date) -> str:
    """Return a date in the reader's language: 27 July 2023."""
    from babel.dates import format_date

    return format_date(given, "long", _locale())


def either(words: Sequence[str]) -> str:
    """Return a list in the reader's language: a, b or c."""
    from babel.lists import format_list

    return format_list(words, "or", _locale())


def _locale() -> str:
    return "en_GB" if language.get() == "en" else language.get()


@cache
def _table(name: str) -> dict[str, str | list[str]]:
    path = Path(__file__).parent / "words" / f"{name}.toml"
    return tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
