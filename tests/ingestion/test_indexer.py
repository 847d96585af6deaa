"""Files are ingested whole or not at all, and only what changed is read and embedded again."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hash_embedder import DIMENSION, count_words, embed, embed_parts

from rag.errors import LoadError
from rag.index.folder import Index
from rag.ingestion.embedding import EmbedSpans
from rag.ingestion.indexer import ingest
from rag.ingestion.report import IngestReport
from rag.types import Span, Vector


def run(index: Index, *paths: Path, **options: Any) -> IngestReport:
    given: dict[str, Any] = {
        "embed": embed_parts,
        "count_tokens": count_words,
        "token_limit": 64,
        "fingerprint": "one",
    }
    return ingest(index, paths, **given | options)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with closing(Index.open(tmp_path / "index", "hash", DIMENSION)) as opened:
        yield opened


def recording(embedded: list[str]) -> EmbedSpans:
    """An embedder that records the texts it gets."""

    def embed_and_record(
        texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vector, Sequence[Vector]]:
        embedded.extend(texts)
        return embed_parts(texts, spans)

    return embed_and_record


def other_model(texts: Sequence[str], spans: Sequence[Sequence[Span]]) -> tuple[Vector, Sequence[Vector]]:
    wholes, parts = embed_parts(texts, spans)
    return -wholes, [-each for each in parts]


def write(texts: dict[Path, str]) -> None:
    for file, text in texts.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(20):
        lines = [f"Report {number}", *(f"Line {line} of the report {number} on barges." for line in range(5))]
        write({tmp_path / "docs" / f"{number:02}.txt": "\n\n".join(lines)})
    return tmp_path / "docs"


def sources(index: Index) -> list[str]:
    with index.catalog.read() as snapshot:
        return [document.source for document in snapshot.documents()]


def paragraphs(index: Index, source: str) -> list[str]:
    with index.catalog.read() as snapshot:
        return [paragraph.text for paragraph in snapshot.all_paragraphs(source)]


def test_text_repeated_across_documents_is_embedded_once(index: Index, folder: Path) -> None:
    copies = [f"{number}.txt" for number in range(20, 25)]
    text = "Copied to all, said the notice. It was signed.\n\nSigned: Ost."
    write({folder / name: text for name in copies})
    embedded: list[str] = []
    assert len(run(index, folder, embed=recording(embedded)).added) == 25
    assert len(embedded) == len(set(embedded))
    with index.catalog.read() as snapshot:
        stored = snapshot.sentences((name, 1) for name in copies)
        [vectors] = {tuple(vector.tobytes() for vector in spans.values()) for spans in stored.values()}
    assert len(vectors) == 2
    assert index.check() == []


def test_moved_paragraph_keeps_its_sentence_vectors(index: Index, folder: Path) -> None:
    text = "The ferry sank at noon. Nobody was hurt, said the harbour master. He was wet."
    write({folder / "a.txt": f"Ferry\n\n{text}\n\nIt was raised."})
    run(index, folder)
    with index.catalog.read() as snapshot:
        before = snapshot.sentences([("a.txt", 2)])["a.txt", 2]
    write({folder / "a.txt": f"Ferry\n\nNews came in.\n\n{text}\n\nIt was raised."})
    embedded: list[str] = []
    run(index, folder, embed=recording(embedded))
    with index.catalog.read() as snapshot:
        after = snapshot.sentences([("a.txt", 3)])["a.txt", 3]
    assert [text[start:end] for start, end in after] == [text[start:end] for start, end in before]
    assert len(after) == 3
    assert [row.tolist() for row in after.values()] == [row.tolist() for row in before.values()]
    assert [each.count("News came in.") for each in embedded] == [1, 1]  # the paragraph and its window


def test_other_fingerprint_embeds_everything_again(index: Index, folder: Path) -> None:
    run(index, folder)
    report = run(index, folder, fingerprint="two", embed=other_model)
    assert len(report.updated) == 20
    with index.catalog.read() as snapshot:
        [(identifier, stored)] = snapshot.sample(1).items()
        text = snapshot.chunks([identifier])[identifier].embedded
    assert np.allclose(stored, -embed([text])[0], atol=1e-3)
    assert index.check() == []


@pytest.mark.parametrize("state", ["missing", "empty"])
def test_unmounted_disk_does_not_empty_the_index(index: Index, folder: Path, state: str) -> None:
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


def test_missing_path_stops_before_anything_is_read(index: Index, folder: Path) -> None:
    with pytest.raises(LoadError, match=r"nowhere.*check the path"):
        run(index, folder, folder / "nowhere")
    assert sources(index) == []


def test_moved_folder_is_recognised(index: Index, folder: Path, tmp_path: Path) -> None:
    run(index, folder)
    moved = folder.rename(tmp_path / "elsewhere")
    write({moved / "05.txt": "All of it is new."})
    report = run(index, moved, prune=True)
    assert (report.added, report.updated, len(report.unchanged)) == ((), ("05.txt",), 19)
    assert len(sources(index)) == 20
    (moved / "06.txt").unlink()
    assert run(index, moved, prune=True).removed == ("06.txt",)
    assert index.check() == []


def test_equal_names_in_different_folders_are_different_documents(index: Index, tmp_path: Path) -> None:
    a, b, c = folders = [tmp_path / "a", tmp_path / "b", tmp_path / "c" / "b"]
    write({folder / "notes.txt": f"Notes of {folder.relative_to(tmp_path)}." for folder in folders})
    run(index, a, b, c)
    assert sources(index) == ["b/notes.txt", "c/b/notes.txt", "notes.txt"]
    assert run(index, b, a).unchanged == ("b/notes.txt", "notes.txt")
    assert paragraphs(index, "c/b/notes.txt") == ["Notes of c/b."]


def test_name_of_a_deleted_file_goes_to_one_new_file_only(index: Index, tmp_path: Path) -> None:
    one, two, three = (tmp_path / name / "n.txt" for name in ("one", "two", "three"))
    write({one: "Notes of one."})
    run(index, one.parent)
    one.unlink()
    write({two: "Notes of two.", three: "Notes of three."})
    run(index, two.parent, three.parent)
    assert sources(index) == ["n.txt", "three/n.txt"]
    assert paragraphs(index, "n.txt") == ["Notes of two."]


def test_name_of_a_file_on_an_unmounted_disk_stays_taken(index: Index, tmp_path: Path) -> None:
    one, two = tmp_path / "one" / "n.txt", tmp_path / "two" / "n.txt"
    write({one: "The red car belongs to Hilda.", two: "The blue boat belongs to Otto."})
    run(index, one.parent)
    one.parent.rename(tmp_path / "away")
    assert run(index, two.parent).added == ("two/n.txt",)
    assert sources(index) == ["n.txt", "two/n.txt"]


def test_file_keeps_its_source_however_it_is_given(index: Index, tmp_path: Path) -> None:
    docs, note = tmp_path / "docs", tmp_path / "docs" / "deep" / "note.txt"
    write({note: "One."})
    run(index, docs)
    write({note: "Two."})
    assert run(index, note).updated == ("deep/note.txt",)
    assert run(index, note.parent, docs).unchanged == ("deep/note.txt",)
    assert sources(index) == ["deep/note.txt"]


def test_file_is_named_by_its_path_below_a_folder(index: Index, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    note, other = docs / "deep" / "note.txt", tmp_path / "note.txt"
    write({note: "A note of Urk.", other: "A note of Elburg."})
    assert run(index, note, other, below=docs).added == ("deep/note.txt", "note.txt")
    assert run(index, docs).unchanged == ("deep/note.txt",)


def test_formats_that_many_have_say_what_to_save_them_as(index: Index, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    write({docs / name: "Something." for name in ("a.doc", "a.7z", "a.MP3", "a.txt")})
    reasons = dict(run(index, docs).skipped)
    for name, words in (("a.doc", "save it as .docx"), ("a.7z", "unpack it"), ("a.MP3", "add a transcript")):
        assert words in reasons[name]


def test_hidden_files_and_links_out_of_the_folder_are_not_read(index: Index, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    write({docs / ".git" / "x.txt": "Hidden.", docs / ".hidden.txt": "Hidden.", docs / "b.txt": "Shown."})
    write({docs / "picture.xyz": "Not a document.", tmp_path / "secret.txt": "Outside."})
    (docs / "link.txt").symlink_to(tmp_path / "secret.txt")
    (docs / "a.txt").symlink_to(docs / "b.txt")
    (docs / "loop").symlink_to(docs)
    (docs / "broken.txt").symlink_to(docs / "nothing.txt")
    (docs / os.fsdecode(b"bad\xff.txt")).write_text("Its name is no text.")
    report = run(index, docs, docs / "picture.xyz", docs / os.fsdecode(b"bad\xff.txt"))
    assert report.added == ("b.txt",)
    reasons = dict(report.failed)
    assert reasons.keys() == {"link.txt", "broken.txt", "bad\\udcff.txt", "bad?.txt", "picture.xyz"}
    assert "leaves the folder" in reasons["link.txt"]
    assert ".xyz is not supported" in reasons["picture.xyz"]
    assert dict(report.skipped) == {"picture.xyz": reasons["picture.xyz"]}
    assert "not valid UTF-8; rename it" in reasons["bad?.txt"]


def test_progress_names_each_file_once_committed(index: Index, folder: Path) -> None:
    calls: list[tuple[str, float, int]] = []

    def record(source: str, done: float, total: int) -> None:
        assert source in sources(index)
        calls.append((source, done, total))

    run(index, folder, progress=record)
    assert calls == [(f"{number:02}.txt", number + 1, 20) for number in range(20)]


def test_progress_moves_within_a_long_document(index: Index, tmp_path: Path) -> None:
    write({tmp_path / "docs" / "long.txt": "\n\n".join(f"Item {item}." for item in range(1300))})
    shares: list[float] = []
    run(index, tmp_path / "docs", progress=lambda _source, done, _total: shares.append(done))
    assert shares == sorted(shares)
    assert [share for share in shares if 0 < share < 1]
    assert shares[-1] == 1


def stop(number: int) -> Callable[[str, float, int], None]:
    return lambda _source, done, _total: os.kill(os.getpid(), number) if done == 1 else None


@pytest.mark.parametrize(
    ("number", "effect"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_signal_stops_the_ingestion_between_documents(
    index: Index, tmp_path: Path, number: int, effect: type[BaseException]
) -> None:
    docs = tmp_path / "docs"
    for name in "abc":  # each is large enough to be committed by itself
        write({docs / f"{name}.txt": "\n\n".join(f"Item {item} of {name}." for item in range(300))})
    handler = signal.getsignal(number)
    with pytest.raises(effect):
        run(index, docs, progress=stop(number))
    assert signal.getsignal(number) is handler
    assert sources(index) == ["a.txt"]
    assert index.check() == []
    assert run(index, docs).added == ("b.txt", "c.txt")


@pytest.mark.skipif(sys.platform != "linux", reason="needs inotify")
@pytest.mark.parametrize("text", ["Report 7, unchanged.", "Report 7, edited."])
def test_file_is_opened_once_by_all_processes_together(index: Index, tmp_path: Path, text: str) -> None:
    file = tmp_path / "docs" / "a.txt"
    write({file: "Report 7, unchanged."})
    run(index, file.parent)
    write({file: text})
    libc = ctypes.CDLL(None)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    opened, closed = 0x20, 0x10  # IN_OPEN, IN_CLOSE_NOWRITE; both, as the kernel merges equal neighbours
    libc.inotify_add_watch(watch, os.fsencode(file), opened | closed)
    run(index, file.parent)
    masks = [mask for _, mask, _, _ in struct.iter_unpack("iIII", os.read(watch, 4096))]
    os.close(watch)
    assert masks == [opened, closed]
