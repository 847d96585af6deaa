"""What a user would build instead: plain LlamaIndex over Chroma with its documented defaults."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.metrics import Piece, Place, normalise
from eval.scores import minilm
from eval.scores.reply import Reply
from scripts.bench.asking import Paragraphs

os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")  # Chroma reads it when imported

import chromadb
from llama_index.core import Document, SimpleDirectoryReader, StorageContext, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import NodeWithScore
from llama_index.vector_stores.chroma import ChromaVectorStore
from pydantic import PrivateAttr

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

READABLE = {".txt", ".md"}  # SimpleDirectoryReader needs other packages for the rest
SHOWN = 2  # LlamaIndex's default number of nodes
RANKED = 10


class MiniLM(BaseEmbedding):
    """Pilcrow's embedder, run as LlamaIndex's own wrapper for such models runs it."""

    _model: SentenceTransformer = PrivateAttr()

    def __init__(self, **given: Any) -> None:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        super().__init__(**given)
        self._model = SentenceTransformer(str(minilm.folder()), local_files_only=True, device="cpu")

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        vectors = self._model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        return [[float(value) for value in vector] for vector in vectors]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embeddings([query])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


class LlamaIndex:
    """LlamaIndex as a system: the two nearest nodes are the answer and the citations; it never abstains.

    With `by_paragraph`, each of Pilcrow's paragraphs is a document, with its heading as metadata. Otherwise
    SimpleDirectoryReader reads the files and the default splitter (1,024 tokens) splits them; files that it
    can't read without other packages are Pilcrow's paragraphs, joined.
    """

    abstains = False

    def __init__(self, index: Path, paragraphs: Paragraphs, by_paragraph: bool) -> None:
        self._paragraphs = paragraphs
        self._by_paragraph = by_paragraph
        self._model = MiniLM()
        self._client = chromadb.PersistentClient(str(index))
        self._index: VectorStoreIndex | None = None
        self._halves: dict[str, list[tuple[Place, tuple[str, ...]]]] = defaultdict(list)

    def ingest(self, folder: Path) -> None:
        """Read, split, embed and store the files of the folder."""
        documents = self._each_paragraph() if self._by_paragraph else self._files(folder)
        store = ChromaVectorStore(chroma_collection=self._client.get_or_create_collection("quickstart"))
        context = StorageContext.from_defaults(vector_store=store)
        self._index = VectorStoreIndex.from_documents(
            documents, storage_context=context, embed_model=self._model
        )

    def _each_paragraph(self) -> list[Document]:
        return [
            Document(
                text=paragraph.text,
                metadata={"heading": paragraph.heading, "source": source, "number": number},
                excluded_embed_metadata_keys=["source", "number"],
            )
            for (source, number), paragraph in self._paragraphs.items()
            if paragraph.kind != "heading"
        ]

    def _files(self, folder: Path) -> list[Document]:
        texts: dict[str, list[str]] = defaultdict(list)
        for (source, number), paragraph in self._paragraphs.items():
            if paragraph.kind != "heading":
                flat = normalise(paragraph.text)
                halves = (flat[: len(flat) // 2], flat[len(flat) // 2 :])
                self._halves[source].append(((source, number), halves))
            texts[source].append(paragraph.text)
        readable = [path for path in sorted(folder.rglob("*")) if path.suffix in READABLE]
        documents = SimpleDirectoryReader(input_files=readable).load_data() if readable else []
        for document in documents:
            document.metadata["source"] = Path(document.metadata["file_path"]).relative_to(folder).as_posix()
            document.excluded_embed_metadata_keys.append("source")
        others = {source for source in texts if Path(source).suffix not in READABLE}
        return documents + [
            Document(text="\n\n".join(texts[source]), metadata={"source": source, "file_path": source})
            for source in sorted(others)
        ]

    def ask(self, question: str) -> Reply:
        """Return the nearest nodes' text, and the paragraphs that each contains."""
        nodes = self.retrieve(question, RANKED)
        texts = [node.get_content() for node in nodes[:SHOWN]]
        ranked = tuple(self._piece(node) for node in nodes)
        return Reply(True, "\n\n".join(texts), texts[0] if texts else "", ranked, ranked[:SHOWN])

    def retrieve(self, question: str, count: int) -> list[NodeWithScore]:
        """Return the nearest nodes."""
        if self._index is None:
            raise RuntimeError("Call ingest first.")
        return self._index.as_retriever(similarity_top_k=count).retrieve(question)

    def _piece(self, node: NodeWithScore) -> Piece:
        source = node.metadata["source"]
        if self._by_paragraph:
            return frozenset({(source, node.metadata["number"])})
        text, paragraphs = normalise(node.get_content()), self._halves[source]
        return frozenset(place for place, halves in paragraphs if any(half in text for half in halves))

    def close(self) -> None:
        """Do nothing: Chroma's folder is in the scratch folder."""
