"""Dates in a text: the date that the text itself has, and every date that it mentions."""

from __future__ import annotations

import re
from datetime import date

from dateutil import parser

from rag.text.folding import fold
from rag.text.spellings import MONTH_NAMES
from rag.text.vocabulary import MONTHS

_SHORT_MONTHS = [month[:3] for month in MONTHS]
_NAME = "|".join(f"{month[:3]}(?:{month[3:]})?" for month in MONTHS).replace("(?:tember)", "(?:t|tember)")
MONTH = rf"(?:{_NAME})\b\.?"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
YEAR = r"(?:1[5-9]|2[01])\d\d"
_DATE = re.compile(
    rf"""(?<![\w.,/-])(?P<written>{MONTH}\s{{0,3}}{_DAY}(?:st|nd|rd|th)?\s?,?\s{{1,3}}{YEAR}
                      |{_DAY}(?:st|nd|rd|th|\.)?\s{{1,3}}(?:of\s{{1,3}})?{MONTH},?\s{{1,3}}{YEAR})(?!\d)
      |(?<![\d./-])(?P<iso>{YEAR}([-/.])(?:0?[1-9]|1[0-2])\3{_DAY})(?![\d/-]|\.\d)
      |(?<![\d./-])(?P<numeric>\d\d?([-/.])\d\d?\5{YEAR})(?![\d/-]|\.\d)""",
    re.IGNORECASE | re.VERBOSE,
)
# "24. Juni 2024", "1er mars", "3 de marzo de 2024", "5 мая 2024 года"; 2024年6月5日.
_WRITTEN = re.compile(
    rf"\b(?P<day>{_DAY})(?:\.|er|º|°)?\s+(?:de\s+)?(?P<month>[^\W\d_]{{3,}})"
    rf"(?:,?\s+(?:del?\s+)?(?P<year>{YEAR}))?\b"
)
_EASTERN = re.compile(r"(?:(\d{4})\s?[年년]\s?)?(\d{1,2})\s?[月월]\s?(?:(\d{1,2})\s?[日号일])?")
_RELATIVE = re.compile(r"(?<!force )\b(?:since|until|till|before|after)\s*$", re.IGNORECASE)
_DATELINE_WORD = re.compile(
    r"(?:first|last|published|updated?|posted|modified|created|issued|edited|filed|dated?|on|at|as|of|the|by|and"
    r"|this|page|was|[ap]\.?m|e[ds]?t|p[ds]?t|c[ds]t|gmt|utc|z|bst|ces?t|ee?s?t|msk|hkt|time|local|ago|read"
    r"|\d\d?[:.h]\d\d(?:[:.]\d\d)?(?:am|pm|z)?|t\d\d:\d\d(?::\d\d)?z?|\d\d?(?:am|pm)?|\d{4}|\d+\.\d+"
    r"|min(?:ute)?s?|hours?"
    r"|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?)$",
    re.IGNORECASE,
)
# A date beside these words is not the text's own: it is that of a picture, a birth, a deadline or a treaty.
_OTHER_DAY = re.compile(
    r"\b(?:photos?|photograph\w*|images?|pictures?|video|getty|shutterstock|alamy|born|died|deadline|due"
    r"|expir\w+|retrieved|accessed|next|valid|before|after|until)\b|(?<!\bas )\bof [A-Z][a-z]+, ",
    re.IGNORECASE,
)
MOMENT = re.compile(
    rf"\b(?P<day1>\d\d?)(?:st|nd|rd|th)?\s(?:of\s)?(?P<month1>{_NAME})\b\.?(?:,?\s(?P<year1>\d{{4}}))?\b"
    rf"|\b(?P<month2>{_NAME})\b\.?\s(?P<day2>\d\d?)(?!\d)(?:st|nd|rd|th)?(?:,?\s(?P<year2>\d{{4}}))?\b"
    rf"|\b(?P<month3>{_NAME})\b\.?,?\s(?P<year3>\d{{4}})\b"
    r"|\b(?P<year4>\d{4})-(?P<month4>\d\d)-(?P<day4>\d\d)\b|\b(?P<year5>1[0-9]\d\d|20\d\d)\b(?!-)",
    re.IGNORECASE,
)
_PUBLISHED = re.compile(r"\b(?:published|issued|posted)\b", re.IGNORECASE)
# "Published 1 April 2025", "This price list is valid from 3 May 2026": a text that says its own date.
_DECLARED = re.compile(
    r"(?:^|[.,;|]\s+)(?:th(?:is|ese) [\w ]{1,40}? )?(?:first |last |is |was |are |comes? |came )*"
    r"(?:published|issued|effective|valid|in(?:to)? force|apply|applies|adopted|approved|revised|updated)"
    r"(?: by [\w ]{1,40}?)?(?: (?:on|from|since|as of|as from|with effect from))?:?\s+(?:the )?$",
    re.IGNORECASE,
)
_CREATED = re.compile(r"\b(?:created|creation|written|drafted|uploaded|scanned)\b", re.IGNORECASE)
_OPENING = re.compile(r"^[A-Z][^.!?–—]{0,60}(?:\.\s)?[^.!?–—]{0,40}[–—-]{1,2}\s")
_DASH = re.compile(r"\s*[–—-]\s*")
_WORD = re.compile(r"[\w:.’'-]*\w")


