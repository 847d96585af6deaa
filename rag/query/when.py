"""The time that a question asks about: "latest", "as of 31 January 2023", "by May 2023", "in 2022"."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from rag.text.dates import MONTH, YEAR, find_date, month_number
from rag.text.vocabulary import MONTHS
from rag.text.words import words
from rag.types import Paragraph, Place

_DAY = r"(?:the )?\d{1,2}(?:st|nd|rd|th)?"
_WHEN = (
    r"(?:(?:the )?(?:end|close|beginning|start|middle) of )?"
    rf"(?:{_DAY} (?:of )?{MONTH},? {YEAR}\b|{MONTH} {_DAY},? {YEAR}\b|{YEAR}-\d\d-\d\d"
    rf"|(?:{MONTH},? )?{YEAR}\b)"
)
_AS_OF = re.compile(rf",?\s*\bas (?:of|at|on|per)(?: the)? (?P<day>{_WHEN}),?", re.IGNORECASE)
_PERIOD = re.compile(
    rf"\b(?P<word>by|before|until|till|up to|in|on|during|at) (?P<day>{_WHEN})", re.IGNORECASE
)
# "latest" goes with an empty noun after it ("the latest figure for"), "current" only before a noun.
_LATEST = re.compile(
    r"""\b(?:latest|newest|most\ recent|most\ up-to-date)\b
          (?:\ (?:figure|number|new|update|information|data|status|word|count|estimate)s?
             (?=\ (?:for|of|on|about)\b))?
      |,?\s*\b(?:as\ of\ (?:now|today|yet)|so\ far|to\ date|at\ present|presently|at\ the\ moment|right\ now
          |nowadays|these\ days|currently|most\ recently)\b,?
      |(?:(?<=\bthe\ )|(?<=\bits\ )|(?<=\btheir\ )|(?<=['’]s\ ))current\ (?=[a-z])
          (?!(?:of|in|is|was|are|were|through|that|which|and|or|when|at|for|from|to|with|flows?)\b|\w+ing\b)""",
    re.IGNORECASE | re.VERBOSE,
)
_UP_TO = {"by", "until", "till", "up to"}
_NOW = re.compile(r"\b(?:now|today)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class When:
    """The time that a question asks about; all fields are empty if it names none.

    `latest`: the newest answer. `as_of`: what was known on a day. `since`, `until`: the first and last day
    of a period; "by" and "before" leave the first open. `named`: the month and year that the question names.
    """

    latest: bool = False
    as_of: date | None = None
    since: date | None = None
    until: date | None = None
    named: frozenset[str] = frozenset()

    def includes(self, day: date | None) -> bool:
        """Return whether a text of this date is from the time asked about; an undated one always may be."""
        last = self.as_of or self.until
        return day is None or ((last is None or day <= last) and (self.since is None or day >= self.since))

    def named_in(self, text: str) -> bool:
        """Return whether a text names this month and year: then it is about that time whatever its date."""
        return bool(self.named) and self.named <= set(words(text))


def read_when(text: str) -> tuple[str, When]:
    """Return the question without the words that only give the time, and that time.

    The last of several times counts: a follow-up comes with the previous question's time before its own.
    """
    found = [match for pattern in (_AS_OF, _LATEST) for match in pattern.finditer(text)]
    if found:
        last = max(found, key=lambda match: match.start())
        topic = _LATEST.sub(" ", _AS_OF.sub(" ", text))
        return _tidy(topic), _as_of(last["day"]) if last.re is _AS_OF else When(latest=True)
    if period := _PERIOD.search(text):
        return text, _period(period["word"].casefold(), period["day"])
    return text, When(latest=bool(_NOW.search(text)))


def known_by(
    when: When, paragraphs: Callable[[Iterable[Place]], Mapping[Place, Paragraph]], places: Iterable[Place]
) -> dict[Place, Paragraph]:
    """Return the paragraphs at these places, except those from another time that don't name the right one."""
    return {
        place: paragraph
        for place, paragraph in paragraphs(places).items()
        if when.includes(paragraph.date) or when.named_in(paragraph.text)
    }


def _as_of(written: str) -> When:
    return When(as_of=_last_day(written), named=_named(written))


def _period(word: str, written: str) -> When:
    first, last = _first_day(written), _last_day(written)
    if first is None or last is None:
        return When()
    if word == "before":
        return When(until=first - timedelta(1))
    return When(since=None if word in _UP_TO else first, until=last, named=_named(written))


def _last_day(written: str) -> date | None:
    """Return the last day of a written day, month or year; None if no year is written."""
    if day := find_date(written):
        return day
    month, year = _month(written), re.search(r"\d{4}", written)
    return date(int(year[0]), month or 12, monthrange(int(year[0]), month or 12)[1]) if year else None


def _first_day(written: str) -> date | None:
    """Return the first day of a written day, month or year; None if no year is written."""
    if day := find_date(written):
        return day
    year = re.search(r"\d{4}", written)
    return date(int(year[0]), _month(written) or 1, 1) if year else None


def _named(written: str) -> frozenset[str]:
    month, year = _month(written), re.search(r"\d{4}", written)
    return frozenset([*([MONTHS[month - 1]] if month else []), *([year[0]] if year else [])])


def _month(written: str) -> int | None:
    """Return the number of the month in a date or period, if it has one."""
    if day := find_date(written):
        return day.month
    found = re.search(rf"\b{MONTH}(?=\W)", written, re.IGNORECASE)
    return month_number(found[0]) if found else None


def _tidy(text: str) -> str:
    return re.sub(r"\s+([?.!,])", r"\1", re.sub(r"\s+", " ", text)).strip(" ,")
