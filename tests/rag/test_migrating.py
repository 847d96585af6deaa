"""An index copied to other stores holds the same, whatever happens to the copying."""

from __future__ import annotations

import multiprocessing
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import faulty_migration
import pytest
from chroma_server import chroma_server
from hash_embedder import DIMENSION, count_words, embed_parts
from postgres_server import PostgresServer
from remembering_embedder import RememberingEmbedder
from shared_names import Run

from rag import Answer, Assistant, Settings
from rag.errors import SettingsError, StoreError
from rag.index.folder import Index
from rag.ingestion.indexer import ingest, remove
from rag.migrating import destination, holds, migrate
from rag.models.embedder import Embedder

QUESTIONS = (
    "Which country promised 19 howitzers to Ukraine?",
    "Who was Daniel Swift?",
    "Why was the Odesa missile hard to spot?",
    "How many howitzers did Norway promise?",
)


@pytest.fixture(scope="module")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chroma_server(tmp_path_factory.mktemp("chroma")) as url:
        yield url


def open_index(settings: Settings) -> Index:
    return Index.open(settings.index, "hash", DIMENSION, settings.stores)


def made_index(folder: Path, documents: int, paragraphs: int = 20) -> Settings:
    """An index of made-up documents, with vectors of the hash embedder."""
    (folder / "documents").mkdir(parents=True)
    for number in range(documents):
        lines = [f"Ship {number} carried {row * 37} crates to pier {row}." for row in range(paragraphs)]
        (folder / "documents" / f"{number:03}.md").write_text(f"# Ship {number}\n\n" + "\n\n".join(lines))
    settings = Settings(index=folder / "index")
    read_again(settings)
    return settings


def read_again(settings: Settings) -> None:
    index = open_index(settings)
    ingest(index, [settings.index.parent / "documents"], embed_parts, count_words, 64, "hash", prune=True)
    index.close()


def problems(settings: Settings) -> list[str]:
    index = open_index(settings)
    try:
        return index.check()
    finally:
        index.close()


def assert_equal(source: Settings, copy: Settings) -> None:
    """Compare what both hold, and let the copy's catalog and vectors be checked."""
    assert holds(copy) == (holds(source)[0], "")
    assert not problems(copy)


def what_is_said(answer: Answer) -> tuple[object, ...]:
    """An answer without its times and scores; a Chroma server rounds distances in another place."""
    read = [(each.source, each.paragraph) for each in (*answer.evidence, *answer.nearest)]
    return answer.text, answer.statements, answer.citations, answer.abstained, answer.missing, read


