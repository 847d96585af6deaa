"""Ingestion on a Ray cluster of two nodes: the index is the one that a plain ingestion makes."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
from shared_names import ROOT

from rag import Assistant, Settings
from rag.index.catalog import Origin, Snapshot
from rag.index.stores import Stores
from rag.ingestion.comparing import Changed, Failed
from rag.ingestion.embedding import stored_sentences
from rag.ingestion.node import Job, LoadAndEmbed, Problem, Target, packed, unpacked
from rag.ingestion.reading import Keys
from rag.loaders.limits import DEFAULT
from rag.models.embedder import LIMITS, fingerprint
from rag.models.local import BUILT_IN

pytest.importorskip("ray")

KILLS = 3  # of the ingesting process, in one ingestion
SECONDS = 300  # to wait for a process
TARGET = Target(BUILT_IN, fingerprint(BUILT_IN, None), LIMITS[BUILT_IN])
QUICK = {"health_check_period_ms": 1000}  # so that a node that was removed is soon known to be dead


class Nodes:
    """A cluster of two nodes with one processor each, on the loopback address; the second can be removed."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        head = {"include_dashboard": False, "_system_config": QUICK, **self._size}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self._second: Any = None
        self.address = self._cluster.address
        self.complete()

    @property
    def _size(self) -> dict[str, Any]:
        return {"num_cpus": 1, "object_store_memory": 80 << 20, "node_ip_address": "127.0.0.1"}

    def complete(self) -> None:
        """Add the second node if it was removed."""
        if self._second is None:
            self._second = self._cluster.add_node(**self._size)

    def remove_second(self) -> None:
        self._cluster.remove_node(self._second, allow_graceful=False)
        self._second = None

    def close(self) -> None:
        self._cluster.shutdown()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Nodes]:
    nodes = Nodes()
    yield nodes
    nodes.close()


@pytest.fixture
def nodes(cluster: Nodes) -> Nodes:
    cluster.complete()
    return cluster


def write_corpus(folder: Path, files: int = 24, paragraphs: int = 6) -> Path:
    """Files of different texts below a folder."""
    (folder / "letters").mkdir(parents=True)
    for number in range(files):
        text = "\n\n".join(
            f"Paragraph {at} of letter {number} tells that ship {number * 37 + at} left the harbour of "
            f"town {(number * 7 + at) % 23} with {at + 3} crates of tea. Its captain was {number + 20}."
            for at in range(paragraphs)
        )
        (folder / "letters" / f"letter-{number:03}.txt").write_text(f"Letter {number}\n\n{text}\n", "utf-8")
    return folder


def start(*arguments: str | Path, stores: Stores | None = None) -> subprocess.Popen[str]:
    """Run the command in a process group of its own, as a terminal does."""
    servers = stores and {"PILCROW_CATALOG_URL": stores.catalog_url, "PILCROW_CHROMA_URL": stores.chroma_url}
    return subprocess.Popen(
        [sys.executable, "-m", "ui", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **(servers or {})},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=SECONDS)
    return process.returncode, out, err


def ingest(*arguments: str | Path) -> tuple[int, str, str]:
    return finish(start("ingest", *arguments))


def counts(out: str) -> str:
    """The report without its seconds."""
    return re.sub(r" in [\d.]+ s", "", out).strip()


def committed(index: Path) -> int:
    """How many documents another process has committed."""
    if not (file := index / "catalog.sqlite3").exists():
        return 0
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'document'").fetchone():
            return int(db.execute("SELECT count(*) FROM document").fetchone()[0])
    return 0


def wait_for(index: Path, documents: int, process: subprocess.Popen[str]) -> None:
    """Wait until so many documents are committed, by a process that goes on."""
    while committed(index) < documents:
        assert process.poll() is None, process.communicate()
        sleep(0.02)


