"""Ingestion as a person sees it: what is added, kept, replaced, removed, and what is not."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hash_embedder import DIMENSION, count_words, embed, embed_parts

from rag.errors import LoadError
from rag.index.folder import Index
from rag.ingestion.embedding import Embed
from rag.ingestion.indexer import ingest, remove
from rag.types import IngestReport, Span, Vector


def run(index: Index, *paths: Path, **options: Any) -> IngestReport:
    given: dict[str, Any] = {
        "embed": embed_parts,
        "count_tokens": count_words,
        "token_limit": 64,
        "fingerprint": "one",
    }
    given |= options
    return ingest(index, paths, **given)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    opened = Index.open(tmp_path / "index", "hash", DIMENSION)
    yield opened
    opened.close()


def counting(embedded: list[str]) -> Embed:
    """An embedder that notes what it is given."""

    def noted(texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> tuple[Vector, Sequence[Vector]]:
        embedded.extend(texts)
        return embed_parts(texts, spans)

    return noted


def turned(texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> tuple[Vector, Sequence[Vector]]:
    """Another model's vectors."""
    wholes, parts = embed_parts(texts, spans)
    return -wholes, [-each for each in parts]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "docs"
    made.mkdir()
    for number in range(20):
        lines = [f"Report {number}", *(f"Line {line} of the report {number} on barges." for line in range(5))]
        (made / f"{number:02}.txt").write_text("\n\n".join(lines))
    return made


def sources(index: Index) -> list[str]:
    with index.catalog.read() as snapshot:
        return [document.source for document in snapshot.documents()]


def paragraphs(index: Index, source: str) -> list[str]:
    with index.catalog.read() as snapshot:
        return [paragraph.text for paragraph in snapshot.all_paragraphs(source)]


def ids(index: Index, *of: str) -> set[str]:
    with index.catalog.read() as snapshot:
        return set(snapshot.chunk_ids(of))


def test_a_second_ingestion_skips_all(index: Index, folder: Path) -> None:
    first = run(index, folder)
    second = run(index, folder)
    assert first.added == tuple(f"{number:02}.txt" for number in range(20))
    assert first.paragraphs == 120
    assert (second.added, second.updated, second.paragraphs) == ((), (), 0)
    assert second.unchanged == first.added
    assert index.check() == []


def test_an_edited_line_replaces_one_document_and_embeds_one_chunk(index: Index, folder: Path) -> None:
    run(index, folder)
    before = ids(index, "07.txt")
    text = (folder / "07.txt").read_text()
    text = text.replace("Line 0 of", "A line came in before the others.\n\nLine 0 of")
    (folder / "07.txt").write_text(text.replace("Line 3 of", "Sentence 3 of"))
    embedded: list[str] = []

    report = run(index, folder, embed=counting(embedded))
    assert (report.updated, report.added, len(report.unchanged)) == (("07.txt",), (), 19)
    assert len(before & ids(index, "07.txt")) == 5
    assert [text for text in embedded if "Line" in text] == []
    assert len(embedded) == 2
    assert paragraphs(index, "07.txt")[1:3] == [
        "A line came in before the others.",
        "Line 0 of the report 7 on barges.",
    ]
    assert index.check() == []


def test_equal_texts_are_embedded_once_whatever_their_documents(index: Index, folder: Path) -> None:
    for number in range(20, 25):
        (folder / f"{number}.txt").write_text(
            "Copied to all, said the notice. It was signed.\n\nSigned: Ost."
        )
    embedded: list[str] = []
    assert len(run(index, folder, embed=counting(embedded)).added) == 25
    assert len(embedded) == len(set(embedded))
    with index.catalog.read() as snapshot:
        held = snapshot.sentences((f"{number}.txt", 1) for number in range(20, 25))
        [vectors] = {tuple(vector.tobytes() for vector in spans.values()) for spans in held.values()}
    assert len(vectors) == 2
    assert index.check() == []


