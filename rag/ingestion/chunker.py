"""Split a document into chunks: each within one paragraph, normalised, short enough for the embedder."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from rag.text.words import sentences
from rag.types import HEADING_SEPARATOR, Chunk, Document, Kind, Paragraph, Span

_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffc"
    "\U000e0000-\U000e007f]"
)
_LIGATURES = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}
_SENTENCE = re.compile(r".*?(?:[.!?…。！？][\"'”’»)\]]*(?:\s+|(?<=[。！？])|$)|$)")
_CELL = re.compile(r".*?(?:;\s+|$)")
ROW_WORDS = 60  # a table row of up to as many words is read as one sentence
_MAX_TOKEN_LENGTH = 16  # characters per token on average; longer text is not prose


def normalise(text: str) -> str:
    """Return `text` composed (NFC), without ligatures and invisible characters, with single spaces.

    Not NFKC, which would turn 10² into 102.
    """
    composed = unicodedata.normalize("NFC", _INVISIBLE.sub("", text).translate(_LIGATURES))
    return " ".join(composed.split())


def chunk(document: Document, count_tokens: Callable[[str], int], limit: int = 256) -> tuple[Chunk, ...]:
    """Split each paragraph into chunks of at most `limit` tokens, the heading included.

    A heading with text below it has none of its own: each paragraph below is embedded with it. A table row
    that is too long is split between its cells; its first cell is part of the heading of each chunk.
    `count_tokens` counts as the embedder does, with its special tokens.
    """
    splitter = _Splitter(count_tokens, limit)
    repeats: Counter[str] = Counter()
    chunks = []
    for paragraph, following in zip_longest(document.paragraphs, document.paragraphs[1:]):
        if paragraph.kind is Kind.HEADING and following and is_below(following, paragraph):
            continue
        heading, whole, parts = (
            splitter.shorten(normalise(paragraph.heading)),
            normalise(paragraph.text),
            _SENTENCE,
        )
        if paragraph.kind is Kind.TABLE_ROW and not splitter.fits_below(heading, whole):
            first, parts = whole.split("; ", 1)[0], _CELL
            heading = splitter.shorten(f"{heading}{HEADING_SEPARATOR}{first}" if heading else first)
        for part, text in enumerate(splitter.split(whole, heading, parts)):
            made = Chunk(document.source, paragraph.number, part, text, heading, paragraph.page)
            chunks.append(replace(made, ordinal=repeats[made.embedded]))
            repeats[made.embedded] += 1
    return tuple(chunks)


def is_below(paragraph: Paragraph, heading: Paragraph) -> bool:
    """Return whether a paragraph is in the section that a heading opens."""
    path = f"{heading.heading}{HEADING_SEPARATOR}{heading.text}" if heading.heading else heading.text
    return f"{paragraph.heading}{HEADING_SEPARATOR}".startswith(f"{path}{HEADING_SEPARATOR}")


def sentence_spans(paragraph: Paragraph, chunks: Sequence[Chunk]) -> list[dict[Span, Span]]:
    """Return, for each chunk of a paragraph, its sentences' spans: in the paragraph -> in the embedded text.

    `chunks` are all of the paragraph's; a sentence may be in several. A short row is one sentence, although
    its cells have full stops.
    """
    text = paragraph.text
    is_row = paragraph.kind is Kind.TABLE_ROW and len(text.split()) <= ROW_WORDS
    whole, position = normalise(text), 0
    places: dict[Span, Span] = {}  # in `text` -> in `whole`
    for start, end in [(0, len(text))] if is_row else sentences(text):
        sentence = normalise(text[start:end])
        begin = max(whole.find(sentence, position), position)
        position = begin + len(sentence)
        places[start, end] = (begin, position)
    found, position = [], 0
    for each in chunks:
        begin = max(whole.find(each.text, position), position)
        position = begin + len(each.text)
        shift = len(each.embedded) - len(each.text) - begin
        cut = {span: (max(a, begin), min(b, position)) for span, (a, b) in places.items()}
        found.append({span: (a + shift, b + shift) for span, (a, b) in cut.items() if a < b})
    return found


class _Splitter:
    """Measures and splits text by the tokens of one embedder."""

    def __init__(self, count_tokens: Callable[[str], int], limit: int) -> None:
        self._count = count_tokens
        self._limit = limit
        self._special = count_tokens("")

    def shorten(self, heading: str) -> str:
        """Cut `heading` to a third of the limit: its outer parts go first, then its last words."""
        room = self._limit // 3
        while not self._fits(heading, room) and HEADING_SEPARATOR in heading:
            heading = heading.split(HEADING_SEPARATOR, 1)[1]
        while heading and not self._fits(heading, room):
            heading = heading[: len(heading) * 2 // 3].rpartition(" ")[0]
        return heading

    def fits_below(self, heading: str, text: str) -> bool:
        """Return whether `text` fits under `heading` as a whole."""
        return self._fits(f"{heading}\n{text}" if heading else text, self._limit)

    def split(self, text: str, heading: str, parts: re.Pattern[str]) -> Iterator[str]:
        """Yield `text` whole if it fits under `heading`, or else split between and within `parts`."""
        above = f"{heading}\n" if heading else ""
        if text and self.fits_below(heading, text):
            yield text
        elif text:
            for piece in self._runs(text, self._limit - self._count(above), parts):
                yield from self._halves(piece, above)

    def _fits(self, text: str, room: int) -> bool:
        """Check that `text` has at most `room` tokens."""
        if text.isascii() and len(text) + self._special < room:  # at most a token a letter: no need to count
            return True
        return len(text) <= room * _MAX_TOKEN_LENGTH and self._count(text) <= room

    def _runs(self, text: str, room: int, parts: re.Pattern[str]) -> list[str]:
        """Split `text` into pieces of whole parts of at most `room` tokens, where the parts allow it."""
        from llama_index.core.node_parser import SentenceSplitter  # slow to import, seldom needed

        splitter = SentenceSplitter(
            chunk_size=max(room, 1),
            chunk_overlap=0,
            tokenizer=lambda part: range(max(self._count(part) - self._special, 0)),
            # nltk's own splitter takes minutes on text without sentences
            chunking_tokenizer_fn=lambda part: [found[0] for found in parts.finditer(part) if found[0]],
        )
        return splitter.split_text(text)

    def _halves(self, text: str, above: str) -> Iterator[str]:
        """Halve `text` at a space, or within a word if it has none, until each piece fits."""
        text = text.strip()
        if len(text) <= 1 or self._fits(above + text, self._limit):
            if text:
                yield text
            return
        middle = len(text) // 2
        space = text.rfind(" ", 1, middle + 1)
        cut = space if space > 0 else middle
        yield from self._halves(text[:cut], above)
        yield from self._halves(text[cut:], above)