def contents(snapshot: Snapshot) -> tuple[dict[str, object], dict[tuple[str, object], np.ndarray]]:
    """All that an index holds of each document, and all vectors."""
    texts: dict[str, object] = {}
    vectors: dict[tuple[str, object], np.ndarray] = {}
    for origin in snapshot.origins():
        source, ids = origin.source, snapshot.chunk_ids([origin.source])
        place = origin.path, origin.root, origin.sha256, origin.fingerprint, origin.left_out
        texts[source] = place, snapshot.all_paragraphs(source), snapshot.chunks(ids)
        vectors |= {(source, key): vector for key, vector in snapshot.vectors(ids).items()}
        vectors |= {(source, key): vector for key, vector in snapshot.windows_of(source).items()}
        for place_, found in stored_sentences(source, snapshot).items():
            vectors |= {(source, (place_, span)): vector for span, vector in found.items()}
    return texts, vectors


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def assert_same(one: Path, other: Path, question: str = "", stores: Stores | None = None) -> None:
    """Check that two indexes hold the same, answer the same, and are well; the other one in `stores`."""
    found = []
    servers = {"catalog_url": stores.catalog_url, "chroma_url": stores.chroma_url} if stores else {}
    for folder, settings in ((one, Settings()), (other, Settings(**servers))):
        with Assistant.open(folder, settings) as assistant:
            assert assistant.check() == []
            with assistant._index.catalog.read() as snapshot:
                answer = assistant.ask(question) if question else None
                found.append((*contents(snapshot), answer and (answer.text, answer.citations)))
    (texts, vectors, answer), (texts_too, vectors_too, answer_too) = found
    assert texts == texts_too
    assert vectors.keys() == vectors_too.keys()
    for key, vector in vectors.items():
        # Made in bfloat16, and kept in 8 bits for sentences: they depend a little on their batch.
        assert cosine(vector, vectors_too[key]) > 1 - 1e-3, key
    assert answer == answer_too


@pytest.mark.long
def test_a_cluster_makes_the_index_that_one_machine_makes(nodes: Nodes, tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "folder")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and nothing else")
    plain, spread = tmp_path / "plain", tmp_path / "spread"
    expected = ingest(folder, "--index", plain)
    code, out, err = ingest(folder, "--index", spread, "--ray", nodes.address)
    assert (code, counts(out), err) == (expected[0], counts(expected[1]), expected[2])
    assert "24 added, 1 failed" in out
    assert "broken.pdf" in err
    assert_same(plain, spread, "Which ship left with 5 crates in letter 7?")

    # A changed document, a renamed one and a copy share the vectors that are there.
    letters = folder / "letters"
    text = (letters / "letter-003.txt").read_text("utf-8")
    (letters / "letter-003.txt").write_text(text.replace("Paragraph 5 ", "Section 5 "), "utf-8")
    (letters / "letter-004.txt").rename(letters / "renamed.txt")
    (letters / "copy.txt").write_bytes((letters / "letter-006.txt").read_bytes())
    (folder / "broken.pdf").unlink()
    expected = ingest(folder, "--prune", "--index", plain)
    code, out, err = ingest(folder, "--prune", "--index", spread, "--ray", nodes.address)
    assert (code, counts(out), err) == (expected[0], counts(expected[1]), expected[2])
    assert "1 added, 1 updated, 1 renamed, 22 unchanged" in out
    assert_same(plain, spread)

    # Nothing is new: no cluster is needed, not even one that answers.
    code, out, err = ingest(folder, "--index", spread, "--ray", "127.0.0.1:1")
    assert (code, counts(out), err) == (0, "25 unchanged; 0 paragraphs written", "")


@pytest.mark.long
def test_a_node_that_dies_costs_only_its_batch(nodes: Nodes, tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "folder", 48)
    plain, spread = tmp_path / "plain", tmp_path / "spread"
    process = start("ingest", folder, "--index", spread, "--ray", nodes.address)
    wait_for(spread, 1, process)
    nodes.remove_second()
    assert 0 < committed(spread) < 48, "the node was removed too late"
    code, out, err = finish(process)
    assert (code, err) == (0, "")
    assert counts(out) == "48 added; 336 paragraphs written"
    ingest(folder, "--index", plain)
    assert_same(plain, spread)


