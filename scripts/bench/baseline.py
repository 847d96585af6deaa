"""What a user would build instead: plain LlamaIndex over Chroma, with its documented defaults."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.judge import minilm
from eval.metrics import Piece, Place, normalise
from eval.scores.reply import Reply
from scripts.bench.asking import Paragraphs

os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")  # of Chroma, which reads it when imported

import chromadb
from llama_index.core import Document, SimpleDirectoryReader, StorageContext, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import NodeWithScore
from llama_index.vector_stores.chroma import ChromaVectorStore
from pydantic import PrivateAttr

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

READABLE = {".txt", ".md"}  # by SimpleDirectoryReader without further packages
SHOWN = 2  # LlamaIndex's own number of nodes a question
RANKED = 10


class MiniLM(BaseEmbedding):
    """The same embedder that Pilcrow embeds with, as LlamaIndex's own wrapper for such models runs it."""

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
    """The text of the two nearest nodes is the answer, each node a citation; it never abstains.

    With `by_paragraph` each of Pilcrow's paragraphs but the headings, which go above them, is a document.
    Else files are read by SimpleDirectoryReader and cut by its default splitter (1,024 tokens); those of
    formats for which it wants further packages are handed to it as Pilcrow's paragraphs, joined.
    """

    abstains = False

    def __init__(self, index: Path, paragraphs: Paragraphs, by_paragraph: bool) -> None:
        self._paragraphs = paragraphs
        self._by_paragraph = by_paragraph
        self._model = MiniLM()
        self._client = chromadb.PersistentClient(str(index))
        self._index: VectorStoreIndex | None = None
        self._held: dict[str, list[tuple[Place, tuple[str, ...]]]] = defaultdict(list)

    def ingest(self, folder: Path) -> None:
        """Reads, splits, embeds and stores the files of the folder."""
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
                self._held[source].append(((source, number), halves))
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
        """The nearest nodes' text, and the paragraphs that each holds."""
        if self._index is None:
            raise RuntimeError("ask after ingest")
        nodes = self._index.as_retriever(similarity_top_k=RANKED).retrieve(question)
        texts = [node.get_content() for node in nodes[:SHOWN]]
        ranked = tuple(self._place(node) for node in nodes)
        return Reply(True, "\n\n".join(texts), texts[0] if texts else "", ranked, ranked[:SHOWN])

    def _place(self, node: NodeWithScore) -> Piece:
        source = node.metadata["source"]
        if self._by_paragraph:
            return frozenset({(source, node.metadata["number"])})
        text = normalise(node.get_content())
        held = self._held[source]
        return frozenset(place for place, halves in held if any(half in text for half in halves))

    def close(self) -> None:
        """Nothing to close: Chroma's folder is the scratch folder's."""
