"""Files that change: answers follow them, the unchanged is not touched, the broken is told and passed by."""

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
from remembering_embedder import RememberingEmbedder, open_assistant

from rag import Answer, Assistant, Settings
from rag.errors import StoreError
from rag.index.folder import Index
from rag.models.embedder import Embedder

PLACES = """Aalten Borculo Culemborg Deventer Elburg Franeker Groenlo Harderwijk IJlst Kampen Leerdam
    Medemblik Naarden Oirschot Purmerend Ravenstein Sloten Tholen Vianen Woerden""".split()  # noqa: SIM905
WARDENS = """Abena Bogdan Chiara Dmitri Esi Farid Gunnar Hedda Imre Jelka Kwame Ludmila Mirza Nadia Oskar
    Priya Rasmus Salome Tomasz Umut""".split()  # noqa: SIM905


@dataclass
class Desk:
    """A folder of twenty documents, and an assistant on an index of them."""

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
def desk(embedder: Embedder, tmp_path: Path) -> Iterator[Desk]:
    write_documents(tmp_path / "docs")
    remembering = RememberingEmbedder(embedder)
    index = Index.open(tmp_path / "index", remembering.name, remembering.dimension)
    with Assistant(Settings(index=index.folder), index, remembering) as assistant:
        assert len(assistant.ingest(tmp_path / "docs").added) == 20
        yield Desk(tmp_path / "docs", index, remembering, assistant)


def told(answer: Answer) -> str:
    """All that an answer shows."""
    shown = [answer.text, *(citation.paragraph_text for citation in answer.citations)]
    return "\n".join([*shown, *(evidence.text for evidence in (*answer.evidence, *answer.nearest))])


def rows_holding(word: str, catalog: Path) -> list[str]:
    """The tables of the catalog that hold a word in any column."""
    with sqlite3.connect(catalog) as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return [
            table
            for table in tables
            if not table.startswith("chunk_fts_")  # how FTS5 keeps its words; they are asked for below
            for row in connection.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            if word.casefold() in repr(row).casefold()
        ]


def test_an_edited_line_changes_one_document_and_the_answer(desk: Desk) -> None:
    question = "Who is the warden of the tower of Kampen?"
    assert "Jelka" in desk.assistant.ask(question).text
    before, others = desk.ids("kampen.txt"), desk.ids("tholen.txt")
    desk.edit("kampen.txt", "Jelka", "Wilhelmina")
    desk.embedder.received.clear()

    report = desk.assistant.ingest(desk.folder)

    assert (report.updated, report.added, report.removed, report.failed) == (("kampen.txt",), (), (), ())
    assert len(report.unchanged) == 19
    assert desk.embedder.received == [
        "The tower of Kampen\nThe warden of the tower of Kampen is Wilhelmina Visser."
    ]
    assert len(before & desk.ids("kampen.txt")) == len(before) - 1
    assert desk.ids("tholen.txt") == others
    answer = desk.assistant.ask(question)
    assert "Wilhelmina" in answer.text
    assert answer.citations[0].source == "kampen.txt"
    assert "Jelka" not in told(answer)
    former = desk.assistant.ask("Which tower has Jelka Visser for a warden?")
    assert "Jelka" not in told(former).replace(former.text, "")
    assert desk.assistant.check() == []


def test_a_line_put_in_front_moves_the_numbers_and_embeds_only_itself(desk: Desk) -> None:
    question = "How high is the tower of Vianen?"
    (before,) = desk.assistant.ask(question).citations
    desk.edit("vianen.txt", "The warden", "Rain fell on the market.\n\nThe warden")
    desk.embedder.received.clear()
    desk.assistant.ingest(desk.folder)
    assert desk.embedder.received == ["The tower of Vianen\nRain fell on the market."]
    (after,) = desk.assistant.ask(question).citations
    assert (after.quote, after.paragraph) == (before.quote, before.paragraph + 1)
    assert desk.assistant.paragraph("vianen.txt", after.paragraph).text == after.paragraph_text


def test_nothing_is_embedded_where_nothing_changed(desk: Desk) -> None:
    (desk.folder / "sloten.txt").touch()
    desk.embedder.received.clear()
    assert len(desk.assistant.ingest(desk.folder).unchanged) == 20
    assert desk.embedder.received == []


@pytest.mark.parametrize("way", ["prune", "remove"])
def test_of_a_removed_file_nothing_is_left(desk: Desk, way: str) -> None:
    question = "Who is the warden of the tower of Naarden?"
    assert "Mirza" in desk.assistant.ask(question).text
    gone = desk.ids("naarden.txt")
    (desk.folder / "naarden.txt").unlink()
    assert desk.assistant.ingest(desk.folder).removed == ()

    if way == "prune":
        assert desk.assistant.ingest(desk.folder, prune=True).removed == ("naarden.txt",)
    else:
        assert desk.assistant.remove("naarden.txt") == ("naarden.txt",)

    assert desk.assistant.check() == []
    assert "naarden.txt" not in {document.source for document in desk.assistant.documents()}
    assert not gone & desk.index.vectors.ids()
    assert rows_holding("Naarden", desk.index.folder / "catalog.sqlite3") == []
    with desk.index.catalog.read() as snapshot:
        assert snapshot.search('"naarden" OR "mirza"', 5) == []
        assert set(snapshot.document_frequency(["naarden", "mirza"]).values()) == {0}
    answer = desk.assistant.ask(question)
    assert answer.abstained
    assert {"Naarden"} <= set(answer.missing)
    assert "Mirza" not in told(answer)
    with pytest.raises(StoreError, match="holds no document 'naarden.txt'"):
        desk.assistant.paragraph("naarden.txt", 1)


