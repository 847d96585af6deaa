"""The public face: one opened index that takes documents in and answers questions from them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Self

from rag.errors import SettingsError, StoreError
from rag.settings import Settings
from rag.stream import Stream
from rag.types import Answer, DocumentInfo, Evidence, IngestReport, Paragraph, Turn

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

    from rag.index.folder import Index
    from rag.index.snapshot import Snapshot
    from rag.models.embedder import Embedder
    from rag.models.reranker import CrossEncoderReranker
    from rag.types import Step

# Libraries of the models and of Chroma take seconds to import: each method brings in what it needs.


class Assistant:
    """Answers from one index. Many threads may ask at once, also while one ingests."""

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
        """Opens the index, or makes an empty one, and locks it for this process.

        `index` goes before `settings.index`, and `llm`, any LLM of LlamaIndex, before `settings.llm`. Without
        `settings` they come from environment and pilcrow.toml.
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
        """Closes the index and gives its lock back."""
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
        """Takes in files and folders; an edited file replaces itself, an unchanged one is skipped.

        `prune` removes documents whose files are gone. `progress` gets (source, done, total); `done` has a
        fraction in the middle of a long document.
        A file that cannot be read is reported in `failed` with the reason, and the rest goes on.
        """
        from rag.ingestion.indexer import ingest
        from rag.models.embedder import BUILT_IN_LIMIT

        given = [paths] if isinstance(paths, str | Path) else paths
        # The built-in model is loaded when the first text is measured: where no file changed, never.
        return ingest(
            self._index,
            [Path(path) for path in given],
            lambda texts, spans: self._model().embed_parts(texts, spans),
            lambda text: self._model().count_tokens(text),
            self._embedder.limit if self._embedder else BUILT_IN_LIMIT,
            f"{self.settings.embedder}/2",
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
        """The checked answer, or an abstention that says what was not found.

        `history` are the turns before, oldest first; `sources` limits the search to these documents, and
        StoreError names one that the index does not hold; `extractive` does without the LLM that is set.
        ModelError where that does not answer.
        """
        return self.stream(question, history, sources, extractive).answer

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        sources: Sequence[str] | None = None,
        extractive: bool = False,
    ) -> Stream:
        """The answer's text in pieces, as `ask` would give it; its `.answer` is the verified whole."""
        from rag.answering import Pipeline, walk
        from rag.traces import traced

        def begin() -> Generator[Step, None, Answer]:
            among = [sources] if isinstance(sources, str) else sources
            self._refuse_unknown(among or ())
            asked = _encodable(question)
            turns = [Turn(_encodable(turn.question), _encodable(turn.answer)) for turn in history]
            llm = None if extractive else self._writer()
            reranker = self._second_reader()
            pipeline = Pipeline(self._index, self._model(), reranker, llm, self.settings.evidence)
            return traced(asked, walk(asked, turns, among, pipeline))

        return Stream(begin)

    @property
    def uses_llm(self) -> bool:
        """Whether a language model writes the answers."""
        return bool(self._llm or self.settings.llm)

    def search(
        self, question: str, sources: Sequence[str] | None = None, limit: int | None = None
    ) -> tuple[Evidence, ...]:
        """The paragraphs that `ask` would read, best first, without an answer.

        At most `limit` of them (SettingsError below 1), or as many as are set; `sources` as for `ask`.
        """
        from rag.retrieval.search import search_paragraphs

        if limit is not None and limit < 1:
            raise SettingsError(f"limit = {limit}: at least one paragraph can be searched for")
        among = [sources] if isinstance(sources, str) else sources
        self._refuse_unknown(among or ())
        reranker = self._second_reader()
        depth = limit or self.settings.evidence
        return search_paragraphs(_encodable(question), self._index, self._model(), reranker, depth, among)

    def verify(self, answer: Answer, below: Path | None = None) -> list[str]:
        """What of a recorded answer no longer stands, in words, a line a fault; empty where all stands.

        Quotes are held against the index; those of documents that it lacks against the files of their
        sources `below` a folder, where one is given.
        """
        from rag.recorded import Current, read_below, recheck

        def current(source: str) -> Current:
            if snapshot.document(_encodable(source)):
                return snapshot.all_paragraphs(source)
            return read_below(below, source) if below else f"the index no longer has {source}"

        with self._index.catalog.read() as snapshot:
            return recheck(answer, current, lambda texts: self._model().embed(texts))

    def remove(self, *sources: str) -> tuple[str, ...]:
        """Takes documents out of the index; all or, where one is not held (StoreError), none."""
        from rag.ingestion.indexer import remove

        self._refuse_unknown(sources)
        return remove(self._index, sources)

    def _refuse_unknown(self, sources: Sequence[str]) -> None:
        held = {document.source for document in self.documents()} if sources else set()
        if unknown := [source for source in sources if source not in held]:
            raise _unknown(unknown[0])

    def documents(self) -> list[DocumentInfo]:
        """The documents of the index, by source."""
        with self._index.catalog.read() as snapshot:
            return snapshot.documents()

    def paragraph(self, source: str, number: int) -> Paragraph:
        """One paragraph as its file shows it; StoreError where there is none of this number."""
        with self._index.catalog.read() as snapshot:
            document = _held(snapshot, source)
            found = snapshot.paragraphs([(source, number)]).get((source, number))
        if found is None:
            raise StoreError(f"{source} has no paragraph {number}; it has 1 to {document.paragraphs}")
        return found

    def paragraphs(self, source: str, first: int, last: int) -> list[Paragraph]:
        """Those of a document's paragraphs whose numbers go from `first` to `last`; StoreError: unknown."""
        with self._index.catalog.read() as snapshot:
            document = _held(snapshot, source)
            numbers = range(max(first, 1), min(last, document.paragraphs) + 1)
            return list(snapshot.paragraphs((source, number) for number in numbers).values())

    def path(self, source: str) -> Path:
        """The file that a document was read from, which may be gone since; StoreError: unknown document."""
        with self._index.catalog.read() as snapshot:
            for origin in snapshot.origins():
                if origin.source == source:
                    return Path(origin.path)
        raise _unknown(source)

    def check(self) -> list[str]:
        """What is wrong with the index, in words; empty where all is well."""
        return self._index.check()

    def _model(self) -> Embedder:
        from rag.models.embedder import load_embedder

        with self._loading:
            if self._embedder is None:
                self._embedder = load_embedder(self.settings.embedder)
            return self._embedder

    def _writer(self) -> LLM | None:
        from rag.models.llm import load_llm

        with self._loading:
            if self._llm is None and self.settings.llm:
                self._llm = load_llm(self.settings)
            return self._llm

    def _second_reader(self) -> CrossEncoderReranker | None:
        from rag.models.reranker import load_reranker

        with self._loading:
            if self._reranker is None and self.settings.reranker:
                self._reranker = load_reranker(self.settings.reranker)
            return self._reranker


def _held(snapshot: Snapshot, source: str) -> DocumentInfo:
    """The document of this source; StoreError where it is not held."""
    if document := snapshot.document(_encodable(source)):
        return document
    raise _unknown(source)


def _unknown(source: str) -> StoreError:
    return StoreError(f"the index holds no document {source!r}; `pilcrow list` shows what it holds")


def _encodable(text: str) -> str:
    """The text with a question mark for each lone surrogate, which no tokenizer, file or terminal takes."""
    return text.encode("utf-8", "replace").decode("utf-8")
