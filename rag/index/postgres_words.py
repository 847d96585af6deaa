"""The words of chunks as PostgreSQL holds them: the very tokens that SQLite's FTS5 would have."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from threading import Lock
from typing import NamedTuple

from rag.index.sqlite_schema import TOKENIZER
from rag.text.words import searchable
from rag.types import Chunk

MAX_LEXEME = 2046  # bytes, of tsvector
MAX_POSITION = 16383  # of tsvector

Phrase = tuple[str, ...]  # the tokens of one word form: mostly one, several where FTS5 splits it


class ChunkWords(NamedTuple):
    """A chunk's tokens: how many its heading has, how many there are, and where each is, as a tsvector.

    The heading's tokens have the positions from 1 to `heading`; the next is left free, so that no phrase
    goes from the heading on to the text.
    """

    heading: int
    length: int
    words: str
    stems: Sequence[str]


class _Tokenizer:
    """FTS5 itself, on a table in memory that stays empty."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._connection.execute(
            f'CREATE VIRTUAL TABLE made USING fts5 (heading, text, content = "", tokenize = "{TOKENIZER}")'
        )
        self._connection.execute("CREATE VIRTUAL TABLE found USING fts5vocab (made, 'instance')")

    def tokens(self, texts: Sequence[tuple[str, str]]) -> list[tuple[str, int, str, int]]:
        """Return each token with the number of its text, its column and its place there, sorted by token."""
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                self._connection.executemany(
                    "INSERT INTO made (rowid, heading, text) VALUES (?, ?, ?)",
                    [(number, *columns) for number, columns in enumerate(texts)],
                )
                return self._connection.execute("SELECT term, doc, col, offset FROM found").fetchall()
            finally:
                self._connection.execute("ROLLBACK")


_TOKENIZER = _Tokenizer()


def chunk_words(chunks: Sequence[Chunk]) -> list[ChunkWords]:
    """Return the tokens of each chunk."""
    found = _TOKENIZER.tokens([(searchable(each.heading), searchable(each.text)) for each in chunks])
    headings = Counter(number for _, number, column, _ in found if column == "heading")
    lengths = Counter(number for _, number, _, _ in found)
    words: list[list[str]] = [[] for _ in chunks]
    stems: list[list[str]] = [[] for _ in chunks]
    for (token, number), places in groupby(found, key=itemgetter(0, 1)):
        text = headings[number] + 2
        at = (offset + (1 if column == "heading" else text) for _, _, column, offset in places)
        stem = lexeme(token)
        stems[number].append(stem)
        words[number].append(f"{_quoted(stem)}:{','.join(str(min(place, MAX_POSITION)) for place in at)}")
    return [
        ChunkWords(headings[number], lengths[number], " ".join(words[number]), stems[number])
        for number in range(len(chunks))
    ]


@lru_cache(maxsize=16384)
def phrase(form: str) -> Phrase:
    """Return the tokens of a word form, in order."""
    found = sorted((offset, token) for token, _, _, offset in _TOKENIZER.tokens([("", form)]))
    return tuple(lexeme(token) for _, token in found)


def tsquery(phrases: Iterable[Phrase]) -> str:
    """Return the tsquery for any of these phrases."""
    return " | ".join(" <-> ".join(map(_quoted, each)) for each in phrases)


@lru_cache(maxsize=16384)
def lexeme(token: str) -> str:
    """Return a token as tsvector can hold it: a hash where it is too long."""
    encoded = token.encode()
    return token if len(encoded) <= MAX_LEXEME else blake2b(encoded).hexdigest()


@lru_cache(maxsize=16384)
def _quoted(token: str) -> str:
    return "'" + token.replace("\\", "\\\\").replace("'", "''") + "'"
