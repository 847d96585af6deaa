"""Many processes write and read one index on PostgreSQL and a Chroma server: nothing is lost or double."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Barrier, Event

import pytest
from hash_embedder import count_words, embed, embed_parts
from postgres_server import PostgresServer
from shared_stores import ChromaServer, fill, keep_filling, opened

from rag.errors import SettingsError, StoreError
from rag.index.folder import Index
from rag.index.stores import Stores
from rag.ingestion.embedding import EmbedSpans
from rag.ingestion.indexer import ingest, remove
from rag.ingestion.report import IngestReport
from rag.reembedding import reembed
from rag.settings import Settings


def write(folder: Path, numbers: Sequence[int], paragraphs: int = 3) -> Path:
    """Write files whose paragraphs are nowhere else."""
    folder.mkdir(exist_ok=True)
    for number in numbers:
        lines = [f"Ship {number} of {folder.name} took load {each}." for each in range(paragraphs)]
        (folder / f"{number:03}.txt").write_text("\n\n".join(lines))
    return folder


def texts(index: Index) -> dict[str, list[str]]:
    """Return the paragraphs of each document, by the path that it was read from."""
    with index.catalog.read() as snapshot:
        return {
            origin.path: [paragraph.text for paragraph in snapshot.all_paragraphs(origin.source)]
            for origin in snapshot.origins()
        }


def on_disk(*folders: Path) -> dict[str, list[str]]:
    return {str(file): file.read_text().split("\n\n") for folder in folders for file in folder.glob("*.txt")}


def check_whole(index: Index, *folders: Path) -> None:
    """Check that the index has each file once, as it is, and each of its chunks a vector."""
    assert texts(index) == on_disk(*folders)
    with index.catalog.read() as snapshot:
        assert not snapshot.pending()
        assert index.vectors.ids() == set(snapshot.chunk_ids())
    assert index.check() == []


def finds(index: Index, text: str) -> bool:
    """Return whether a search by meaning finds a paragraph of this text."""
    with index.catalog.read() as snapshot:
        hits = index.nearest(embed([text])[0].tolist(), 3, None, snapshot).result()
        return any(chunk.text == text for chunk in snapshot.chunks(key for key, _ in hits).values())


def test_two_processes_ingest_overlapping_folders_while_others_read(
    shared_stores: Stores, tmp_path: Path
) -> None:
    before, both = write(tmp_path / "before", range(5)), write(tmp_path / "both", range(60), 20)
    ours = [write(tmp_path / name, range(30), 20) for name in ("one", "two")]
    processes, stop = multiprocessing.get_context("forkserver"), Event()
    with ThreadPoolExecutor(4) as threads, closing(opened(tmp_path / "index", shared_stores)) as index:
        fill(index, [before])
        reading = [threads.submit(read_until, stop, tmp_path / "index", shared_stores) for _ in range(2)]
        writers = []
        for folder in ours:
            reader, writer = processes.Pipe(duplex=False)
            arguments = (tmp_path / f"index-{folder.name}", shared_stores, [both, folder], writer)
            writers.append((processes.Process(target=keep_filling, args=arguments), reader))
        for process, _ in writers:
            process.start()
        told = [list(iter(reader.recv, "end")) for _, reader in writers]
        for process, _ in writers:
            process.join()
            assert process.exitcode == 0
        stop.set()
        assert all(reader.result() > 0 for reader in reading)
        assert [len(sources) for sources in told] == [91, 91], "each file is reported, after the start"
        check_whole(index, before, both, *ours)
        assert fill(index, [before, both, *ours]).added == ()


def read_until(stop: Event, folder: Path, stores: Stores) -> int:
    """Search a document that is there, until told to stop; return how often."""
    times = 0
    with closing(opened(folder, stores)) as index:
        while not stop.is_set():
            assert finds(index, "Ship 3 of before took load 1.")
            times += 1
    return times


@pytest.fixture(params=["embedded", "shared"])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Index, Index]]:
    """Two writers of one index: two threads that share it, or two that opened it, as processes do."""
    with ExitStack() as opening:
        if request.param == "embedded":
            index = opening.enter_context(closing(opened(tmp_path / "index", Stores())))
            yield index, index
        else:
            stores = request.getfixturevalue("shared_stores")
            one, other = (
                opening.enter_context(closing(opened(tmp_path / "index", stores))) for _ in range(2)
            )
            yield one, other


def meeting(barrier: Barrier) -> EmbedSpans:
    """Return an embedder that waits at its first use, when files are read and named, for the other writer."""
    first = iter([True])

    def embed_together(texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> object:
        if next(first, False):
            barrier.wait(60)
        return embed_parts(texts, spans)

    return embed_together  # type: ignore[return-value]


def ingest_together(two: tuple[Index, Index], folders: Sequence[Path]) -> list[IngestReport]:
    """Ingest a folder by each writer, which both have read theirs before one commits."""
    barrier = Barrier(2)
    with ThreadPoolExecutor(2) as threads:
        done = [
            threads.submit(ingest, index, [folder], meeting(barrier), count_words, 64, "one")
            for index, folder in zip(two, folders, strict=True)
        ]
        return [each.result() for each in done]


def test_two_files_of_one_name_become_two_documents(two: tuple[Index, Index], tmp_path: Path) -> None:
    folders = [write(tmp_path / name, range(2)) for name in ("north", "south")]
    reports = ingest_together(two, folders)
    assert [len(report.added) for report in reports] == [2, 2]
    check_whole(two[0], *folders)
    with two[0].catalog.read() as snapshot:
        names = [document.source for document in snapshot.documents()]
    assert set(names) >= {"000.txt", "001.txt"}
    assert len(names) == 4


def test_one_file_by_two_writers_is_one_document(two: tuple[Index, Index], tmp_path: Path) -> None:
    folder = write(tmp_path / "docs", range(3))
    reports = ingest_together(two, [folder, folder])
    assert sorted(len(report.added) for report in reports) == [0, 3]
    assert sorted(len(report.unchanged) for report in reports) == [0, 3]
    check_whole(two[0], folder)


def test_document_removed_while_its_file_is_read_again_is_added(
    two: tuple[Index, Index], tmp_path: Path
) -> None:
    folder = write(tmp_path / "docs", range(3))
    fill(two[0], [folder])
    write(folder, range(3), 4)

    def embed_late(texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> object:
        remove(two[1], ["001.txt"])
        return embed_parts(texts, spans)

    report = ingest(two[0], [folder], embed_late, count_words, 64, "one")  # type: ignore[arg-type]
    assert (sorted(report.updated), report.added) == (["000.txt", "002.txt"], ("001.txt",))
    check_whole(two[0], folder)


def test_replaced_vector_store_is_noticed_by_readers_and_writers(
    shared_stores: Stores, tmp_path: Path
) -> None:
    docs, more = write(tmp_path / "docs", range(4)), write(tmp_path / "more", range(40), 30)
    with closing(opened(tmp_path / "index", shared_stores)) as index, ThreadPoolExecutor(2) as threads:
        fill(index, [docs])
        names = {index.vectors.name}
        writing = threads.submit(fill, index, [more])
        while not writing.done() or len(names) < 4:
            with index.catalog.write() as revision:
                revision.set_meta("deleted_vectors", "5000")
            with closing(opened(tmp_path / "other", shared_stores)) as other:
                names.add(other.vectors.name)
            assert finds(index, "Ship 3 of docs took load 1.")
        assert len(writing.result().added) == 40
        check_whole(index, docs, more)


def test_many_openings_at_once_make_one_index(shared_stores: Stores, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as threads, ExitStack() as open_ones:
        openings = [threads.submit(opened, tmp_path / f"{n}", shared_stores) for n in range(4)]
        indexes = [open_ones.enter_context(closing(opening.result())) for opening in openings]
        assert len({index.vectors.name for index in indexes}) == 1


def test_lost_vectors_are_made_again_from_the_catalog(shared_stores: Stores, tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", range(4))
    with closing(opened(tmp_path / "index", shared_stores)) as index:
        fill(index, [docs])
        index.vectors.drop()
        with pytest.raises(StoreError):
            finds(index, "Ship 3 of docs took load 1.")
        with closing(opened(tmp_path / "index", shared_stores)) as other:
            check_whole(other, docs)
        check_whole(index, docs)


def test_living_writer_is_no_damage(shared_stores: Stores, tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", range(2))
    with (
        closing(opened(tmp_path / "index", shared_stores)) as index,
        closing(opened(tmp_path / "other", shared_stores)) as writer,
    ):
        fill(index, [docs])
        with writer.catalog.locked(["new.txt"]):
            with writer.catalog.write() as revision:
                revision.mark_pending({"0" * 32: "new.txt"})
            writer.vectors.upsert(["0" * 32], list(embed(["new"])), ["new.txt"])
            opened(tmp_path / "third", shared_stores).close()
            assert index.check() == []
            assert writer.vectors.count() == 7
        assert any("interrupted write left 1 chunks" in problem for problem in index.check())
        fill(index, [docs])
        check_whole(index, docs)


Outage = Callable[[], Callable[[], None]]  # begins it; returns what ends it


@pytest.fixture(params=["chroma", "postgres"])
def outage(request: pytest.FixtureRequest, chroma: ChromaServer, postgres: PostgresServer) -> Outage:
    def begin() -> Callable[[], None]:
        if request.param == "chroma":
            chroma.kill()
            return chroma.start
        postgres.kill()
        return postgres.start

    return begin


def test_server_that_dies_in_mid_ingest_is_used_again_once_it_is_back(
    outage: Outage, shared_stores: Stores, tmp_path: Path
) -> None:
    docs = write(tmp_path / "docs", range(30), 30)
    ends: list[Callable[[], None]] = []

    def die(source: str, _done: float, _total: int) -> None:
        if source == "004.txt" and not ends:
            ends.append(outage())

    with closing(opened(tmp_path / "index", shared_stores)) as index:
        with pytest.raises(StoreError, match=r"[Ss]tart|Try again"):
            ingest(index, [docs], embed_parts, count_words, 64, "one", progress=die)
        with pytest.raises(StoreError, match=r"[Ss]tart|Try again"):
            finds(index, "Ship 3 of docs took load 1.")
        with pytest.raises(StoreError):
            opened(tmp_path / "other", shared_stores)
        ends[0]()
        assert finds(index, "Ship 3 of docs took load 1.")
        report = fill(index, [docs])
        assert len(report.added) + len(report.unchanged) == 30
        check_whole(index, docs)


def test_reembedding_on_postgres_says_how_else(tmp_path: Path) -> None:
    settings = Settings(
        index=tmp_path, catalog_url="postgresql://127.0.0.1/p", chroma_url="http://127.0.0.1:1"
    )
    with pytest.raises(SettingsError, match="pilcrow migrate"):
        reembed(settings)
