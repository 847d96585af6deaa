"""The sample documents: every format, dated, reproducible, and written for Pilcrow."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from shared_names import ROOT, SEEDS

from rag.loaders import load
from rag.types import Document, Kind

COPIED = 8  # this many equal words in a row are a copy


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return [load(path, path.name) for path in sorted(SEEDS.iterdir())]


def word_runs(text: str) -> set[tuple[str, ...]]:
    """Every run of `COPIED` words, ignoring case, punctuation and line breaks."""
    words = re.findall(r"[^\W_]+", text.lower())
    return set(zip(*(words[start:] for start in range(COPIED)), strict=False))


def test_every_format_has_at_least_two_documents() -> None:
    formats = Counter(path.suffix for path in SEEDS.iterdir())

    assert set(formats) == {".txt", ".md", ".html", ".pdf", ".docx", ".csv"}
    assert formats.total() >= 12
    assert min(formats.values()) >= 2


def test_script_writes_the_committed_bytes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "scripts.make_seeds", tmp_path], check=True, cwd=ROOT)

    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    committed = {path.name: path.read_bytes() for path in SEEDS.iterdir() if path.suffix in (".pdf", ".docx")}
    assert written.keys() == committed.keys()
    assert [name for name in committed if written[name] != committed[name]] == []


def test_about_two_hundred_dated_paragraphs_of_every_kind(documents: list[Document]) -> None:
    kinds = Counter(paragraph.kind for document in documents for paragraph in document.paragraphs)
    pages = {document.source: document.paragraphs[-1].page for document in documents}

    assert 180 <= kinds.total() <= 230
    assert set(kinds) == set(Kind)
    assert pages["weekly-review-2023-07-28.pdf"] == 2
    assert [d.source for d in documents if not any(paragraph.date for paragraph in d.paragraphs)] == []


def test_no_sentence_is_copied_from_the_news_reports(documents: list[Document], shared: Path) -> None:
    reports = word_runs(" ".join(path.read_text(encoding="utf-8") for path in shared.iterdir()))

    ours = {d.source: word_runs(" ".join(paragraph.text for paragraph in d.paragraphs)) for d in documents}
    assert {source: copied for source, runs in ours.items() if (copied := runs & reports)} == {}
