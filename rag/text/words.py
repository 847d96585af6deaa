"""Words, stems and sentences of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import sentencex
import simplemma
import Stemmer

from rag.text.folding import fold
from rag.text.language import COMMA_DECIMALS, ENGLISH, function_words, language, reduced
from rag.text.vocabulary import MONTHS, NUMBER_WORDS

# Scripts that put no spaces between words: Thai, Japanese, Chinese; and Korean, whose particles end words.
UNSPACED_SIGNS = "\u0e00-\u0e7f\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_UNSPACED = re.compile(f"[{UNSPACED_SIGNS}]")
_INNER = rf"(?:(?![{UNSPACED_SIGNS}])[^\W_]|[\u0900-\u0903\u093a-\u094f\u0962\u0963])"
WORD = re.compile(rf"[{UNSPACED_SIGNS}]+|{_INNER}+(?:[’']{_INNER}+)*")
_ASCII_WORD = re.compile(r"[a-zA-Z0-9]+(?:'[a-zA-Z0-9]+)*")  # the same in ASCII, four times as fast
_ELIDING = frozenset(("fr", "it"))  # l'eau, dell'acqua
# Codes, flags, file names and dotted numbers: single words. Their parts of letters are words besides.
_CODE = re.compile(
    r"(?<![\w-])--?[a-z](?:[\w-]*\w)?(?![\w-])"
    r"|\bv?\d+(?:\.\d+)+(?![\w.]*\d)"
    r"|\b[a-z]{1,6}(?:[-_][a-z]{1,6})?[-_](?!(?<=[a-z]{3}[-_])(?:1[5-9]|20)\d\d\b)\d+\w*(?:[-_.]\w+){0,5}\b"
    r"|\b\w+(?:[.-]\w+){0,5}\.[a-z]{2,4}\b"
)
_SIGN_OF_CODE = re.compile(r"[-_]|\.\w")  # every code has one; most texts have none, and this is soon seen
_TITLE = re.compile(r"(?:^|\s)(?:Dr|Gen|Lt|Col|Capt|Gov|Sen|Rep|Rev|Prof|approx|ca)\.$")
_ENUMERATOR = re.compile(r"\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,4})[.)]")
_ISO_DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
_INITIALS = re.compile(r"\b(?:[A-Z]\.){2,}")
# "am 24." + "Juli": German writes an ordinal number with a full stop.
_ORDINAL = re.compile(r"\b(?:am|vom|bis|zum|ab|seit|dem|den|der|des) \d{1,2}\.$", re.IGNORECASE)
_CLOCK = re.compile(r"\b[ap]\.m\.$")
_STEMMER = Stemmer.Stemmer("porter", 0)  # the same algorithm as SQLite's FTS5 tokenizer "porter"

# Two spellings of one word: a number in letters or digits, a month in full or abbreviated.
_SAME = NUMBER_WORDS | {month[:3]: month for month in MONTHS} | {"sept": "september"}


# British and American spellings. A rule may change other words too, but it does so on both sides of a
# comparison.
_SPELLINGS = (
    (re.compile(r"^(def|off|pret)ence(s?)$"), r"\1ense\2"),
    (re.compile(r"(?<=\w{3})our(?=$|s$|ed$|ing$|able$|ers?$|ites?$)"), "or"),
    (re.compile(r"(?<=\w{2})tre(s?)$"), r"ter\1"),
    (re.compile(r"(?<=\w{3})is(e|es|ed|ing|ations?)$"), r"iz\1"),
    (re.compile(r"^programme(s?)$"), r"program\1"),
)
_PREFIX = re.compile(
    r"\b((?i:anti|co|counter|cyber|de|inter|mid|multi|non|over|post|pre|re|semi|sub|super|ultra|under))-(?=[a-z])"
)


def words(text: str, code: str | None = None) -> list[str]:
    """Return the folded words in order, in one spelling ("seven" is "7", "U.S." is "usa"), no possessives.

    Words of another language than English are reduced to their stems; text without spaces between words
    gives pairs of characters. `code` is the language of the text, found out if it is None.
    """
    return [word for word, _ in _words(text, code or language(text))]


def written_words(text: str) -> list[str]:
    """Return the folded words in order, in one spelling but not reduced."""
    return [written for _, written in _words(text, language(text))]


@lru_cache(maxsize=4096)
def _words(text: str, code: str) -> tuple[tuple[str, str], ...]:
    """Return each word in its one spelling, and as it is before it is reduced."""
    plain = _join_thousands(fold(_joined(text)), code)
    found: list[tuple[str, str]] = []
    at = 0
    for coded in _CODE.finditer(plain) if _SIGN_OF_CODE.search(plain) else ():
        found += _plain_words(plain[at : coded.start()], code)
        found += [(word, word) for word in _code_words(coded.group())]
        at = coded.end()
    return (*found, *_plain_words(plain[at:], code))


def _plain_words(text: str, code: str) -> Iterator[tuple[str, str]]:
    pattern = _ASCII_WORD if text.isascii() else WORD
    for written in pattern.findall(text):
        if pattern is WORD and _UNSPACED.match(written):
            yield from ((pair, pair) for pair in _pairs(written))
        elif code == ENGLISH:
            word = _same(_bare(written))
            yield word, word
        else:
            word = written.rpartition("'")[2] if code in _ELIDING else _bare(written)
            yield reduced(word, code), word


def _pairs(run: str) -> list[str]:
    """Return each two neighbouring characters of a run of text without spaces."""
    return [run[at : at + 2] for at in range(max(1, len(run) - 1))]


def _code_words(code: str) -> list[str]:
    """Return a code as one word, the same with or without hyphens, and its parts of 3 letters or more."""
    parts = [part for part in re.split(r"[\W_]+", code) if len(part) > 2 and part.isalpha()]
    whole = code if code.startswith("-") else re.sub(r"[-_]", "", code).removeprefix("v")
    return [whole, *map(_same, parts)]


@lru_cache(maxsize=65536)
def _same(word: str) -> str:
    for pattern, spelling in _SPELLINGS:
        word = pattern.sub(spelling, word)
    return _SAME.get(word, word)


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return the Porter stem (Porter 1980) of a folded word's base form: "buy" for "bought"."""
    return str(_STEMMER.stemWord(lemma(word)))


