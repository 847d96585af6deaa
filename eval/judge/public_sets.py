"""Readers of the public sets of claims that people labelled: WiCE and SummEdits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim, the texts it is checked against, and whether people say that they support it.

    `group` is the article or document it comes from. `label` is the set's own word for the verdict.
    """

    id: str
    question: str
    text: str
    contexts: tuple[str, ...]
    supported: bool
    group: str
    label: str


def wice(data: Path) -> Iterator[Claim]:
    """Yield WiCE's claims below a folder of public sets, once for each set of evidence that they have."""
    for line in (data / "wice" / "oracle_chunks_claim_dev.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        id_, title, label = row["meta"]["id"], row["meta"]["claim_title"], row["label"]
        asked = f"What is said of {title}?"
        yield Claim(id_, asked, row["claim"], tuple(row["evidence"]), label == "supported", title, label)


def summedits(data: Path, name: str = "*") -> Iterator[Claim]:
    """Yield SummEdits' summaries, of one kind of document or of all; the document is the one context."""
    for file in sorted((data / "summedits").glob(f"summedits_{name}.json")):
        for row in json.loads(file.read_text("utf-8")):
            supported = row["label"] == 1
            label = "consistent" if supported else str(row["edit_types"])
            asked = "What does the document say?"
            yield Claim(row["id"], asked, row["summary"], (row["doc"],), supported, row["doc"], label)
