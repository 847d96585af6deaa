"""Names in a text, and whether a text has a name in any of its forms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import takewhile

from rag.text.folding import fold
from rag.text.language import ENGLISH, function_words, is_word, language
from rag.text.vocabulary import NUMBER_WORDS
from rag.text.words import words, written_words

_CAPITALISED = re.compile(r"(?<![\w-])[^\W\d_a-z][\w’'.-]*\w|\b[A-Z]\b")
_NAME_AFTER = re.compile(r"(?:[’']s)?\s+[A-Z]")
_CAPITAL_BEFORE, _CAPITAL_AFTER = re.compile(r"(?<=\w )[^\W\d_a-z]\w* $"), re.compile(r" [^\W\d_a-zß-ÿ]\w")
_SENTENCE_OPENING = re.compile(r"^\s*$|[.!?:]\s+$|[“\"‘(]\s*$")

# Names of one place. Regular pairs (Estonia, Estonian) need no row.
_PLACES = """uk britain british briton; us usa u.s american america united-states; poland polish pole; france
    french; germany german; spain spanish spaniard; netherlands dutch; denmark danish dane; sweden swedish
    swede; finland finnish finn; ireland irish; scotland scottish scot; wales welsh; england english;
    switzerland swiss; greece greek; norway norwegian; portugal portuguese; czechia czech; iceland
    icelandic; thailand thai; philippines filipino; turkey turkish turkiye; myanmar burma burmese; kyiv
    kiev; beijing peking; mumbai bombay; kolkata calcutta"""
_GROUP = {form: group for group in " ".join(_PLACES.split()).split("; ") for form in group.split()}

_TITLES = frozenset(
    """president vice prime minister general gen lieutenant colonel captain admiral chancellor secretary king
    queen prince princess pope bishop archbishop emperor mayor governor senator sir lord lady mr mrs ms dr
    professor chief commander leader spokesman spokeswoman ambassador ex former the""".split()  # noqa: SIM905
)

# A seat of government, and the country that it stands for: "Tokyo offered aid".
_SEATS = """ankara turkey; athens greece; beijing china; belgrade serbia; berlin germany; bucharest romania;
    budapest hungary; canberra australia; copenhagen denmark; delhi india; helsinki finland; jerusalem
    israel; kremlin russia; kyiv ukraine; lisbon portugal; london uk; madrid spain; minsk belarus; moscow
    russia; oslo norway; ottawa canada; paris france; prague czechia; pyongyang korea; riga latvia; rome
    italy; seoul korea; stockholm sweden; tallinn estonia; tehran iran; tokyo japan; vienna austria; vilnius
    lithuania; warsaw poland; washington usa"""
_SUFFIX = re.compile(r"(?:ians?|ans?|ese|ish|is|i|s)$")


def names(text: str) -> list[str]:
    """Return the capitalised words that are names, each once, without ordinary first words of sentences."""
    return list(_names(text))


@lru_cache(maxsize=4096)
def _names(text: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for match in _CAPITALISED.finditer(text):
        word = match.group()
        bare = re.sub(r"[’']s$", "", word).rstrip(".")
        opens = bool(_SENTENCE_OPENING.search(text[max(0, match.start() - 8) : match.start()]))
        if not word[0].isupper() or (opens and not (bare.isupper() or _NAME_AFTER.match(text, match.end()))):
            continue
        code = language(text)
        if not function_words(code).isdisjoint(written_words(bare)) or fold(bare) in NUMBER_WORDS:
            continue
        if code == "de" and not _is_german_name(match):
            continue
        if (code == "de" or (opens and code != ENGLISH)) and is_word(bare, code):
            continue
        found.setdefault(bare)
    return tuple(found)


def _is_german_name(match: re.Match[str]) -> bool:
    """Return whether a word is a name though all nouns have capitals: one of a pair, or oddly spelt."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    beside = _CAPITAL_BEFORE.search(before) or _CAPITAL_AFTER.match(after)
    return bool(beside) or not match.group()[1:].islower()


def variants(word: str) -> tuple[str, ...]:
    """Return a folded word and the other names of its country or city: uk, britain, london."""
    same = _GROUP.get(word, word).split()
    return tuple(dict.fromkeys([*same, *_stand_ins().get(base(word), ())]))