def test_removing_what_is_not_held_removes_nothing(desk: Desk) -> None:
    with pytest.raises(StoreError, match="pilcrow list"):
        desk.assistant.remove("kampen.txt", "nowhere.txt")
    assert len(desk.assistant.documents()) == 20


def locked_pdf(path: Path) -> None:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.encrypt("sesame", algorithm="AES-256")
    writer.write(path)


def test_broken_files_are_told_and_the_rest_goes_on(desk: Desk) -> None:
    folder = desk.folder
    (folder / "empty.txt").write_bytes(b"")
    (folder / "blank.md").write_text(" \n\n", "utf-8")
    (folder / "program.txt").write_bytes(bytes(range(256)) * 40)
    (folder / "torn.docx").write_bytes(b"PK\x03\x04 and then nothing")
    (folder / "kampen.txt").write_bytes(b"\x7fELF" + bytes(5000))
    locked_pdf(folder / "locked.pdf")
    (folder / "new.txt").write_text("The tower of Zutphen has a copper roof.", "utf-8")
    (folder / "notes.odt").write_bytes(b"not read")
    broken = {"empty.txt", "blank.md", "program.txt", "torn.docx", "kampen.txt", "locked.pdf"}

    report = desk.assistant.ingest([folder, folder / "notes.odt"])

    assert report.added == ("new.txt",)
    assert len(report.unchanged) == 19
    reasons = dict(report.failed)
    assert reasons.keys() == broken | {"notes.odt"}
    assert "password" in reasons["locked.pdf"]
    assert ".odt" in reasons["notes.odt"]
    assert all(len(reason) > 15 for reason in reasons.values())
    assert "copper" in desk.assistant.ask("What roof does the tower of Zutphen have?").text
    # What was read of a file before it broke is kept.
    assert "Jelka" in desk.assistant.ask("Who is the warden of the tower of Kampen?").text
    assert desk.assistant.check() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_told_and_kept(desk: Desk) -> None:
    path = desk.folder / "kampen.txt"
    path.chmod(0)
    report = desk.assistant.ingest(desk.folder, prune=True)
    path.chmod(0o600)
    assert [source for source, _ in report.failed] == ["kampen.txt"]
    assert "rights" in report.failed[0][1]
    assert "Jelka" in desk.assistant.ask("Who is the warden of the tower of Kampen?").text


def test_a_damaged_catalog_is_told_with_the_remedy(desk: Desk) -> None:
    desk.assistant.close()
    catalog = desk.index.folder / "catalog.sqlite3"
    catalog.write_bytes(b"SQLite format 3\0" + os.urandom(catalog.stat().st_size))
    with pytest.raises(StoreError) as told_:
        Assistant.open(desk.index.folder, Settings())
    assert str(catalog) in str(told_.value)
    assert "ingest" in str(told_.value)


def test_a_damaged_vector_folder_is_built_anew_and_answers(desk: Desk) -> None:
    desk.assistant.close()
    (chroma,) = desk.index.folder.glob("chroma-*")
    (chroma / "chroma.sqlite3").write_bytes(b"no database")
    desk.embedder.received.clear()
    with open_assistant(desk.index.folder, desk.embedder) as again:
        assert "Jelka" in again.ask("Who is the warden of the tower of Kampen?").text
        assert desk.embedder.received[0].startswith("Who is")  # the question; no paragraph was embedded again
        assert again.check() == []


def test_a_second_process_learns_who_has_the_index(desk: Desk) -> None:
    command = [
        sys.executable,
        "-m",
        "rag",
        "ask",
        "How high is the tower?",
        "--index",
        str(desk.index.folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"in use by process {os.getpid()}" in done.stderr
    assert "--index" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Jelka" in desk.assistant.ask("Who is the warden of the tower of Kampen?").text


def test_what_is_said_twice_is_cited_once_and_both_places_are_known(desk: Desk) -> None:
    twin = "The great bell of Woerden was cast in 1653 by the brothers Hemony and weighs 2,400 kilograms."
    (desk.folder / "bells.txt").write_text(f"Bells\n\n{twin}", "utf-8")
    (desk.folder / "copy.md").write_text(f"# Copies\n\nNothing new.\n\n{twin.replace(' and ', '  and ')}\n")
    desk.assistant.ingest(desk.folder)
    answer = desk.assistant.ask("Who cast the great bell of Woerden?")
    assert "Hemony" in answer.text
    assert answer.text.count("Hemony") == 1
    (citation,) = answer.citations
    places = {("bells.txt", 2), ("copy.md", 3)}
    assert (citation.source, citation.paragraph) in places
    (evidence,) = [each for each in answer.evidence if "Hemony" in each.text]
    assert {(evidence.source, evidence.paragraph), *evidence.also} == places


def test_an_unchanged_corpus_is_ingested_without_the_model(desk: Desk) -> None:
    desk.assistant.close()
    script = (
        "import sys; from rag import Assistant, Settings\n"
        "with Assistant.open(sys.argv[1], Settings()) as assistant: report = assistant.ingest(sys.argv[2])\n"
        "print(len(report.unchanged), 'torch' in sys.modules)"
    )
    command = [sys.executable, "-c", script, str(desk.index.folder), str(desk.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["20", "False"]
