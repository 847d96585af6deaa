"""From a document to chunks: each within one paragraph, folded for search, short enough for the embedder."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from rag.text.words import sentences
from rag.types import HEADING_SEPARATOR, Chunk, Document, Span

_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffc"
    "\U000e0000-\U000e007f]"
)
_LIGATURES = str.maketrans(
    {
        "\ufb00": "ff",
        "\ufb01": "fi",
        "\ufb02": "fl",
        "\ufb03": "ffi",
        "\ufb04": "ffl",
        "\ufb05": "st",
        "\ufb06": "st",
    }
)
_SENTENCE = re.compile(r".*?(?:[.!?…。！？][\"'”’»)\]]*(?:\s+|(?<=[。！？])|$)|$)")
_LETTERS_A_TOKEN = (
    16  # no chunk holds more: what is longer is no prose, though a tokenizer may call it one word
)


def fold(text: str) -> str:
    """`text` as it is searched: composed (NFC), ligatures parted, invisible letters dropped, spaces single.

    Not NFKC: it would read 10² as 102.
    """
    folded = unicodedata.normalize("NFC", _INVISIBLE.sub("", text).translate(_LIGATURES))
    return " ".join(folded.split())


def chunk(document: Document, count_tokens: Callable[[str], int], limit: int = 256) -> tuple[Chunk, ...]:
    """The chunks of `document`; none leaves its paragraph or exceeds, with its heading, `limit` tokens.

    `count_tokens` counts as the embedder does, special tokens included.
    """
    ruler = _Ruler(count_tokens, limit)
    alike: Counter[str] = Counter()
    chunks = []
    for paragraph in document.paragraphs:
        heading = ruler.shortened(fold(paragraph.heading))
        for part, text in enumerate(ruler.pieces(fold(paragraph.text), heading)):
            made = Chunk(document.source, paragraph.number, part, text, heading, paragraph.page)
            chunks.append(
                Chunk(made.source, made.paragraph, part, text, heading, made.page, alike[made.embedded])
            )
            alike[made.embedded] += 1
    return tuple(chunks)


def sentences_within(text: str, chunks: Sequence[Chunk]) -> list[dict[Span, Span]]:
    """For each chunk of a paragraph its sentences: where they stand in `text`, and in what is embedded.

    `text` is the paragraph's, `chunks` are all of its chunks; a sentence may stand in several.
    """
    folded, position = fold(text), 0
    places: dict[Span, Span] = {}
    for start, end in sentences(text):
        said = fold(text[start:end])
        begin = max(folded.find(said, position), position)
        position = begin + len(said)
        places[start, end] = (begin, position)
    found, position = [], 0
    for each in chunks:
        begin = max(folded.find(each.text, position), position)
        position = begin + len(each.text)
        before = len(each.embedded) - len(each.text) - begin
        held = {span: (max(a, begin), min(b, position)) for span, (a, b) in places.items()}
        found.append({span: (a + before, b + before) for span, (a, b) in held.items() if a < b})
    return found


class _Ruler:
    """Measures and cuts text by the tokens of one embedder."""

    def __init__(self, count_tokens: Callable[[str], int], limit: int) -> None:
        self._count = count_tokens
        self._limit = limit
        self._special = count_tokens("")

    def fits(self, text: str) -> bool:
        """Whether `text` may be embedded whole. ASCII letters make at most a token each."""
        if text.isascii() and len(text) + self._special < self._limit:
            return True
        return self._count_at_most(text, self._limit)

    def shortened(self, heading: str) -> str:
        """`heading` within a third of the limit: without its outer parts, then without its last words."""
        room = self._limit // 3
        while not self._count_at_most(heading, room) and HEADING_SEPARATOR in heading:
            heading = heading.split(HEADING_SEPARATOR, 1)[1]
        while heading and not self._count_at_most(heading, room):
            heading = heading[: len(heading) * 2 // 3].rpartition(" ")[0]
        return heading

    def pieces(self, text: str, heading: str) -> Iterator[str]:
        """`text` whole if it fits under `heading`, else cut between sentences, and within long ones."""
        above = f"{heading}\n" if heading else ""
        if text and self.fits(above + text):
            yield text
        elif text:
            for piece in self._sentences(text, self._limit - self._count(above)):
                yield from self._halves(piece, above)

    def _count_at_most(self, text: str, room: int) -> bool:
        """Whether `text` has at most `room` tokens."""
        return len(text) <= room * _LETTERS_A_TOKEN and self._count(text) <= room

    def _sentences(self, text: str, room: int) -> list[str]:
        """`text` in pieces of whole sentences of at most `room` tokens, as far as sentences allow."""
        from llama_index.core.node_parser import SentenceSplitter  # slow to import, seldom needed

        splitter = SentenceSplitter(
            chunk_size=max(room, 1),
            chunk_overlap=0,
            tokenizer=lambda part: range(max(self._count(part) - self._special, 0)),
            # nltk's own splitter takes minutes on text without sentences
            chunking_tokenizer_fn=lambda part: [found[0] for found in _SENTENCE.finditer(part) if found[0]],
        )
        return splitter.split_text(text)

    def _halves(self, text: str, above: str) -> Iterator[str]:
        """`text`, halved at a space (or where there is none, within a word) until each piece fits."""
        text = text.strip()
        if len(text) <= 1 or self.fits(above + text):
            if text:
                yield text
            return
        middle = len(text) // 2
        space = text.rfind(" ", 1, middle + 1)
        cut = space if space > 0 else middle
        yield from self._halves(text[:cut], above)
        yield from self._halves(text[cut:], above)