@lru_cache(maxsize=65536)
def lemma(word: str) -> str:
    """Return the base form of a folded English word; other words as they are."""
    return str(simplemma.lemmatize(word, lang="en")).casefold() if word.isalpha() else word


def stems(text: str, code: str | None = None) -> list[str]:
    """Return the stems of all words in order; `code` as in `words`."""
    return [stem(word) for word in words(text, code)]


def searchable(text: str) -> str:
    """Return the base forms of a text's words, as the full-text index holds them; it stems them itself."""
    return " ".join(map(lemma, words(text)))


def content_words(text: str) -> list[str]:
    """Return the folded words except stopwords, in order, each once."""
    code = language(text)
    functional = function_words(code)
    found = (word for word, written in _words(text, code) if written not in functional or word.isdecimal())
    return list(dict.fromkeys(found))


def content_stems(text: str) -> set[str]:
    """Return the stems of the content words."""
    return {stem(word) for word in content_words(text)}


def name_stems(name: str) -> set[str]:
    """Return the stems of the content words of a name such as "parts_list-2025", whatever joins them."""
    return content_stems(re.sub(r"[\W_]+", " ", name))


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each sentence of a text, without the whitespace around it."""
    pending = None  # a sentence that the next piece may continue
    position = 0
    for piece in sentencex.segment(language(text), text):
        start = text.index(piece, position)
        position = start + len(piece)
        if not piece.strip():
            continue
        begin = start + len(piece) - len(piece.lstrip())
        end = start + len(piece.rstrip())
        if pending and _goes_on(text[pending[0] : pending[1]], text[begin:end]):
            pending = (pending[0], end)
            continue
        if pending:
            yield pending
        pending = (begin, end)
    if pending:
        yield pending


def _goes_on(begun: str, piece: str) -> bool:
    """Return whether the splitter stopped too early: "Dr." + "No", "6 a.m." + "ET, he said"."""
    return bool(_TITLE.search(begun) or _ENUMERATOR.fullmatch(begun) or _ORDINAL.search(begun)) or bool(
        _CLOCK.search(begun) and re.match(r"[A-Z]{2,4}\b", piece)
    )


def _joined(text: str) -> str:
    """Return a text with "U.S." and "US" as "USA", and ISO dates written out.

    Other initials lose their dots, prefixes their hyphen.
    """
    if "-" in text:
        text = _PREFIX.sub(r"\1", _ISO_DATE.sub(_written_out, text))
    if text.count(".") > 1:
        text = _INITIALS.sub(lambda match: match.group().replace(".", ""), text)
    return re.sub(r"\bUS\b", "USA", text) if "US" in text else text


def _written_out(match: re.Match[str]) -> str:
    year, month, day = (int(part) for part in match.groups())
    return f"{day} {MONTHS[month - 1]} {year}" if 1 <= month <= 12 else match.group()


def _join_thousands(text: str, code: str) -> str:
    if code not in COMMA_DECIMALS:
        return re.sub(r"(?<=\d)[,\u202f\u00a0](?=\d{3}(?!\d))", "", text)
    joined = re.sub(r"(?<=\d)[.\u202f\u00a0](?=\d{3}(?!\d))", "", text)
    return re.sub(r"(?<=\d),(?=\d)", ".", joined)


def _bare(word: str) -> str:
    return re.sub(r"'s?$", "", word).replace("'", "") if "'" in word else word