def test_answers_and_citations_are_the_same_there_and_back(
    seeds_index: Path, embedder: Embedder, chroma: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    first = Settings(index=Path(shutil.copytree(seeds_index, tmp_path / "first")))
    places = (
        [postgres.new_database(), chroma],
        [postgres.new_database(), chroma],
        [str(tmp_path / "second"), chroma],
        [str(tmp_path / "third")],
    )
    copies = [first]
    for to in places:
        copies.append(destination(copies[-1], to))
        assert migrate(copies[-2], copies[-1]).documents == 14
    said = []
    for settings in copies:
        assert holds(settings) == holds(first)
        opened = Index.open(settings.index, embedder.name, embedder.dimension, settings.stores)
        with Assistant(settings, opened, RememberingEmbedder(embedder)) as assistant:
            assert not assistant.check()
            said.append([what_is_said(assistant.ask(question)) for question in QUESTIONS])
    assert all(each == said[0] for each in said)


def test_a_second_run_copies_only_what_changed(tmp_path: Path) -> None:
    source = made_index(tmp_path, 6)
    copy = destination(source, [str(tmp_path / "copy")])
    assert (migrate(source, copy).documents, migrate(source, copy).documents) == (6, 0)
    documents = tmp_path / "documents"
    (documents / "000.md").write_text("# Ship 0\n\nShip 0 carried one crate.\n")
    (documents / "001.md").unlink()
    (documents / "002.md").rename(documents / "renamed.md")
    (documents / "new.md").write_text("# A new ship\n\nIt carried nothing.\n")
    read_again(source)
    done = migrate(source, copy)
    assert (done.documents, done.removed) == (3, 2)
    assert_equal(source, copy)
    read_again(Settings(index=copy.index))  # finds the files where they are, and none changed
    assert_equal(source, copy)


def test_an_index_is_copied_while_another_process_holds_it(tmp_path: Path, run: Run) -> None:
    source = made_index(tmp_path, 3)
    holder = open_index(source)
    try:
        code, out, _ = run("migrate", "--index", source.index, "--to", tmp_path / "copy")
    finally:
        holder.close()
    assert code == 0
    assert "copied 3 documents" in out
    assert f"both hold {holds(source)[0]}" in out
    assert_equal(source, Settings(index=tmp_path / "copy"))


def test_another_index_is_never_overwritten(tmp_path: Path) -> None:
    source, other = made_index(tmp_path / "one", 3), made_index(tmp_path / "two", 4)
    before = holds(other)
    with pytest.raises(StoreError, match="Nothing was copied"):
        migrate(source, other)
    assert holds(other) == before
    Index.open(tmp_path / "three", "another embedder", DIMENSION).close()
    with pytest.raises(StoreError, match="Nothing was copied"):
        migrate(source, Settings(index=tmp_path / "three"))


def test_what_was_written_to_a_complete_copy_is_never_lost(tmp_path: Path) -> None:
    source = made_index(tmp_path, 3)
    copy = destination(source, [str(tmp_path / "copy")])
    migrate(source, copy)
    index = open_index(copy)
    remove(index, ["000.md"])
    index.close()
    before = holds(copy)
    with pytest.raises(StoreError, match="changed after it was complete"):
        migrate(source, copy)
    assert holds(copy) == before


@pytest.mark.parametrize(
    ("to", "problem"),
    [
        (["index"], "is the index itself"),
        (["postgresql:///pilcrow"], "needs a Chroma server too"),
        (["http://127.0.0.1:1"], "Name where to copy to"),
        (["one", "two"], "name one of them"),
        (
            ["mysql://127.0.0.1/pilcrow", "http://127.0.0.1:1"],
            "should be the address of a PostgreSQL database",
        ),
    ],
)
def test_a_bad_place_is_refused(
    to: list[str], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=problem):
        destination(Settings(), to)


def test_files_of_the_folder_come_along(tmp_path: Path, run: Run) -> None:
    source = made_index(tmp_path, 1)
    upload = source.index / "uploads" / "1f" / "notes.md"
    upload.parent.mkdir(parents=True)
    upload.write_text("# Notes\n\nThe ferry ran late.\n")
    index = open_index(source)
    ingest(index, [upload.parent], embed_parts, count_words, 64, "hash")
    index.close()
    (source.index / "users.toml").write_text("")
    (source.index / "users.toml").chmod(0o600)
    code, out, _ = run("migrate", "--index", source.index, "--to", tmp_path / "copy")
    assert code == 0
    assert "copied uploads, users.toml" in out
    copied = tmp_path / "copy" / "uploads" / "1f" / "notes.md"
    assert copied.read_text() == upload.read_text()
    assert (tmp_path / "copy" / "users.toml").stat().st_mode & 0o777 == 0o600
    shutil.rmtree(source.index)
    copy = open_index(Settings(index=tmp_path / "copy"))
    with copy.catalog.read() as snapshot:
        assert snapshot.origins(["notes.md"])[0].path == str(copied)
    copy.close()


@pytest.mark.long
def test_a_copy_killed_at_any_moment_is_completed(tmp_path: Path, chroma: str, postgres_url: str) -> None:
    source, chance = made_index(tmp_path, 150), random.Random(18)  # noqa: S311
    for number, also in enumerate([[], [chroma], [chroma, postgres_url]]):
        copy = destination(source, [str(tmp_path / f"copy{number}"), *also])
        for _ in range(5):
            kill_after(source, copy, chance)
            content, original = holds(copy)
            assert original == str(source.index) or content == holds(source)[0]
        migrate(source, copy)
        assert_equal(source, copy)


def kill_after(source: Settings, copy: Settings, chance: random.Random) -> None:
    """Kill a migration a moment after it has said that it copies."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["faulty_migration", "rag.ingestion.copying", "chromadb"])
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=faulty_migration.run, args=(source, copy, writer))
    process.start()
    writer.close()
    left = chance.randrange(1, 4)
    with suppress(EOFError):  # it may have nothing left to copy
        while left:
            left -= str(reader.recv()).startswith("copying")
    time.sleep(chance.random() / 10)
    process.kill()
    process.join()
