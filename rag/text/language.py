"""The language of a text, and what words need in it: function words, stems, months."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import simplemma
import Stemmer
import stop_words

from rag.text.folding import fold
from rag.text.spellings import SPELLINGS
from rag.text.vocabulary import STOPWORDS

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

ENGLISH = "en"
# Languages that a text may be found to be in, with their Snowball stemmers (Porter 2001), "" for none.
STEMMERS = {
    "en": "",
    "de": "german",
    "fr": "french",
    "es": "spanish",
    "it": "italian",
    "pt": "portuguese",
    "nl": "dutch",
    "sv": "swedish",
    "pl": "polish",
    "tr": "turkish",
    "ru": "russian",
    "uk": "",
    "el": "greek",
    "ar": "arabic",
    "hi": "hindi",
    "zh": "",
    "ja": "",
    "ko": "",
    "th": "",
}
COMMA_DECIMALS = frozenset("de fr es it pt nl sv pl tr ru uk el".split())  # noqa: SIM905  # 1.234,56
OPENING = 4000  # characters of a document that tell its language
CERTAIN = 0.9  # probability from which a text in Latin letters is taken as another language than English
CERTAIN_WITH_ACCENTS = 0.5  # the same where it has letters or signs that English lacks
_LETTERS = re.compile(r"[^\W\d_a-zA-Z]|[a-zA-Z]{3}")
_LATIN = re.compile(r"[a-zà-öø-ÿ]{2}", re.IGNORECASE)
# Words that hardly any other language has, and the share of a text's words that makes it English.
_ENGLISH = frozenset(
    """the of and are were with this that which what how does did you your has when where why who should
    would from""".split()  # noqa: SIM905
)
ENGLISH_SHARE = 1 / 8


@lru_cache(maxsize=16384)
def language(text: str) -> str:
    """Return the ISO 639-1 code of a text's language, one of `STEMMERS`; English where that is in doubt."""
    if text.isascii():
        found_words = text.casefold().split()
        if sum(word in _ENGLISH for word in found_words) >= ENGLISH_SHARE * len(found_words):
            return ENGLISH
    if not _LETTERS.search(text):
        return ENGLISH
    found, probability = _identifier().classify(text)
    certain = CERTAIN if text.isascii() else CERTAIN_WITH_ACCENTS
    return ENGLISH if _LATIN.search(text) and probability < certain else str(found)


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(STEMMERS))
    return identifier


@cache
def function_words(code: str) -> frozenset[str]:
    """Return the folded function words of a language, none where no list is known."""
    if code == ENGLISH:
        return STOPWORDS
    known = code in stop_words.LANGUAGE_MAPPING
    return frozenset(map(fold, stop_words.get_stop_words(code))) if known else frozenset()


@lru_cache(maxsize=65536)
def reduced(word: str, code: str) -> str:
    """Return one form for the inflected forms of a folded word of a language other than English."""
    if known := SPELLINGS.get(code, {}).get(word):
        return known
    stemmer = _stemmer(code)
    return (str(stemmer.stemWord(word)) if stemmer and word.isalpha() else "") or word


@lru_cache(maxsize=16384)
def is_word(word: str, code: str) -> bool:
    """Return whether a dictionary of the language has a word, as written or without its capital."""
    try:
        return any(simplemma.is_known(form, code) for form in (word, word.lower()))
    except ValueError:  # there is none of this language
        return False


@cache
def _stemmer(code: str) -> Stemmer.Stemmer | None:
    return Stemmer.Stemmer(STEMMERS[code], 0) if STEMMERS[code] else None


def main_language(texts: Iterable[str]) -> str:
    """Return the language of the first few thousand characters of a document's texts."""
    return language(" ".join(texts)[:OPENING])