def in_english(text: str) -> str:
    """Return a text with its dates as English writes them: "24. Juni", "3 de marzo", "2024年6月5日"."""
    text = _EASTERN.sub(lambda m: f" {m[3] or ''} {MONTHS[(int(m[2]) - 1) % 12]} {m[1] or ''} ", text)

    def written(match: re.Match[str]) -> str:
        month = MONTH_NAMES.get(fold(match["month"]))
        return (
            " ".join(filter(None, (match["day"], month.capitalize(), match["year"]))) if month else match[0]
        )

    return _WRITTEN.sub(written, text)


def find_date(text: str) -> date | None:
    """Return the first full date of a text; None for a month alone or the ambiguous 03/04/2024."""
    text = in_english(text)
    found = _search(text)
    return found[1] if found else None


def find_dateline(text: str) -> date | None:
    """Return the date of a line with little else in it, or of a dateline ("Paris, 3 May 2023 - …")."""
    text = in_english(text)
    opening = _OPENING.match(text)
    line = opening[0] if opening else text
    if len(line) > 120 or _OTHER_DAY.search(line) or (found := _search(line)) is None:
        return None
    if (word := _PUBLISHED.search(line)) and (published := _search(line, word.end())):
        found = published
    match, day = found
    rest = f"{line[: match.start()]} {line[match.end() :]}"
    others = [word for word in _WORD.findall(rest) if not _DATELINE_WORD.match(word)]
    if (span := _DASH.match(text, match.end())) and _DATE.match(text, span.end()):
        return None
    return day if len(others) <= 6 and all(word[0].isupper() for word in others) else None


def find_declared_date(text: str) -> date | None:
    """Return the date from which a text says to be published or valid, at the start of a sentence."""
    text = in_english(text)
    found = _search(text)
    return found[1] if found and _DECLARED.search(text[: found[0].start()]) else None


def is_creation(text: str) -> bool:
    """Return whether a dateline is of the text's creation rather than its publication."""
    return _CREATED.search(text) is not None and _PUBLISHED.search(text) is None


def is_opening(text: str) -> bool:
    """Return whether a text begins like a dateline, with a few words and a dash."""
    return _OPENING.match(text) is not None


def find_heading_date(text: str) -> date | None:
    """Return the date of a heading that is a date, begins with one, or has at most three other words."""
    text = in_english(text)
    if (found := _search(text)) is None:
        return None
    match, day = found
    others = _WORD.findall(f"{text[: match.start()]} {text[match.end() :]}")
    return day if not _WORD.search(text[: match.start()]) or len(others) <= 3 else find_dateline(text)


def moments(text: str) -> list[tuple[str, str, str]]:
    """Return the dates of a text as (year, month, day), each "" where the text leaves it out."""
    text = in_english(text)
    found = []
    for match in MOMENT.finditer(text):
        parts = {name[:-1]: value for name, value in match.groupdict().items() if value}
        if (month := parts.get("month", "0")).isalpha():
            parts["month"] = str(month_number(month))
        year, month, day = (str(int(parts.get(name, "0"))).lstrip("0") for name in ("year", "month", "day"))
        found.append((year, month, day))
    return found


def month_number(name: str) -> int:
    """Return the number of a month, 1 to 12, in full or abbreviated."""
    return _SHORT_MONTHS.index(name.casefold()[:3]) + 1


def _search(text: str, start: int = 0) -> tuple[re.Match[str], date] | None:
    """Return the first match from `start` that is a real, unambiguous date, and that date."""
    for match in _DATE.finditer(text, start):
        if _RELATIVE.search(text[max(match.start() - 12, 0) : match.start()]):
            continue
        if match["numeric"] and not _is_unambiguous(match["numeric"]):
            continue
        try:
            return match, parser.parse(match[0], dayfirst=match["iso"] is None).date()
        except (parser.ParserError, OverflowError):
            continue
    return None


def _is_unambiguous(numeric: str) -> bool:
    """Return whether only one reading exists: 16/08/2024 and 08/16/2024, but not 03/04/2024."""
    first, second = (int(part) for part in re.split(r"[-/.]", numeric)[:2])
    return (first > 12) != (second > 12) or first == second