@pytest.mark.long
def test_what_is_committed_stays_when_the_ingestion_is_stopped_or_killed(
    nodes: Nodes, tmp_path: Path
) -> None:
    folder = write_corpus(tmp_path / "folder", 16 * (KILLS + 2), paragraphs=3)
    plain, spread = tmp_path / "plain", tmp_path / "spread"
    arguments = ("ingest", folder, "--index", spread, "--ray", nodes.address)
    process = start(*arguments)
    wait_for(spread, 1, process)
    os.killpg(process.pid, signal.SIGINT)
    code, _, err = finish(process)
    assert (code, "files are done and stay" in err) == (130, True), err
    for _ in range(KILLS):
        before = committed(spread)
        process = start(*arguments)
        wait_for(spread, before + 1, process)
        process.kill()
        process.communicate()
        assert committed(spread) >= before > 0
    before = committed(spread)
    code, out, err = finish(start(*arguments))
    assert (code, err) == (0, "")
    assert f"{before} unchanged" in out
    ingest(folder, "--index", plain)
    assert_same(plain, spread)


@pytest.mark.long
def test_nodes_write_to_shared_stores_themselves(nodes: Nodes, shared_stores: Stores, tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "folder", 36)
    plain, spread = tmp_path / "plain", tmp_path / "spread"
    process = start("ingest", folder, "--index", spread, "--ray", nodes.address, stores=shared_stores)
    with closing(shared_stores.open_catalog(spread)) as catalog:
        documents = 0
        while process.poll() is None and not documents:
            with catalog.read() as snapshot:
                documents = len(snapshot.origins())
            sleep(0.05)
        nodes.remove_second()
    assert 0 < documents < 36, "the node was removed too late"
    code, out, err = finish(process)
    assert (code, err) == (0, "")
    # What the lost node had committed, and could not tell, is unchanged when it is done again.
    assert sum(map(int, re.findall(r"(\d+) (?:added|unchanged)", out))) == 36
    ingest(folder, "--index", plain)
    assert_same(plain, spread, "Which ship left with 5 crates in letter 7?", shared_stores)


def test_a_file_that_a_node_lacks_is_named_with_the_node(tmp_path: Path) -> None:
    import platform

    here = tmp_path / "here.txt"
    here.write_text("The harbour opens at six.", "utf-8")
    origins = [
        Origin(name, str(tmp_path / name), str(tmp_path), "", TARGET.fingerprint)
        for name in ("a.txt", "here.txt")
    ]
    jobs = [Job(Changed(origin, None, None, None, None, None), Keys()) for origin in origins]
    (batch,) = unpacked(LoadAndEmbed(TARGET, DEFAULT)(packed([jobs])))
    missing, loaded = batch.files
    assert isinstance(missing, Failed)
    assert missing.reason.startswith(f"is not on the node {platform.node()}; ")
    assert loaded.document.paragraphs[0].text == "The harbour opens at six."
    assert len(batch.vectors) == 1


def test_a_node_with_another_embedder_stops_the_ingestion(tmp_path: Path) -> None:
    here = tmp_path / "here.txt"
    here.write_text("The harbour opens at six.", "utf-8")
    target = Target(BUILT_IN, "another", LIMITS[BUILT_IN])
    job = Job(
        Changed(Origin("here.txt", str(here), str(tmp_path), "", "another"), None, None, None, None, None),
        Keys(),
    )
    (problem,) = unpacked(LoadAndEmbed(target, DEFAULT)(packed([[job]])))
    assert isinstance(problem, Problem)
    assert "Install the same model" in problem.message


def test_a_missing_cluster_and_a_missing_ray_are_said(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "folder", 1)
    code, out, err = ingest(folder, "--index", tmp_path / "index", "--ray", "127.0.0.1:1")
    assert (code, out) == (1, "")
    assert err.startswith("pilcrow: No Ray cluster answers at 127.0.0.1:1 (")
    code, out, err = ingest(folder, "--index", tmp_path / "index", "--ray", "ray://127.0.0.1:10001")
    assert (code, out) == (1, "")
    assert err.startswith(
        "pilcrow: Ray Data can't be used through ray://127.0.0.1:10001. Run the command on "
    )
    without = "import sys; sys.modules['ray'] = None; from ui.cli import main; main()"
    command = [
        sys.executable,
        "-c",
        without,
        "ingest",
        folder,
        "--index",
        tmp_path / "index",
        "--ray",
        "local",
    ]
    found = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == 'pilcrow: Ray is not installed. Run `pip install "pilcrow[scale]"`.\n'