def test_the_sentences_of_a_paragraph_stay_with_it_when_it_moves(index: Index, folder: Path) -> None:
    text = "The ferry sank at noon. Nobody was hurt, said the harbour master. He was wet."
    (folder / "a.txt").write_text(f"Ferry\n\n{text}\n\nIt was raised.")
    run(index, folder)
    with index.catalog.read() as snapshot:
        before = snapshot.sentences([("a.txt", 2)])["a.txt", 2]
    (folder / "a.txt").write_text(f"Ferry\n\nNews came in.\n\n{text}\n\nIt was raised.")
    embedded: list[str] = []
    run(index, folder, embed=counting(embedded))
    with index.catalog.read() as snapshot:
        after = snapshot.sentences([("a.txt", 3)])["a.txt", 3]
    assert [text[start:end] for start, end in after] == [text[start:end] for start, end in before]
    assert len(after) == 3
    assert [row.tolist() for row in after.values()] == [row.tolist() for row in before.values()]
    assert len(embedded) == 1


def test_another_fingerprint_embeds_all_anew(index: Index, folder: Path) -> None:
    run(index, folder)
    report = run(index, folder, fingerprint="two", embed=turned)
    assert len(report.updated) == 20
    with index.catalog.read() as snapshot:
        [(identifier, stored)] = snapshot.sample(1).items()
        text = snapshot.chunks([identifier])[identifier].embedded
    assert np.allclose(stored, -embed([text])[0])
    assert index.check() == []


def test_a_file_that_cannot_be_read_fails_alone_and_its_last_version_stays(
    index: Index, folder: Path
) -> None:
    run(index, folder)
    (folder / "03.txt").write_bytes(b"")
    (folder / "new.txt").write_text("A new paragraph.")
    report = run(index, folder)
    assert [source for source, _ in report.failed] == ["03.txt"]
    assert report.added == ("new.txt",)
    assert paragraphs(index, "03.txt")[0] == "Report 3"


def test_pruning_leaves_nothing_of_a_removed_file(index: Index, folder: Path) -> None:
    (folder / "gone.txt").write_text("The zeppelin moored at noon.")
    run(index, folder)
    [gone] = ids(index, "gone.txt")
    (folder / "gone.txt").unlink()
    assert run(index, folder).removed == ()
    assert run(index, folder, prune=True).removed == ("gone.txt",)
    with index.catalog.read() as snapshot:
        assert snapshot.document("gone.txt") is None
        assert snapshot.all_paragraphs("gone.txt") == []
        assert snapshot.search("zeppelin", 5) == []
        assert snapshot.document_frequency(["zeppelin"]) == {"zeppelin": 0}
        assert snapshot.chunks([gone]) == {}
    assert gone not in index.vectors.ids()
    assert index.vectors.query(embed(["zeppelin"])[0].tolist(), 5, ["gone.txt"]) == []
    assert index.check() == []


def test_removing_names_what_was_held(index: Index, folder: Path) -> None:
    run(index, folder)
    assert remove(index, ["01.txt", "nowhere.txt", "01.txt"]) == ("01.txt",)
    assert len(sources(index)) == 19
    assert index.check() == []


@pytest.mark.parametrize("state", ["missing", "empty"])
def test_an_unmounted_disk_empties_no_index(index: Index, folder: Path, state: str) -> None:
    run(index, folder)
    shutil.rmtree(folder)
    if state == "empty":
        folder.mkdir()
    report = run(index, folder, prune=True)
    assert report.removed == ()
    assert len(sources(index)) == 20
    [(name, reason)] = report.failed
    assert name == str(folder)
    assert state in reason
    assert "pilcrow remove" in reason


def test_a_missing_path_stops_before_anything_is_touched(index: Index, folder: Path) -> None:
    with pytest.raises(LoadError, match=r"nowhere.*check the path"):
        run(index, folder, folder / "nowhere")
    assert sources(index) == []


