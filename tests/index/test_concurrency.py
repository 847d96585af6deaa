"""Many threads ask while one ingests: no errors, and citations of committed versions only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from remembering_embedder import having_read

from rag import Answer, Assistant
from rag.models.embedder import Embedder

PLACES = ("Aalten", "Borculo", "Culemborg", "Deventer", "Elburg", "Franeker", "Groenlo", "Harderwijk")
WARDENS = ("Abena", "Bogdan", "Chiara", "Dmitri", "Esi")
VERSIONS = 11  # the first, and ten edits


def paragraphs(place: str, version: int) -> list[str]:
    """Return a version of a place's file; the number of paragraphs changes too."""
    return [
        *(f"In the year {1900 + year} nothing happened in {place}." for year in range(version % 3)),
        f"The warden of the tower of {place} is {WARDENS[version % len(WARDENS)]} Visser.",
        f"The tower of {place} was painted in {1950 + version} by its owners.",
    ]


def keep_asking(assistant: Assistant, place: str, stop: Event) -> list[Answer]:
    """Return the answers to two questions about a place, asked over and over until `stop` is set."""
    questions = (f"Who is the warden of the tower of {place}?", f"When was the tower of {place} painted?")
    answers = []
    while not stop.wait(0.05):
        answers += [assistant.ask(question) for question in questions]
    return answers


def test_answers_stay_consistent_while_files_change(embedder: Embedder, tmp_path: Path) -> None:
    stop, folder = Event(), tmp_path / "documents"
    documents = {f"{place}.txt": "\n\n".join(paragraphs(place, 0)) for place in PLACES}
    with (
        having_read(documents, tmp_path, embedder) as assistant,
        ThreadPoolExecutor(len(PLACES)) as threads,
    ):
        asking = [threads.submit(keep_asking, assistant, place, stop) for place in PLACES]
        try:
            for version in range(1, VERSIONS):
                place = PLACES[version % len(PLACES)]
                (folder / f"{place}.txt").write_text("\n\n".join(paragraphs(place, version)), "utf-8")
                report = assistant.ingest(folder)
                assert (len(report.updated), len(report.unchanged)) == (1, len(PLACES) - 1)
        finally:
            stop.set()
        for future in asking:
            answers = future.result()
            assert any(not answer.abstained for answer in answers)
            for answer in answers:
                check(answer)
        assert assistant.check() == []


def check(answer: Answer) -> None:
    """Check that each file's evidence is from one version, and each citation from the evidence."""
    read: dict[str, dict[int, str]] = {}
    for evidence in answer.evidence:
        read.setdefault(evidence.source, {})[evidence.paragraph] = evidence.text
    for source, found in read.items():
        versions = [paragraphs(source.removesuffix(".txt"), version) for version in range(VERSIONS)]
        assert any(found.items() <= dict(enumerate(version, 1)).items() for version in versions), found
    for citation in answer.citations:
        assert read[citation.source][citation.paragraph] == citation.paragraph_text
        assert citation.quote == citation.paragraph_text[citation.start : citation.end]
