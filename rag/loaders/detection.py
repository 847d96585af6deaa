"""Legacy encodings: the one in which a file's bytes are the likeliest letters of some language.

Each encoding decodes a sample, and each of its languages gives it a log-likelihood: how frequent its letters
are, and how they stand in words. ASCII costs nothing, so all figures are about the same bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from math import inf, log

from charset_normalizer import from_bytes

from rag.loaders.alphabets import ALPHABETS, Alphabet, Standard

_SAMPLE = 8192  # bytes
_ASCII = bytes(range(128))
_UNLIKELY = -5.5  # for each byte beyond ASCII; half of that is usual
_MARGIN = 2.0  # by which an encoding must be likelier than those above it in the table
_MARGIN_OF_OLD = 8.0  # the same for encodings of systems no longer made
_OLD = frozenset(
    {"mac_roman", "mac_cyrillic", "mac_greek", "cp737", "cp850", "cp852", "cp855", "cp862", "cp866"}
)
_QUOTES = frozenset("“”„‘’‚–—…«»‹›\xa0、。，：？「」・（）")
_SIGNS = frozenset("°©®™§·•€£½¼¾²³¹´×±µ†；！『』《》【】\u3000～％")
_QUOTE, _SIGN, _RARE, _UNUSED = -3.0, -5.0, -11.0, -25.0
_IDEOGRAPHS = 3000  # about as many are common in each standard
# What letters and signs cost where they rarely stand.
_DOUBLED = (re.compile(r"[^\W\d_a-zA-Z](?=[^\W\d_a-zA-Z])"), -2.0)  # two beyond ASCII, in Latin words
_MIXED = (re.compile(r"[A-Za-z](?=[^\W\d_a-zA-Z])|[^\W\d_a-zA-Z](?=[A-Za-z])"), -4.0)  # in other words
_INSIDE = (re.compile(r"(?<=[^\W\d_])[“”„‘‚…«»‹›°©®™§·•€£½¼¾²³´×†](?=[^\W\d_])"), -6.0)


def detect(data: bytes) -> str:
    """Return the encoding in which `data`, not valid UTF-8, is the likeliest text.

    If it is unlikely even in that one, return the one that charset-normalizer finds: it knows rarer ones.
    """
    sample = b"\n".join(_telling_lines(data))
    best, highest = "", -inf
    for encoding, alphabets in ALPHABETS.items():
        likelihood = _likelihood(sample.decode(encoding, "replace"), alphabets)
        if likelihood > highest + (_MARGIN_OF_OLD if encoding in _OLD else _MARGIN):
            best, highest = encoding, likelihood
    if highest < _UNLIKELY * len(sample.translate(None, _ASCII)) and (rarer := from_bytes(sample).best()):
        return rarer.encoding
    return best


def _telling_lines(data: bytes) -> Iterator[bytes]:
    """Yield the first lines that are not ASCII, up to the size of a sample."""
    left = _SAMPLE
    for line in re.finditer(rb"[^\r\n]*[\x80-\xff][^\r\n]*", data):
        yield line[0][:left]
        left -= len(line[0])
        if left <= 0:
            return


def _likelihood(text: str, alphabets: tuple[Alphabet, ...]) -> float:
    """Return the log-likelihood of a text in the likeliest of the languages."""
    counts = Counter(character.lower() for character in text if character > "\x7f")
    words = {each: _cost(text, _DOUBLED if each else _MIXED) for each in {each.latin for each in alphabets}}
    letters = max(
        words[each.latin] + sum(count * _frequency(each, letter) for letter, count in counts.items())
        for each in alphabets
    )
    return letters + _cost(text, _INSIDE) + _capitals(text)


def _cost(text: str, rare: tuple[re.Pattern[str], float]) -> float:
    """Return what the matches of a rare pattern cost."""
    pattern, each = rare
    return each * len(pattern.findall(text))


def _capitals(text: str) -> float:
    """Return what the capitals beyond ASCII cost: most after a small letter, least after a capital."""
    pairs = zip(f" {text}", text, strict=False)
    capitals = ((a, b) for a, b in pairs if b > "\x7f" and b.isupper())
    return sum(-5.0 if a.islower() else -0.3 if a.isupper() else -1.0 for a, _ in capitals)


@cache
def _frequency(alphabet: Alphabet, letter: str) -> float:
    """Return the logarithm of a character's share of a language's text beyond ASCII."""
    for letters, share in alphabet.groups:
        if letter in letters:
            total = sum(1 / (rank + 3) for rank in range(len(letters)))
            return log(share / total / (letters.index(letter) + 3))
    if letter in _QUOTES or letter in _SIGNS:
        return _QUOTE if letter in _QUOTES else _SIGN
    if letter == "\ufffd" or not letter.isprintable():
        return _UNUSED
    if alphabet.standard is not None and letter.isalpha():
        return _ideograph(letter, alphabet.standard, 1 - sum(share for _, share in alphabet.groups))
    return _RARE


def _ideograph(letter: str, standard: Standard, share: float) -> float:
    """Return the logarithm of the frequency of a character that no list of letters has."""
    try:
        code = letter.encode(standard.codec)
    except UnicodeEncodeError:
        return _RARE - 2
    is_common = len(code) == 2 and standard.first <= code[0] < standard.last
    return log((0.93 if is_common else 0.05) * share / _IDEOGRAPHS)
