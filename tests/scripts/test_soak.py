"""The soak in its smallest form: a page, an ingestion, edits, removals and questions on one index."""

from __future__ import annotations

from pathlib import Path

import pytest
from chroma_server import free_port

from scripts.soak import Soak, run, table, texts


@pytest.mark.long
def test_many_processes_use_one_index(tmp_path: Path) -> None:
    soak = run(tmp_path, first=5, files=8, asks=2, users=2, port=free_port())
    assert soak.problems == []
    assert soak.citations
    assert any("2 " in line for line in table(soak) if line.startswith("pilcrow ask"))


def test_wrong_citations_are_found(tmp_path: Path) -> None:
    soak = Soak(tmp_path)
    path, whole = soak.write("first", 0), texts("first", 0, 0)[0]
    right = {"source": path.name, "paragraph": 1, "paragraph_text": whole, "quote": whole[:5]}
    right |= {"start": 0, "end": 5}
    soak.check([right], 1.0)
    soak.history[path.name][0].ended = 2.0
    soak.check([right], 1.5)
    assert soak.problems == []
    for wrong in ({"paragraph": 2}, {"quote": "x"}, {"source": "away.txt"}, {"paragraph_text": "x"}):
        soak.check([right | wrong], 1.5)
    soak.check([right], 2.5)  # it said so no longer
    assert len(soak.problems) == 5
