"""Subtitles: what is said, joined where a sentence goes over several cues."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape

from rag.loaders.decoding import decode, split_lines
from rag.loaders.paragraphs import Contents, RawParagraph

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_SPEAKER = re.compile(r"<v(?:\.[^ >]*)?\s+([^>]+)>")
_TAG = re.compile(r"</?[a-z\d][^>]*>|\{\\[^}]*\}", re.IGNORECASE)
_END = re.compile(r"[.!?…。！？♪)\]][\"'”’»)\]]*$")
_TURN = re.compile(r"\s*[-–—]\s*\S|[^\W\d_][\w .'’-]{0,30}: ")  # a dash, or a speaker's name
_PAUSE = 3.0  # seconds after which a new sentence starts
_MAX_JOINED = 400  # characters: some subtitles have no full stops


@dataclass(frozen=True, slots=True)
class _Cue:
    """What is shown from one time to another; `line` is that of its first text."""

    start: float
    end: float
    line: int
    text: tuple[str, ...]


def read(data: bytes, source: str) -> Contents:
    """Return the sentences of a SubRip or WebVTT file."""
    return Contents(tuple(_sentences(list(_cues(split_lines(decode(data, source)))))))


def _cues(lines: list[str]) -> Iterator[_Cue]:
    """Yield the cues; lines without a time above them, such as notes and styles, are left out."""
    number = 0
    while number < len(lines):
        timing = _TIMING.match(lines[number])
        number += 1
        if timing is None:
            continue
        first = number
        while number < len(lines) and lines[number].strip() and not _TIMING.match(lines[number]):
            number += 1
        following = lines[number] if number < len(lines) else ""
        last = number - 1 if _TIMING.match(following) and lines[number - 1].strip().isdecimal() else number
        spoken = tuple(filter(None, map(_plain, lines[first:last])))
        if spoken:
            yield _Cue(_seconds(timing.groups()[:4]), _seconds(timing.groups()[4:]), first + 1, spoken)


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}")


def _plain(line: str) -> str:
    """Return a line without tags, with the speaker's name if a tag gives it."""
    return unescape(_TAG.sub("", _SPEAKER.sub(r"\1: ", line))).strip()


def _sentences(cues: Sequence[_Cue]) -> Iterator[RawParagraph]:
    """Yield the cues, each joined with those that continue its last sentence.

    Without punctuation only a small letter tells that a cue continues the one above.
    """
    punctuated = sum(_END.search(cue.text[-1]) is not None for cue in cues) >= len(cues) / 5
    text, line, end = "", 0, 0.0
    shown: tuple[str, ...] = ()  # by the last cue; captions that roll show its lines again
    for cue in cues:
        paused = cue.start - end > _PAUSE
        fresh = [each for each in cue.text if paused or each not in shown]
        for position, each in enumerate(fresh):
            ends = _END.search(text) or not (punctuated or each[:1].islower()) or len(text) > _MAX_JOINED
            if text and ((position == 0 and (paused or ends)) or _TURN.match(each)):
                yield RawParagraph(text, line=line)
                text = ""
            line = line if text else cue.line
            text = f"{text} {each}".strip()
        shown, end = cue.text, cue.end
    yield RawParagraph(text, line=line or None)
