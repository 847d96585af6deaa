"""Sentences that a good language model wrote for questions about seeds/: true ones, and lies on demand.

`near` ones were asked for in the paragraphs' own words, as Pilcrow asks, `free` ones in the model's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag import Assistant, Evidence

FILE = Path(__file__).resolve().parent / "sentences.jsonl"
KINDS = ("near", "near_lies", "free", "free_lies")


@dataclass(frozen=True, slots=True)
class Written:
    """A sentence, its kind, what it was written from, and whether the check's threshold was chosen on it."""

    text: str
    kind: str
    evidence: tuple[Evidence, ...]
    seen: bool


def load(assistant: Assistant) -> Iterator[Written]:
    """Every sentence, with its paragraphs from an index of seeds/."""
    for line in FILE.read_text("utf-8").splitlines():
        row = json.loads(line)
        evidence = tuple(_evidence(assistant, at, *place) for at, place in enumerate(row["given"], 1))
        for kind in KINDS:
            yield from (Written(text, kind, evidence, row["seen"] or kind[0] == "f") for text in row[kind])


def _evidence(assistant: Assistant, number: int, source: str, paragraph: int) -> Evidence:
    found = assistant.paragraph(source, paragraph)
    return Evidence(number, source, paragraph, found.text, heading=found.heading, date=found.date)
