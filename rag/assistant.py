"""The public API: an open index that ingests documents and answers questions about them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Self

from rag.errors import SettingsError, StoreError
from rag.settings import Settings
from rag.stream import Stream
from rag.text.encoding import encodable
from rag.types import Answer, DocumentInfo, Evidence, IngestReport, Paragraph, Turn

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

    from rag.index.folder import Index
    from rag.index.snapshot import Snapshot
    from rag.llamaindex import PilcrowQueryEngine, PilcrowRetriever
    from rag.models.embedder import Embedder
    from rag.models.reranker import CrossEncoderReranker
    from rag.types import Step

# Chroma and the models' libraries take seconds to import, so each method imports what it needs.


class Assistant:
    """An open index that answers questions. Many threads may ask, also while one ingests."""

    def __init__(
        self, settings: Settings, index: Index, embedder: Embedder | None, llm: LLM | None = None
    ) -> None:
        self.settings = settings
        self._index = index
        self._embedder = embedder
        self._llm = llm
        self._reranker: CrossEncoderReranker | None = None
        self._loading = Lock()

    @classmethod
    def open(
        cls, index: str | Path | None = None, settings: Settings | None = None, llm: LLM | None = None
    ) -> Self:
        """Open the index, or create an empty one, and lock it for this process.

        `index` overrides `settings.index`, and `llm`, any LlamaIndex LLM, overrides `settings.llm`. Without
        `settings`, they are loaded from the environment and pilcrow.toml.
        Raises StoreError, EmbedderMismatch, ModelError or SettingsError.
        """
        from rag.index.folder import Index
        from rag.models.embedder import BUILT_IN_DIMENSION, load_embedder
        from rag.models.local import BUILT_IN

        settings = settings or Settings.load()
        if settings.traces:
            from rag.traces import send_traces

            send_traces(settings.traces)
        if index is not None:
            settings = settings.model_copy(update={"index": Path(index).expanduser()})
        embedder = None if settings.embedder == BUILT_IN else load_embedder(settings.embedder)
        dimension = embedder.dimension if embedder else BUILT_IN_DIMENSION
        opened = Index.open(settings.index, settings.embedder, dimension, settings.chroma_url)
        return cls(settings, opened, embedder, llm)

    def close(self) -> None:
        """Close the index and release its lock."""
        self._index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ingest(
        self,
        paths: Sequence[str | Path] | str | Path,
        prune: bool = False,
        progress: Callable[[str, float, int], None] | None = None,
    ) -> IngestReport:
        """Add files and folders. An edited file replaces its old version, an unchanged one is skipped.

        `prune` removes documents whose files were deleted. `progress` gets (source, done, total).
        A file that can't be read is in `failed` with the reason, one of another format in `skipped`.
        """
        from rag.ingestion.indexer import ingest
        from rag.models.embedder import BUILT_IN_LIMIT

        given = [paths] if isinstance(paths, str | Path) else paths
        # The built-in model is loaded on first use: never if no file has changed.
        return ingest(
            self._index,
            [Path(path) for path in given],
            lambda texts, spans: self._load_embedder().embed_parts(texts, spans),
            lambda text: self._load_embedder().count_tokens(text),
            self._embedder.limit if self._embedder else BUILT_IN_LIMIT,
            f"{self.settings.embedder}/4",
            prune,
            progress,
        )

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        sources: Sequence[str] | None = None,
        extractive: bool = False,
    ) -> Answer:
        """Return a checked answer, or an abstention that says what was not found.

        `history` is the conversation so far, oldest turn first. `sources` limits the search to these
        documents. `extractive` answers without the LLM.
        Raises StoreError for an unknown source, ModelError if the LLM doesn't answer.
        """
        return self.stream(question, history, sources, extractive).answer

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        sources: Sequence[str] | None = None,
        extractive: bool = False,
    ) -> Stream:
        """Return the text of `ask` in pieces; `.answer` is the whole verified answer."""
        from rag.answering import Pipeline, walk
        from rag.traces import traced

        def begin() -> Generator[Step, None, Answer]:
            among = self._known(sources)
            asked = encodable(question)
            turns = [Turn(encodable(turn.question), encodable(turn.answer)) for turn in history]
            llm = None if extractive else self._load_llm()
            reranker = self._load_reranker()
            pipeline = Pipeline(self._index, self._load_embedder(), reranker, llm, self.settings.evidence)
            return traced(asked, walk(asked, turns, among, pipeline))

        return Stream(begin)

    @property
    def uses_llm(self) -> bool:
        """Whether a language model writes the answers."""
        return bool(self._llm or self.settings.llm)

    def search(
        self, question: str, sources: Sequence[str] | None = None, limit: int | None = None
    ) -> tuple[Evidence, ...]:
        """Return the paragraphs that `ask` would read, best first.

        At most `limit`, by default the setting `evidence`; `sources` as for `ask`.
        Raises SettingsError for a limit below 1, StoreError for an unknown source.
        """
        from rag.retrieval.search import search_paragraphs

        if limit is not None and limit < 1:
            raise SettingsError(f"limit = {limit}: should be 1 or more")
        among, reranker = self._known(sources), self._load_reranker()
        depth = limit or self.settings.evidence
        return search_paragraphs(
            encodable(question), self._index, self._load_embedder(), reranker, depth, among
        )

    def overview(self, sources: Sequence[str] | str | None = None) -> Answer:
        """Return what these documents are, cited, and of one what it says; StoreError if one is unknown."""
        from rag.overview import overview

        with self._index.catalog.read() as snapshot:
            return overview("", self._known(sources), snapshot)

    def suggestions(self) -> tuple[str, ...]:
        """Return up to four questions that the documents answer."""
        from rag.overview import suggestions

        with self._index.catalog.read() as snapshot:
            return suggestions(snapshot)

    def as_retriever(
        self, limit: int | None = None, sources: Sequence[str] | None = None
    ) -> PilcrowRetriever:
        """Return a LlamaIndex retriever of the paragraphs that `search` finds.

        Its nodes hold the paragraph's text, source, number, page, line, date (ISO) and heading.
        """
        from rag.llamaindex import PilcrowRetriever

        return PilcrowRetriever(lambda question: self.search(question, sources, limit))

    def as_query_engine(self, sources: Sequence[str] | None = None) -> PilcrowQueryEngine:
        """Return a LlamaIndex query engine that answers like `ask`.

        The source nodes of its response are the cited paragraphs, its metadata is the answer as JSON.
        """
        from rag.llamaindex import PilcrowQueryEngine

        return PilcrowQueryEngine(lambda question: self.ask(question, sources=sources))

    def verify(self, answer: Answer, below: Path | None = None) -> list[str]:
        """Return what is wrong with a recorded answer, one line per problem; empty if it is still right.

        Quotes are compared with the index. Those from documents that it lacks are compared with the files
        `below` a folder, if given.
        """
        from rag.recorded import Current, read_below, recheck

        def current(source: str) -> Current:
            if snapshot.document(encodable(source)):
                return snapshot.all_paragraphs(source)
            return read_below(below, source) if below else f"the index no longer has {source}"

        with self._index.catalog.read() as snapshot:
            return recheck(answer, current, lambda texts: self._load_embedder().embed(texts))

    def remove(self, *sources: str) -> tuple[str, ...]:
        """Remove documents from the index. Raises StoreError for an unknown one, and then removes none."""
        from rag.ingestion.indexer import remove

        self._known(sources)
        return remove(self._index, sources)

    def _known(self, sources: Sequence[str] | str | None) -> Sequence[str] | None:
        """Return the sources as a list; StoreError if the index lacks one."""
        wanted = [sources] if isinstance(sources, str) else sources
        known = {document.source for document in self.documents()} if wanted else set()
        for source in wanted or ():
            if source not in known:
                raise _unknown(source)
        return wanted

    def documents(self) -> list[DocumentInfo]:
        """Return the documents in the index, sorted by source."""
        with self._index.catalog.read() as snapshot:
            return snapshot.documents()

    def paragraph(self, source: str, number: int) -> Paragraph:
        """Return one paragraph; StoreError if the document or its paragraph doesn't exist."""
        with self._index.catalog.read() as snapshot:
            document = _document(snapshot, source)
            found = snapshot.paragraphs([(source, number)]).get((source, number))
        if found is None:
            raise StoreError(
                f"{source} has no paragraph {number}. Its paragraphs are 1 to {document.paragraphs}."
            )
        return found

    def paragraphs(self, source: str, first: int, last: int) -> list[Paragraph]:
        """Return a document's paragraphs from `first` to `last`; StoreError for an unknown document."""
        with self._index.catalog.read() as snapshot:
            document = _document(snapshot, source)
            numbers = range(max(first, 1), min(last, document.paragraphs) + 1)
            return list(snapshot.paragraphs((source, number) for number in numbers).values())

    def path(self, source: str) -> Path:
        """Return the file a document was read from, which may be gone; StoreError for an unknown document."""
        with self._index.catalog.read() as snapshot:
            for origin in snapshot.origins():
                if origin.source == source:
                    return Path(origin.path)
        raise _unknown(source)

    def check(self) -> list[str]:
        """Return what is wrong with the index; empty if nothing is."""
        return self._index.check()

    def _load_embedder(self) -> Embedder:
        from rag.models.embedder import load_embedder

        with self._loading:
            if self._embedder is None:
                self._embedder = load_embedder(self.settings.embedder)
            return self._embedder

    def _load_llm(self) -> LLM | None:
        from rag.models.llm import load_llm

        with self._loading:
            if self._llm is None and self.settings.llm:
                self._llm = load_llm(self.settings)
            return self._llm

    def _load_reranker(self) -> CrossEncoderReranker | None:
        from rag.models.reranker import load_reranker

        with self._loading:
            if self._reranker is None and self.settings.reranker:
                self._reranker = load_reranker(self.settings.reranker)
            return self._reranker


def _document(snapshot: Snapshot, source: str) -> DocumentInfo:
    """Return the document of this source; StoreError if there is none."""
    if document := snapshot.document(encodable(source)):
        return document
    raise _unknown(source)


def _unknown(source: str) -> StoreError:
    return StoreError(f"No document named {source!r}. Run `pilcrow list` to see all.")