def test_a_moved_folder_is_known_again(index: Index, folder: Path, tmp_path: Path) -> None:
    run(index, folder)
    moved = folder.rename(tmp_path / "elsewhere")
    (moved / "05.txt").write_text("All of it is new.")
    report = run(index, moved, prune=True)
    assert (report.added, report.updated, len(report.unchanged)) == ((), ("05.txt",), 19)
    assert len(sources(index)) == 20
    (moved / "06.txt").unlink()
    assert run(index, moved, prune=True).removed == ("06.txt",)
    assert index.check() == []


def test_equal_names_in_two_folders_are_two_documents(index: Index, tmp_path: Path) -> None:
    for parent in ("a", "b", "c/b"):
        (tmp_path / parent).mkdir(parents=True)
        (tmp_path / parent / "notes.txt").write_text(f"Notes of {parent}.")
    run(index, tmp_path / "a", tmp_path / "b", tmp_path / "c" / "b")
    assert sources(index) == ["b/notes.txt", "c/b/notes.txt", "notes.txt"]
    report = run(index, tmp_path / "b", tmp_path / "a")
    assert report.unchanged == ("b/notes.txt", "notes.txt")
    assert paragraphs(index, "c/b/notes.txt") == ["Notes of c/b."]


def test_a_file_keeps_its_source_however_it_is_given(index: Index, tmp_path: Path) -> None:
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "docs" / "deep" / "note.txt").write_text("One.")
    run(index, tmp_path / "docs")
    (tmp_path / "docs" / "deep" / "note.txt").write_text("Two.")
    assert run(index, tmp_path / "docs" / "deep" / "note.txt").updated == ("deep/note.txt",)
    assert run(index, tmp_path / "docs" / "deep", tmp_path / "docs").unchanged == ("deep/note.txt",)
    assert sources(index) == ["deep/note.txt"]


