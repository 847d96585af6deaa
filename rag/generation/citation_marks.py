"""Citation marks in what a model writes: mended where they are malformed, and taken off its sentences."""

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
_MOVED = re.compile(r"((?:\s*\[\d+\])+)\s*([.!?][”\"’)]*)")  # "… struck [1]." is "… struck. [1]"
_MARKS_ONLY = re.compile(r"[\s\[\]\d.,;]*")
# What a model puts before a sentence: "The answer is:", or the heading as the prompt gives it.
_OPENING = re.compile(
    r"^(?:The |My )?[Aa]nswer(?: is)?(?: that|:)\s*|^\((?:[^()]|\([^()]*\)){1,160}\)\s+(?=[A-Z“\"])"
    r"|^[^()]{0,80}· \d{4}-\d\d-\d\d\)\s+"
)
UNDER_WAY = 3  # words of a sentence, from which where it begins is sure
_RANGE = 6  # marks that "[1-6]" may stand for


@dataclass(frozen=True, slots=True)
class Marked:
    """A sentence without its marks, and the numbers that they gave, in order."""

    text: str
    numbers: tuple[int, ...]


def mend(text: str) -> str:
    """The text with every mark as [n], after its sentence's full stop."""
    for pattern in _WRITTEN:
        text = pattern.sub(_plain, text)
    return _MOVED.sub(r"\2\1", text)


def split(text: str, leading: bool = False) -> Iterator[tuple[Marked, int]]:
    """Each sentence of a mended text, and where it ends with its marks.

    `leading`: marks stand before their sentence, not after it.
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


class Reader:
    """Takes text in pieces and gives each sentence as soon as it is whole: once another one is under way.

    Until then the splitter may still take a dot for an abbreviation's, or a quotation for one sentence.
    """

    def __init__(self) -> None:
        self.rest = ""
        self._leading: bool | None = None

    def feed(self, piece: str) -> list[Marked]:
        """The sentences that this piece made whole."""
        self.rest = (self.rest + piece).lstrip()
        text, found = self._split()
        if len(found) < 2 or len(found[-1][0].text.split()) <= UNDER_WAY or _is_open(text[: found[-2][1]]):
            return []
        self._leading, self.rest = self._leads(text), text[found[-2][1] :]
        return [sentence for sentence, _ in found[:-1]]

    def close(self) -> list[Marked]:
        """What is left when the text has ended."""
        _, found = self._split()
        self.rest = ""
        return [sentence for sentence, _ in found]

    def _split(self) -> tuple[str, list[tuple[Marked, int]]]:
        text = mend(self.rest).lstrip()
        return text, list(split(text, self._leads(text)))

    def _leads(self, text: str) -> bool:
        """Whether marks stand before their sentences, as the first one's does."""
        return bool(re.match(r"\[\d+\]", text)) if self._leading is None else self._leading


def _is_open(text: str) -> bool:
    """Whether a quotation or a bracket is still open at the end of a text."""
    return any(text.count(sign) > text.count(end) for sign, end in ("“”", "()")) or bool(text.count('"') % 2)


def _plain(found: re.Match[str]) -> str:
    written = found[1].translate(_SUPERSCRIPTS)
    numbers: list[int] = []
    for first, last in re.findall(r"(\d+)(?:\s*(?:-|–|to)\s*\D*(\d+))?", written):
        end = int(last or first)
        numbers += range(int(first), min(end, int(first) + _RANGE - 1) + 1)
    marks = "".join(f"[{number}]" for number in dict.fromkeys(numbers))
    # "Source 1: It was struck." gives its mark to the sentence that follows.
    return f"{marks} " if found[0].rstrip().endswith((":", "says", "states")) else f" {marks}"
