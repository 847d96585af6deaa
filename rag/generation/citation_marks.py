"""Citation marks in what a model writes: normalised to [n], and separated from the sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.text.words import sentences

_NUMBERS = r"\d{1,3}(?:\s*(?:,|;|and|&|-|–|to)\s*(?:(?:Sources?|Paragraphs?|¶)\s*)?\d{1,3})*"
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
# 【1】 [1] [1, 2] [1-3] [^1] [Source 1] (Source 1) (¶ 2) (1) at a sentence's end, and "Source 1:" before one.
_WRITTEN = (
    re.compile(
        rf"[\[【［{{]\s*(?:\^|#|Sources?:?|Paragraphs?|¶|No\.?)?\s*({_NUMBERS})\s*(?:†[^\]】］]*)?[\]】］}}]",
        re.I,
    ),
    re.compile(rf"\(\s*(?:see\s+)?(?:Sources?:?|Paragraphs?|¶)\s*({_NUMBERS})\s*\)", re.I),
    re.compile(r"\(\s*(\d{1,2}(?:\s*,\s*\d{1,2})*)\s*\)(?=\s*(?:[.!?]|$))"),
    re.compile(rf"(?:^|(?<=[.!?]\s))(?:Sources?|Paragraphs?)\s+({_NUMBERS})\s*(?::|says|states)\s*", re.I),
    re.compile(
        rf"(?:,|\s[-–])?\s*(?:according to|as stated in)\s+(?:Sources?|Paragraphs?)\s+({_NUMBERS})", re.I
    ),
    re.compile(r"((?<=\w|[.!?”\"])[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,2})(?=\s|[.,!?]|$)"),
)
_MARK = re.compile(r"\s*\[(\d+)\]")
_BEFORE_STOP = re.compile(r"((?:\s*\[\d+\])+)\s*([.!?][”\"’)]*)")  # "… struck [1]." is "… struck. [1]"
_MARKS_ONLY = re.compile(r"[\s\[\]\d.,;]*")
# What models put before a sentence: "The answer is:", or the heading from the prompt.
_OPENING = re.compile(
    r"^(?:The |My )?[Aa]nswer(?: is)?(?: that|:)\s*|^\((?:[^()]|\([^()]*\)){1,160}\)\s+(?=[A-Z“\"])"
    r"|^[^()]{0,80}· \d{4}-\d\d-\d\d\)\s+"
)
STARTED = 3  # words that a sentence needs before its start is certain
_RANGE = 6  # marks that a range such as "[1-6]" may expand to


@dataclass(frozen=True, slots=True)
class Marked:
    """A sentence without its marks, and the numbers of the marks in order."""

    text: str
    numbers: tuple[int, ...]


def normalise(text: str) -> str:
    """Return the text with every mark as [n], after its sentence's full stop."""
    for pattern in _WRITTEN:
        text = pattern.sub(_bracketed, text)
    return _BEFORE_STOP.sub(r"\2\1", text)


def split_sentences(text: str, leading: bool = False) -> Iterator[tuple[Marked, int]]:
    """Yield each sentence of a normalised text, and where it ends, marks included.

    With `leading`, marks come before their sentence instead of after it.
    """
    pieces: list[tuple[str, int]] = []
    moved = ""
    for start, end in sentences(text):
        piece, before, moved = moved + text[start:end], len(moved), ""
        if leading and (tail := re.search(r"(?<=\S)(?:\s*\[\d+\])+\s*$", piece)):
            piece, moved, end = piece[: tail.start()], tail[0], start - before + tail.start()  # noqa: PLW2901
        head = re.match(r"(?:\s*\[\d+\])*\s*", piece)
        marks = head[0] if head and not leading else ""
        if pieces and marks.strip():
            pieces[-1] = (pieces[-1][0] + marks, start + len(marks))
            piece = piece[len(marks) :]
        if _MARKS_ONLY.fullmatch(piece) and pieces:
            pieces[-1] = (pieces[-1][0] + piece, end)
        elif piece.strip():
            pieces.append((piece, end))
    for piece, end in pieces:
        numbers = tuple(dict.fromkeys(int(number) for number in _MARK.findall(piece)))
        bare = _OPENING.sub("", re.sub(r"\s+", " ", _MARK.sub("", piece)).strip(" ,;:"))
        if bare:
            yield Marked(bare[0].upper() + bare[1:], numbers), end


class SentenceReader:
    """The sentences of a text that arrives in pieces, each returned once the next one has started.

    Until then its full stop may belong to an abbreviation, or its quotation may continue.
    """

    def __init__(self) -> None:
        self.rest = ""
        self._leading: bool | None = None

    def feed(self, piece: str) -> list[Marked]:
        """Return the sentences that this piece completed."""
        self.rest = (self.rest + piece).lstrip()
        text, found = self._split()
        if len(found) < 2 or len(found[-1][0].text.split()) <= STARTED or _is_open(text[: found[-2][1]]):
            return []
        self._leading, self.rest = self._leads(text), text[found[-2][1] :]
        return [sentence for sentence, _ in found[:-1]]

    def close(self) -> list[Marked]:
        """Return the remaining sentences at the end of the text."""
        _, found = self._split()
        self.rest = ""
        return [sentence for sentence, _ in found]

    def _split(self) -> tuple[str, list[tuple[Marked, int]]]:
        text = normalise(self.rest).lstrip()
        return text, list(split_sentences(text, self._leads(text)))

    def _leads(self, text: str) -> bool:
        """Return whether marks come before their sentences, judged by the first sentence."""
        return bool(re.match(r"\[\d+\]", text)) if self._leading is None else self._leading


def _is_open(text: str) -> bool:
    """Return whether a quotation or bracket is still open at the end of the text."""
    return any(text.count(sign) > text.count(end) for sign, end in ("“”", "()")) or bool(text.count('"') % 2)


def _bracketed(found: re.Match[str]) -> str:
    written = found[1].translate(_SUPERSCRIPTS)
    numbers: list[int] = []
    for first, last in re.findall(r"(\d+)(?:\s*(?:-|–|to)\s*\D*(\d+))?", written):
        end = int(last or first)
        numbers += range(int(first), min(end, int(first) + _RANGE - 1) + 1)
    marks = "".join(f"[{number}]" for number in dict.fromkeys(numbers))
    # In "Source 1: It was struck." the mark belongs to the sentence after it.
    return f"{marks} " if found[0].rstrip().endswith((":", "says", "states")) else f" {marks}"
