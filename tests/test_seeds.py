"""The default corpus: every format, dated, reproducible, and in our own words."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from rag.loaders import load
from rag.types import Document, Kind

ROOT = Path(__file__).parents[1]
SEEDS = ROOT / "seeds"
REPORTS = ROOT.parent / "shared" / "seeds"
RUN = 8  # so many words in a row, and it is a copy


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return [load(path, path.name) for path in sorted(SEEDS.iterdir())]


def runs(text: str) -> set[tuple[str, ...]]:
    """Every run of `RUN` words, without case, punctuation and line breaks."""
    words = re.findall(r"[^\W_]+", text.lower())
    return set(zip(*(words[start:] for start in range(RUN)), strict=False))


def test_there_are_documents_in_all_six_formats() -> None:
    formats = Counter(path.suffix for path in SEEDS.iterdir())

    assert set(formats) == {".txt", ".md", ".html", ".pdf", ".docx", ".csv"}
    assert formats.total() >= 12
    assert min(formats.values()) >= 2


def test_the_script_writes_the_committed_bytes_again(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "scripts.make_seeds", tmp_path], cwd=ROOT, check=True)

    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_bytes() for path in SEEDS.iterdir() if path.suffix in (".pdf", ".docx")}
    assert written.keys() == kept.keys()
    assert [name for name in kept if written[name] != kept[name]] == []


def test_about_two_hundred_paragraphs_of_every_kind(documents: list[Document]) -> None:
    kinds = Counter(paragraph.kind for document in documents for paragraph in document.paragraphs)

    assert 180 <= kinds.total() <= 230
    assert set(kinds) == set(Kind)


def test_one_pdf_has_several_pages(documents: list[Document]) -> None:
    last = {document.source: document.paragraphs[-1].page for document in documents}

    assert last["weekly-review-2023-07-28.pdf"] == 2


def test_every_document_is_dated(documents: list[Document]) -> None:
    undated = [d.source for d in documents if not any(paragraph.date for paragraph in d.paragraphs)]

    assert undated == []


def test_no_sentence_is_copied_from_the_reports(documents: list[Document]) -> None:
    if not REPORTS.is_dir():
        pytest.skip(f"the news reports to compare with are not at {REPORTS}")
    theirs = runs(" ".join(path.read_text(encoding="utf-8") for path in REPORTS.iterdir()))

    ours = {d.source: runs(" ".join(paragraph.text for paragraph in d.paragraphs)) for d in documents}
    assert {source: found for source, words in ours.items() if (found := words & theirs)} == {}
