"""An index is embedded again for another embedder: from its paragraphs, resumably, all or nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import chromadb
import pytest
from chroma_server import chroma_server
from shared_names import ROOT, Run

from rag import Assistant, Settings
from rag.errors import EmbedderMismatch, ModelError, StoreError
from rag.index.sqlite_adopting import adopt
from rag.index.stores import CATALOG
from rag.ingestion.reembedding import FOLDER
from rag.models.local import check_weights
from rag.reembedding import reembed

LONG = 260  # paragraphs: more than are committed at once
QUESTION = "How deep is harbour 2 at pier 7?"


def save(folder: Path, size: int) -> str:
    """Save an embedder of one small layer with random weights."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(0)
    tokenizer = BertTokenizerFast.from_pretrained(check_weights().parent)
    shape = {"hidden_size": size, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(**shape, vocab_size=len(tokenizer))).save_pretrained(folder / "bare")
    tokenizer.save_pretrained(folder / "bare")
    modules = [Transformer(str(folder / "bare"), max_seq_length=size), Pooling(size)]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    return str(folder)


@pytest.fixture(scope="module")
def embedders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Two embedders, of other dimensions and limits."""
    folder = tmp_path_factory.mktemp("embedders")
    return save(folder / "old", 16), save(folder / "new", 32)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(3):
        lines = [f"Harbour {number} is {pier} fathoms deep at pier {pier}." for pier in range(LONG)]
        (folder / f"harbour{number}.txt").write_text("\n\n".join(lines), "utf-8")
    return folder


@pytest.fixture
def old(tmp_path: Path, docs: Path, embedders: tuple[str, str]) -> Settings:
    """Settings with the first embedder, with which the documents were ingested."""
    settings = Settings(index=tmp_path / "index", embedder=embedders[0])
    with Assistant.open(settings=settings) as assistant:
        assert len(assistant.ingest(docs).added) == 3
    return settings


@pytest.fixture
def new(old: Settings, embedders: tuple[str, str]) -> Settings:
    return old.model_copy(update={"embedder": embedders[1]})


def found(settings: Settings) -> list[str]:
    with Assistant.open(settings=settings) as assistant:
        assert assistant.check() == []
        assert len(assistant.documents()) == 3
        return [item.text for item in assistant.search(QUESTION)]


def test_index_is_embedded_again_without_its_files(old: Settings, new: Settings, docs: Path) -> None:
    with pytest.raises(EmbedderMismatch, match="pilcrow ingest --reembed"):
        Assistant.open(settings=new)
    with Assistant.open(settings=old) as assistant:
        before = assistant.paragraphs("harbour1.txt", 1, LONG), assistant.documents()
    moved = docs.rename(docs.with_name("elsewhere"))
    assert reembed(new).documents == 3
    moved.rename(docs)
    assert "Harbour 2 is 7 fathoms deep at pier 7." in found(new)
    with pytest.raises(EmbedderMismatch):
        Assistant.open(settings=old)
    with Assistant.open(settings=new) as assistant:
        assert (assistant.paragraphs("harbour1.txt", 1, LONG), assistant.documents()) == before
        assert len(assistant.ingest(docs).unchanged) == 3
    assert not (new.index / FOLDER).exists()
    assert reembed(new).documents == 0


def test_stopped_run_goes_on_and_the_old_vectors_answer_until_then(old: Settings, new: Settings) -> None:
    stop, seen = Event(), []
    assert not reembed(new, lambda source, *_: (seen.append(source), stop.set()), stop).complete
    assert "Harbour 2 is 7 fathoms deep at pier 7." in found(old)
    rest = reembed(new, lambda source, *_: seen.append(source))
    assert rest.complete
    assert rest.documents == 3 - len(set(seen[:1]))
    assert "Harbour 2 is 7 fathoms deep at pier 7." in found(new)


@pytest.mark.long
def test_killed_run_goes_on(old: Settings, new: Settings) -> None:
    code = (
        "import os, sys; from pathlib import Path; from rag import Settings\n"
        "from rag.reembedding import reembed\n"
        "reembed(Settings(index=Path(sys.argv[1]), embedder=sys.argv[2]), "
        "lambda source, done, total: done >= 1 and os.kill(os.getpid(), 9))"
    )
    command = [sys.executable, "-c", code, str(new.index), new.embedder]
    assert subprocess.run(command, check=False, cwd=ROOT, capture_output=True).returncode == -9
    assert "Harbour 2 is 7 fathoms deep at pier 7." in found(old)
    assert reembed(new).documents < 3
    assert "Harbour 2 is 7 fathoms deep at pier 7." in found(new)


def test_another_process_answers_meanwhile_and_may_change_documents(
    old: Settings, new: Settings, docs: Path
) -> None:
    with Assistant.open(settings=old) as assistant:
        with pytest.raises(StoreError, match=r"All documents are embedded .* in use .* only switches"):
            reembed(new)
        assert "Harbour 2 is 7 fathoms deep at pier 7." in [item.text for item in assistant.search(QUESTION)]
        (docs / "harbour1.txt").write_text("Harbour 1 was filled with sand in 1911.\n", "utf-8")
        (docs / "harbour0.txt").unlink()
        (docs / "harbour3.txt").write_text("Harbour 3 has a lighthouse.\n", "utf-8")
        assistant.ingest(docs, prune=True)
        with closing(sqlite3.connect(new.index / FOLDER / CATALOG)) as beside:  # no trace of the removed
            assert beside.execute("SELECT source FROM document").fetchall() == [("harbour2.txt",)]
    assert reembed(new).documents == 2
    found(new)
    with Assistant.open(settings=new) as assistant:
        assert len(assistant.ingest(docs).unchanged) == 3
        assert "sand" in assistant.search("What was harbour 1 filled with?")[0].text


def test_kill_after_the_switch_is_repaired_on_opening(old: Settings, new: Settings) -> None:
    with Assistant.open(settings=old), pytest.raises(StoreError):
        reembed(new)
    adopt(old.index / CATALOG, old.index / FOLDER / CATALOG)  # killed before the vectors are in Chroma
    assert "Harbour 2 is 7 fathoms deep at pier 7." in found(new)
    assert reembed(new).complete
    assert not (new.index / FOLDER).exists()


def test_other_embedder_starts_anew(old: Settings, new: Settings, tmp_path: Path) -> None:
    with Assistant.open(settings=old), pytest.raises(StoreError):
        reembed(new)
    third = old.model_copy(update={"embedder": save(tmp_path / "third", 64)})
    assert reembed(third).documents == 3
    found(third)


def test_command_embeds_again_and_needs_no_path(
    old: Settings, new: Settings, docs: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILCROW_EMBEDDER", new.embedder)
    code, printed, _ = run("ingest", "--reembed", "--index", new.index)
    assert (code, printed) == (0, f"3 documents embedded again; the index uses {new.embedder}\n")
    code, printed, _ = run("ingest", "--reembed", docs, "--index", new.index)
    assert code == 0
    assert "unchanged" in printed
    assert run("ingest", "--index", new.index)[0] == 2


def test_missing_index_or_embedder_is_an_error(old: Settings, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no index at .*pilcrow ingest PATH"):
        reembed(old.model_copy(update={"index": tmp_path / "nowhere"}))
    with pytest.raises(ModelError, match="Can't load the embedder 'no/such'"):
        reembed(old.model_copy(update={"embedder": "no/such"}))
    found(old)


@pytest.mark.long
def test_index_on_a_chroma_server_is_embedded_again(
    docs: Path, embedders: tuple[str, str], tmp_path: Path
) -> None:
    with chroma_server(tmp_path / "server") as url:
        old = Settings(index=tmp_path / "shared", embedder=embedders[0], chroma_url=url)
        with Assistant.open(settings=old) as assistant:
            assistant.ingest(docs)
        new = old.model_copy(update={"embedder": embedders[1]})
        assert reembed(new).documents == 3
        assert "Harbour 2 is 7 fathoms deep at pier 7." in found(new)
        server = urlsplit(url)
        client = chromadb.HttpClient(host=str(server.hostname), port=server.port or 0)
        assert len(client.list_collections()) == 1