def test_a_folder_is_read_without_hidden_files_and_links_that_leave_it(index: Index, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    (docs / ".git").mkdir(parents=True)
    (docs / ".git" / "x.txt").write_text("Hidden.")
    (docs / ".hidden.txt").write_text("Hidden.")
    (docs / "picture.xyz").write_text("Not a document.")
    (docs / "b.txt").write_text("Shown.")
    (tmp_path / "secret.txt").write_text("Outside.")
    (docs / "link.txt").symlink_to(tmp_path / "secret.txt")
    (docs / "a.txt").symlink_to(docs / "b.txt")
    (docs / "loop").symlink_to(docs)
    (docs / "broken.txt").symlink_to(docs / "nothing.txt")
    (docs / os.fsdecode(b"bad\xff.txt")).write_text("Its name is no text.")
    report = run(index, docs, docs / "picture.xyz")
    assert report.added == ("b.txt",)
    assert dict(report.failed).keys() == {"link.txt", "broken.txt", "bad\\udcff.txt", "picture.xyz"}
    assert "leaves the folder" in dict(report.failed)["link.txt"]
    assert "no loader for .xyz" in dict(report.failed)["picture.xyz"]


def test_progress_names_each_file_once_it_is_committed(index: Index, folder: Path) -> None:
    heard: list[tuple[str, float, int]] = []

    def hear(source: str, done: float, total: int) -> None:
        assert source in sources(index)
        heard.append((source, done, total))

    run(index, folder, progress=hear)
    assert heard == [(f"{number:02}.txt", number + 1, 20) for number in range(20)]


def test_progress_moves_within_a_long_document(index: Index, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "long.txt").write_text("\n\n".join(f"Item {item}." for item in range(1300)))
    heard: list[float] = []
    run(index, tmp_path / "docs", progress=lambda _source, done, _total: heard.append(done))
    assert heard == sorted(heard)
    assert [done for done in heard if 0 < done < 1]
    assert heard[-1] == 1


def stop(number: int) -> Callable[[str, float, int], None]:
    return lambda _source, done, _total: os.kill(os.getpid(), number) if done == 1 else None


@pytest.mark.parametrize(
    ("number", "effect"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_ends_the_ingestion_between_documents(
    index: Index, tmp_path: Path, number: int, effect: type[BaseException]
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for name in "abc":  # each is large enough to be committed by itself
        (docs / f"{name}.txt").write_text("\n\n".join(f"Item {item} of {name}." for item in range(300)))
    before = signal.getsignal(number)
    with pytest.raises(effect):
        run(index, docs, progress=stop(number))
    assert signal.getsignal(number) is before
    assert sources(index) == ["a.txt"]
    assert index.check() == []
    assert run(index, docs).added == ("b.txt", "c.txt")


def test_many_threads_ask_while_one_ingests(index: Index, folder: Path) -> None:
    run(index, folder)
    ended = threading.Event()
    errors: list[BaseException] = []

    def ask(number: int) -> None:
        try:
            while not ended.is_set():
                vector = embed([f"Line 1 of the report {number} on barges."])[0].tolist()
                hits = index.vectors.query(vector, 10)
                with index.catalog.read() as snapshot:
                    found = [i for i, _ in [*hits, *snapshot.search("barges", 10)]]
                    live = snapshot.chunks(found)
                    shown = snapshot.paragraphs((each.source, each.paragraph) for each in live.values())
                    for each in live.values():
                        assert each.text in shown[each.source, each.paragraph].text
        except BaseException as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for turn in range(6):
        for number in range(0, 20, 3):
            text = (folder / f"{number:02}.txt").read_text()
            (folder / f"{number:02}.txt").write_text(f"Turn {turn}.\n\n{text}")
        run(index, folder)
    ended.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert index.check() == []


def test_a_namesake_does_not_replace_a_document_whose_disk_is_away(tmp_path: Path) -> None:
    for folder, text in (("one", "The red car belongs to Hilda."), ("two", "The blue boat belongs to Otto.")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "n.txt").write_text(text)
    index = Index.open(tmp_path / "index", "hash", DIMENSION)
    ingest(index, [tmp_path / "one"], embed_parts, count_words, 64, "one")
    (tmp_path / "one").rename(tmp_path / "away")
    report = ingest(index, [tmp_path / "two"], embed_parts, count_words, 64, "one")
    with index.catalog.read() as snapshot:
        held = [document.source for document in snapshot.documents()]
    index.close()
    assert report.added == ("two/n.txt",)
    assert held == ["n.txt", "two/n.txt"]


def test_a_path_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"byt\xe9s.txt")
    path.write_text("A sentence of some length.")
    index = Index.open(tmp_path / "index", "hash", DIMENSION)
    report = ingest(index, [path], embed_parts, count_words, 64, "one")
    index.close()
    [(_, reason)] = report.failed
    assert "not valid UTF-8; rename it" in reason


@pytest.mark.skipif(sys.platform != "linux", reason="needs inotify")
@pytest.mark.parametrize("text", ["Report 7, unchanged.", "Report 7, edited."])
def test_file_is_opened_once_by_all_processes_together(index: Index, tmp_path: Path, text: str) -> None:
    (tmp_path / "docs").mkdir()
    file = tmp_path / "docs" / "a.txt"
    file.write_text("Report 7, unchanged.")
    run(index, tmp_path / "docs")
    file.write_text(text)
    libc = ctypes.CDLL(None)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    opened, closed = 0x20, 0x10  # IN_OPEN, IN_CLOSE_NOWRITE; both, as the kernel merges equal neighbours
    libc.inotify_add_watch(watch, os.fsencode(file), opened | closed)
    run(index, tmp_path / "docs")
    masks = [mask for _, mask, _, _ in struct.iter_unpack("iIII", os.read(watch, 4096))]
    os.close(watch)
    assert masks == [opened, closed]
