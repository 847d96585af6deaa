"""Count how many of a good language model's sentences pass the check in `rag/verification/grounding.py`.

`sentences.jsonl` has sentences that the model wrote about seeds/: true ones, and lies on demand. `near` ones
use the paragraphs' own words, as Pilcrow asks for, `free` ones the model's. `fresh` ones were written after
the check's threshold was chosen, `seen` ones before. Run `python -m scripts.measure_check`; half a minute.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from eval import SEEDS
from rag import Assistant, Evidence, Settings
from rag.models.embedder import load_embedder
from rag.models.local import BUILT_IN
from rag.verification.grounding import grounded

FILE = Path(__file__).with_name("sentences.jsonl")
KINDS = ("near", "near_lies", "free", "free_lies")


@dataclass(frozen=True, slots=True)
class ModelSentence:
    """A sentence, its kind, the paragraphs it was written from, and whether the threshold fits it."""

    text: str
    kind: str
    evidence: tuple[Evidence, ...]
    seen: bool


def load(assistant: Assistant) -> Iterator[ModelSentence]:
    """Yield every sentence with its paragraphs from an index of seeds/."""
    for row in map(json.loads, FILE.read_text("utf-8").splitlines()):
        evidence = tuple(_evidence(assistant, at, *place) for at, place in enumerate(row["given"], 1))
        for kind in KINDS:
            for text in row[kind]:
                yield ModelSentence(text, kind, evidence, row["seen"] or kind.startswith("free"))


def _evidence(assistant: Assistant, number: int, source: str, paragraph: int) -> Evidence:
    found = assistant.paragraph(source, paragraph)
    return Evidence(number, source, paragraph, found.text, heading=found.heading, date=found.date)


def main(every: Annotated[int, typer.Option(help="Check only each n-th sentence.")] = 1) -> None:
    """Check the sentences and print how many pass, by kind."""
    embed = load_embedder(BUILT_IN).embed
    passed: dict[str, list[bool]] = defaultdict(list)
    with TemporaryDirectory() as scratch, Assistant.open(Path(scratch) / "index", Settings()) as assistant:
        assistant.ingest([SEEDS])
        for sentence in list(load(assistant))[::every]:
            name = f"{sentence.kind}, {'seen' if sentence.seen else 'fresh'}"
            passed[name].append(grounded(sentence.text, sentence.evidence, embed).supported)
    for name, each in sorted(passed.items()):
        print(f"{name}: {sum(each)} of {len(each)} pass")


if __name__ == "__main__":
    typer.run(main)
