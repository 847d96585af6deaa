"""The page's words in the reader's language: English sentences are the keys of words/*.toml."""

from __future__ import annotations

import tomllib
from contextvars import ContextVar
from datetime import date
from functools import cache
from pathlib import Path

from babel import Locale
from babel.core import negotiate_locale
from babel.dates import format_date
from babel.numbers import format_decimal
from starlette.requests import Request

LANGUAGES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español"}
language: ContextVar[str] = ContextVar("language", default="en")


def choose_language(request: Request) -> None:
    """Set the language of this request: that of the cookie `language`, or of its `Accept-Language`."""
    language.set(choose(request.cookies.get("language", ""), request.headers.get("accept-language", "")))


def choose(cookie: str, accept: str) -> str:
    """Return a page's language: the cookie's, or the first of `Accept-Language` that we have, or English."""
    if cookie in LANGUAGES:
        return cookie
    wanted = sorted((part.partition(";q=") for part in accept.split(",")), key=_preference)
    tags = [tag.strip().replace("-", "_") for tag, _, _ in wanted]
    found = negotiate_locale([name for tag in tags for name in (tag, tag.split("_")[0])], list(LANGUAGES))
    return found or "en"


def t(one: str, many: str = "", /, **values: object) -> str:
    """Return a sentence in the reader's language, filled with values; `many` if `count` is not 1.

    A sentence that the language's table lacks stays English.
    """
    here, count = language.get(), values.get("count")
    entry = _table(here).get(one)
    forms = entry if isinstance(entry, list) else [entry] if entry else [one, many or one]
    if isinstance(count, int):
        plural = count != 1 if not entry else Locale.parse(here).plural_form(count) != "one"
        values["count"] = format_decimal(count, locale=_locale(here))
        return str(forms[-1 if plural else 0]).format(**values)
    return str(forms[0]).format(**values)


def day(given: date) -> str:
    """Return a date in the reader's language: 27 July 2023."""
    return format_date(given, "long", _locale(language.get()))


def _locale(name: str) -> str:
    return "en_GB" if name == "en" else name


def _preference(part: tuple[str, str, str]) -> float:
    try:
        return -float(part[2] or 1)
    except ValueError:
        return 0.0


@cache
def _table(name: str) -> dict[str, str | list[str]]:
    path = Path(__file__).parent / "words" / f"{name}.toml"
    return tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