def bases(word: str) -> tuple[str, ...]:
    """Return the base form of a folded word, then those of its synonyms: a country for its capital."""
    return (base(word), *map(base, _stand_ins().get(base(word), ())))


@lru_cache(maxsize=65536)
def base(word: str) -> str:
    """Return one form for a folded place name and its adjective: "eston" for estonia and estonian."""
    group = _GROUP.get(word)
    if group:
        return group
    cut = _SUFFIX.sub("", word)
    cut = cut if len(cut) >= 3 else word
    return cut.rstrip("aeiouy") or cut


@lru_cache(maxsize=1)
def _stand_ins() -> dict[str, list[str]]:
    """Return the seats of government by the base form of their country, and the other way round."""
    found: dict[str, list[str]] = {}
    for seat, country in map(str.split, _SEATS.split(";")):
        found.setdefault(base(seat), []).append(country)
        found.setdefault(base(country), []).append(seat)
    return found


def forms(text: str) -> set[str]:
    """Return the base forms of a text's words, and the initials of its names: "un" for United Nations."""
    return set(_forms(text))


@lru_cache(maxsize=256)
def _forms(text: str) -> frozenset[str]:
    known_forms = {base(word) for word in (*words(text), *written_words(text))}
    for run in re.findall(r"(?:[A-Z][\w’'-]*\s+(?:(?:of|the|and|for)\s+)?){1,6}[A-Z][\w’'-]*", text):
        initials = "".join(part[0] for part in run.split() if part[0].isupper()).casefold()
        for end in range(2, len(initials) + 1):
            known_forms.add(base(initials[:end]))
            known_forms.add(base(initials[-end:]))
    return frozenset(known_forms)


def absent(wanted: Sequence[str], known_forms: set[str], code: str = ENGLISH) -> list[str]:
    """Return the wanted names that are not among the forms of a text; a long name may have one typo.

    `code` is the language of the question that has the names.
    """
    return [
        name
        for name in wanted
        if not any(_holds(part, known_forms) for part in (*words(name, code), *written_words(name)))
    ]


def _holds(word: str, known_forms: set[str]) -> bool:
    if any(form in known_forms for form in bases(word)):
        return True
    wanted = base(word)
    return len(word) >= 6 and any(_nearly_equal(wanted, other) for other in known_forms)


def _nearly_equal(wanted: str, other: str) -> bool:
    """Return whether two long names differ only by their endings or one typo after the first letter.

    A typo is a letter added, dropped or replaced, or two letters swapped.
    """
    if abs(len(other) - len(wanted)) > 2 or other[:1] != wanted[0]:
        return False
    start = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(wanted, other, strict=False)))
    if start >= max(6, len(wanted) - 2):
        return True
    left, right = wanted[start:], other[start:]
    swapped = right[1::-1] + right[2:]
    return left == swapped or left[1:] in {right, right[1:]} or left == right[1:]


def namesakes(question: str, text: str) -> list[str]:
    """Return the full names of a question whose last name the text has only after other first names.

    A word that the text also has in lower case is not a last name: "treaty" in the Treaty of Nice.
    """
    found = []
    for run in runs(question):
        *_, first, last = ["", *run.split()]
        if not first or fold(first) in _TITLES or re.search(rf"\b{re.escape(last.lower())}", text):
            continue
        before = re.findall(rf"\b([A-Z][\w’'.-]*) {re.escape(last)}\b", text)
        others = {base(fold(word)) for word in before if fold(word).strip(".") not in _TITLES}
        if others and not _holds(fold(first), others):
            found.append(f"{first} {last}")
    return found


def runs(text: str) -> list[str]:
    """Return the names of one or more words as written, each once: "General Ivan Popov", "New START"."""
    known = set(names(text))
    found: dict[str, None] = {}
    for match in re.finditer(r"\w[\w’'.-]*(?:[ \u00a0]+\w[\w’'.-]*)*", text):
        group: list[str] = []
        for word in [*match.group().split(), ""]:
            bare = re.sub(r"[’']s$", "", word.rstrip(".-’'"))
            if bare in known:
                group.append(bare)
            if group and (bare not in known or bare != word):
                found.setdefault(" ".join(group))
                group = []
    return list(found)
