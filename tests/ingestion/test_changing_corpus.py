"""Answers follow files that change; unchanged files are left alone, and broken ones reported."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pypdf import PdfWriter
from remembering_embedder import RememberingEmbedder

from rag import Answer, Assistant, Settings
from rag.errors import StoreError
from rag.index.folder import Index
from rag.models.embedder import Embedder

PLACES = """Aalten Borculo Culemborg Deventer Elburg Franeker Groenlo Harderwijk IJlst Kampen Leerdam
    Medemblik Naarden Oirschot Purmerend Ravenstein Sloten Tholen Vianen Woerden""".split()  # noqa: SIM905
WARDENS = """Abena Bogdan Chiara Dmitri Esi Farid Gunnar Hedda Imre Jelka Kwame Ludmila Mirza Nadia Oskar
    Priya Rasmus Salome Tomasz Umut""".split()  # noqa: SIM905


@dataclass
class Corpus:
    """A folder of twenty documents and an assistant with an index of them."""

    folder: Path
    index: Index
    embedder: RememberingEmbedder
    assistant: Assistant

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        text = path.read_text("utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), "utf-8")

    def ids(self, source: str) -> set[str]:
        with self.index.catalog.read() as snapshot:
            return set(snapshot.chunk_ids([source]))


def write_documents(folder: Path) -> None:
    folder.mkdir()
    for number, (place, warden) in enumerate(zip(PLACES, WARDENS, strict=True)):
        lines = [
            f"The tower of {place}",
            f"The warden of the tower of {place} is {warden} Visser.",
            f"The tower of {place} is {40 + number} metres high and was finished in {1500 + number}.",
            f"Visitors to {place} pay {number + 2} guilders; children climb the stairs for nothing.",
        ]
        (folder / f"{place.lower()}.txt").write_text("\n\n".join(lines), "utf-8")


@pytest.fixture
def corpus(embedder: Embedder, tmp_path: Path) -> Iterator[Corpus]:
    write_documents(tmp_path / "docs")
    remembering = RememberingEmbedder(embedder)
    index = Index.open(tmp_path / "index", remembering.name, remembering.dimension)
    with Assistant(Settings(index=index.folder), index, remembering) as assistant:
        assert len(assistant.ingest(tmp_path / "docs").added) == 20
        yield Corpus(tmp_path / "docs", index, remembering, assistant)


def shown(answer: Answer) -> str:
    """Return all the text of an answer."""
    cited = (citation.paragraph_text for citation in answer.citations)
    return "\n".join([answer.text, *cited, *(each.text for each in (*answer.evidence, *answer.nearest))])


def tables_with(word: str, catalog: Path) -> list[str]:
    """Return the tables of the catalog that contain a word in any column."""
    with sqlite3.connect(catalog) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return [
            table
            for (table,) in tables
            if not table.startswith("chunk_fts_")  # FTS5's own tables; the test searches them
            for row in connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            if word.casefold() in repr(row).casefold()
        ]


def test_edited_line_changes_one_document_and_the_answer(corpus: Corpus) -> None:
    question = "Who is the warden of the tower of Kampen?"
    assert "Jelka" in corpus.assistant.ask(question).text
    before, others = corpus.ids("kampen.txt"), corpus.ids("tholen.txt")
    corpus.edit("kampen.txt", "Jelka", "Wilhelmina")
    corpus.embedder.received.clear()

    report = corpus.assistant.ingest(corpus.folder)

    assert (report.updated, report.added, report.removed, report.failed) == (("kampen.txt",), (), (), ())
    assert len(report.unchanged) == 19
    paragraph, window = corpus.embedder.received
    assert paragraph == "The tower of Kampen\nThe warden of the tower of Kampen is Wilhelmina Visser."
    assert "Wilhelmina" in window
    assert len(before & corpus.ids("kampen.txt")) == len(before) - 1
    assert corpus.ids("tholen.txt") == others
    answer = corpus.assistant.ask(question)
    assert "Wilhelmina" in answer.text
    assert answer.citations[0].source == "kampen.txt"
    assert "Jelka" not in shown(answer)
    former = corpus.assistant.ask("Which tower has Jelka Visser for a warden?")
    assert "Jelka" not in shown(former).replace(former.text, "")
    assert corpus.assistant.check() == []


def test_inserted_line_moves_the_numbers_and_embeds_only_itself_and_its_window(corpus: Corpus) -> None:
    question = "How high is the tower of Vianen?"
    before = corpus.assistant.ask(question).citations[0]
    corpus.edit("vianen.txt", "The warden", "Rain fell on the market.\n\nThe warden")
    corpus.embedder.received.clear()
    corpus.assistant.ingest(corpus.folder)
    paragraph, window = corpus.embedder.received
    assert paragraph == "The tower of Vianen\nRain fell on the market."
    assert "Rain fell" in window
    after = corpus.assistant.ask(question).citations[0]
    assert (after.quote, after.paragraph) == (before.quote, before.paragraph + 1)
    assert corpus.assistant.paragraph("vianen.txt", after.paragraph).text == after.paragraph_text


@pytest.mark.parametrize("way", ["prune", "remove"])
def test_removed_file_leaves_nothing_behind(corpus: Corpus, way: str) -> None:
    question = "Who is the warden of the tower of Naarden?"
    assert "Mirza" in corpus.assistant.ask(question).text
    gone = corpus.ids("naarden.txt")
    (corpus.folder / "naarden.txt").unlink()
    assert corpus.assistant.ingest(corpus.folder).removed == ()

    if way == "prune":
        assert corpus.assistant.ingest(corpus.folder, prune=True).removed == ("naarden.txt",)
    else:
        assert corpus.assistant.remove("naarden.txt") == ("naarden.txt",)

    assert corpus.assistant.check() == []
    assert "naarden.txt" not in {document.source for document in corpus.assistant.documents()}
    assert not gone & corpus.index.vectors.ids()
    assert tables_with("Naarden", corpus.index.folder / "catalog.sqlite3") == []
    with corpus.index.catalog.read() as snapshot:
        assert snapshot.search('"naarden" OR "mirza"', 5) == []
        assert set(snapshot.document_frequency(["naarden", "mirza"]).values()) == {0}
    answer = corpus.assistant.ask(question)
    assert answer.abstained
    assert {"Naarden"} <= set(answer.missing)
    assert "Mirza" not in shown(answer)
    with pytest.raises(StoreError, match="No document named 'naarden.txt'"):
        corpus.assistant.paragraph("naarden.txt", 1)


def test_removing_an_unknown_document_removes_nothing(corpus: Corpus) -> None:
    with pytest.raises(StoreError, match="pilcrow list"):
        corpus.assistant.remove("kampen.txt", "nowhere.txt")
    assert len(corpus.assistant.documents()) == 20


def locked_pdf(path: Path) -> None:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.encrypt("sesame", algorithm="AES-256")
    writer.write(path)


def test_broken_files_are_reported_and_the_rest_is_ingested(corpus: Corpus) -> None:
    folder = corpus.folder
    (folder / "empty.txt").write_bytes(b"")
    (folder / "blank.md").write_text(" \n\n", "utf-8")
    (folder / "program.txt").write_bytes(bytes(range(256)) * 40)
    (folder / "torn.docx").write_bytes(b"PK\x03\x04 and then nothing")
    (folder / "kampen.txt").write_bytes(b"\x7fELF" + bytes(5000))
    locked_pdf(folder / "locked.pdf")
    (folder / "new.txt").write_text("The tower of Zutphen has a copper roof.", "utf-8")
    (folder / "notes.xyz").write_bytes(b"not read")
    broken = {"empty.txt", "blank.md", "program.txt", "torn.docx", "kampen.txt", "locked.pdf"}

    report = corpus.assistant.ingest([folder, folder / "notes.xyz"])

    assert report.added == ("new.txt",)
    assert len(report.unchanged) == 19
    reasons = dict(report.failed)
    assert reasons.keys() == broken | {"notes.xyz"}
    assert "password" in reasons["locked.pdf"]
    assert ".xyz" in reasons["notes.xyz"]
    assert all(len(reason) > 15 for reason in reasons.values())
    assert "copper" in corpus.assistant.ask("What roof does the tower of Zutphen have?").text
    # The last readable version stays.
    assert "Jelka" in corpus.assistant.ask("Who is the warden of the tower of Kampen?").text
    assert corpus.assistant.check() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_file_without_permission_is_reported_and_its_version_stays(corpus: Corpus) -> None:
    path = corpus.folder / "kampen.txt"
    path.chmod(0)
    report = corpus.assistant.ingest(corpus.folder, prune=True)
    path.chmod(0o600)
    assert [source for source, _ in report.failed] == ["kampen.txt"]
    assert "permissions" in report.failed[0][1]
    assert "Jelka" in corpus.assistant.ask("Who is the warden of the tower of Kampen?").text


def test_repeated_sentence_is_cited_once_with_both_places(corpus: Corpus) -> None:
    twin = "The great bell of Woerden was cast in 1653 by the brothers Hemony and weighs 2,400 kilograms."
    (corpus.folder / "bells.txt").write_text(f"Bells\n\n{twin}", "utf-8")
    (corpus.folder / "copy.md").write_text(f"# Copies\n\nNothing new.\n\n{twin.replace(' and ', '  and ')}\n")
    corpus.assistant.ingest(corpus.folder)
    answer = corpus.assistant.ask("Who cast the great bell of Woerden?")
    assert "Hemony" in answer.text
    assert answer.text.count("Hemony") == 1
    (citation,) = answer.citations
    places = {("bells.txt", 2), ("copy.md", 3)}
    assert (citation.source, citation.paragraph) in places
    (evidence,) = [each for each in answer.evidence if "Hemony" in each.text]
    assert {(evidence.source, evidence.paragraph), *evidence.also} == places


def test_unchanged_corpus_is_ingested_without_the_model(corpus: Corpus) -> None:
    (corpus.folder / "sloten.txt").touch()
    corpus.assistant.close()
    script = (
        "import sys; from rag import Assistant, Settings\n"
        "with Assistant.open(sys.argv[1], Settings()) as assistant: report = assistant.ingest(sys.argv[2])\n"
        "print(len(report.unchanged), 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", script, str(corpus.index.folder), str(corpus.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["20", "False"]
