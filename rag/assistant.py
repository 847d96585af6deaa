"""The public API: an open index that ingests documents and answers questions about them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Self

from rag.errors import SettingsError
from rag.ingestion.report import IngestReport
from rag.lookup import Lookup
from rag.settings import Settings
from rag.sources import document
from rag.stream import Stream
from rag.text.encoding import encodable
from rag.types import Answer, Evidence, Turn

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

    from rag.doors.host import Host
    from rag.index.folder import Index
    from rag.llamaindex import PilcrowQueryEngine, PilcrowRetriever
    from rag.models.embedder import Embedder
    from rag.types import Step

# Chroma and the models' libraries take seconds to import, so each method imports what it needs.


class Assistant(Lookup):
    """An open index that answers questions. Many threads may ask, also while one ingests."""

    _host: Host | None = None
    holder = ""  # the process that holds the index, if `connect` made this

    def __init__(
        self, settings: Settings, index: Index, embedder: Embedder | None, llm: LLM | None = None
    ) -> None:
        super().__init__(settings, embedder, llm)
        self._index = index

    @classmethod
    def open(
        cls, index: str | Path | None = None, settings: Settings | None = None, llm: LLM | None = None
    ) -> Self:
        """Open the index, or create an empty one, and hold it: other processes can only `connect` to it.

        `index` overrides `settings.index`, and `llm`, any LlamaIndex LLM, overrides `settings.llm`. Without
        `settings`, they are loaded from the environment and pilcrow.toml.
        Raises StoreError, EmbedderMismatch, ModelError or SettingsError.
        """
        from rag.doors.host import Host
        from rag.index.folder import Index
        from rag.models.embedder import BUILT_IN_DIMENSION, load_embedder
        from rag.models.local import is_packaged

        settings = settings or Settings.load()
        if settings.traces:
            from rag.traces import send_traces

            send_traces(settings.traces)
        if index is not None:
            settings = settings.model_copy(update={"index": Path(index).expanduser()})
        embedder = None if is_packaged(settings.embedder) else load_embedder(settings.embedder)
        dimension = embedder.dimension if embedder else BUILT_IN_DIMENSION
        opened = Index.open(settings.index, settings.embedder, dimension, settings.stores)
        assistant = cls(settings, opened, embedder, llm)
        if not settings.catalog_url:
            assistant._host = Host(opened.folder, assistant, settings.public())
        return assistant

    @classmethod
    def connect(cls, index: str | Path | None = None, settings: Settings | None = None) -> Self:
        """Go through the process that holds the index: the same methods, with the settings of that process.

        `close` ends only this side. What changes the holder's models, such as `use`, is refused. Raises
        StoreError if no process holds the index, or one with another version of Pilcrow; HolderGone from any
        method if that process ends meanwhile.
        """
        from rag.doors.client import Door, connected

        settings = settings or Settings.load()
        folder = Path(index).expanduser() if index is not None else settings.index
        door = Door(folder, cls)
        theirs = Settings.model_validate({**door.settings, "index": folder})
        return connected(cls, door, settings=theirs, holder=door.holder)

    def close(self) -> None:
        """Close the index and release it, once the calls of other processes are answered or stopped."""
        if self._host:
            self._host.close()
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
        below: str | Path | None = None,
        stop: Event | None = None,
        ray: str | None = None,
    ) -> IngestReport:
        """Add files and folders. An edited file replaces its old version, an unchanged one is skipped.

        `prune` removes documents whose files were deleted. `progress` gets (source, done, total). `below` is
        a folder: a file given by itself is named by its path below it, instead of its name. `ray` is the
        address of a Ray cluster that loads and embeds ("auto", "HOST:PORT" or "local").
        A file that can't be read is in `failed` with the reason, one of another format in `skipped`. Once
        `stop` is set, the rest is left for another time.
        """
        given = [paths] if isinstance(paths, str | Path) else paths
        root = Path(below) if below else None
        files = [Path(path) for path in given]
        return self._ingest(files, prune=prune, progress=progress, below=root, stop=stop, ray=ray)

    def watch(
        self,
        folders: Sequence[str | Path] | str | Path,
        report: Callable[[IngestReport], None] | None = None,
        progress: Callable[[str, float, int], None] | None = None,
        stop: Event | None = None,
    ) -> None:
        """Keep the index up to date with folders until `stop` is set, or Ctrl-C or SIGTERM.

        A deleted file's document is removed, but nothing if a whole folder is out of reach: it is in `failed`
        until it is back. `report` gets what the first ingestion did, then each change.
        Raises LoadError if one is not a folder.
        """
        from rag.ingestion.watching import watch

        given = [folders] if isinstance(folders, str | Path) else folders
        ingest = partial(self._ingest, prune=True, progress=progress, stop=stop)
        watch([Path(each) for each in given], ingest, self._index.folder, report, stop)

    def _ingest(self, paths: Sequence[Path], **options: Any) -> IngestReport:
        from rag.ingestion.indexer import ingest
        from rag.models.embedder import LIMITS, fingerprint

        # An embedder in a package is loaded on first use: never if no file has changed.
        return ingest(
            self._index,
            paths,
            lambda texts, spans: self._load_embedder().embed_parts(texts, spans),
            lambda text: self._load_embedder().count_tokens(text),
            self._embedder.limit if self._embedder else LIMITS[self.settings.embedder],
            fingerprint(self.settings.embedder, self._embedder),
            limits=self.settings.limits,
            **options,
        )

    def ask(
        self,
        question: str,
        history: Sequence[Turn] = (),
        sources: Sequence[str] | str | None = None,
        extractive: bool = False,
    ) -> Answer:
        """Return a checked answer, or an abstention that says what was not found.

        `history` is the conversation so far, oldest turn first. `sources` limits the search to documents by
        name, collection, folder or pattern ("contracts/*.docx"). `extractive` answers without the LLM.
        Raises StoreError for an unknown source, ModelError if the LLM doesn't answer.
        """
        return self.stream(question, history, sources, extractive).answer

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        sources: Sequence[str] | str | None = None,
        extractive: bool = False,
    ) -> Stream:
        """Return the text of `ask` in pieces; `.answer` is the whole verified answer."""
        from rag.answering import Pipeline, walk
        from rag.traces import traced

        def begin() -> Generator[Step, None, Answer]:
            among = self._chosen(sources)
            asked = encodable(question)
            turns = [Turn(encodable(turn.question), encodable(turn.answer)) for turn in history]
            llm, examined = (None, None) if extractive else self.writer.ready()
            models = self._load_embedder(), self._load_reranker(), llm
            pipeline = Pipeline(self._index, *models, self.settings.evidence, examined)
            return self.refreshed((yield from traced(asked, walk(asked, turns, among, pipeline))))

        return Stream(begin)

    def refreshed(self, answer: Answer) -> Answer:
        """Return a recorded answer with `changed` of its citations as it is now."""
        from rag.freshness import refreshed

        with self._index.catalog.read() as snapshot:
            return refreshed(answer, snapshot)

    def search(
        self, question: str, sources: Sequence[str] | str | None = None, limit: int | None = None
    ) -> tuple[Evidence, ...]:
        """Return the paragraphs that `ask` would read, best first; `sources` as for `ask`.

        At most `limit`, or the setting `evidence`. SettingsError below 1, StoreError for an unknown source.
        """
        from rag.freshness import marked
        from rag.retrieval.search import search_paragraphs

        if limit is not None and limit < 1:
            raise SettingsError(f"limit = {limit}: should be 1 or more")
        among, reranker = self._chosen(sources), self._load_reranker()
        asked, depth = encodable(question), limit or self.settings.evidence
        found = search_paragraphs(asked, self._index, self._load_embedder(), reranker, depth, among)
        with self._index.catalog.read() as snapshot:
            return marked(found, snapshot)

    def overview(self, sources: Sequence[str] | str | None = None) -> Answer:
        """Return what these documents are, cited, and of one what it says; StoreError if one is unknown."""
        from rag.overview import overview

        among = self._chosen(sources)
        with self._index.catalog.read() as snapshot:
            return self.refreshed(overview("", among, snapshot))

    def suggestions(self) -> tuple[str, ...]:
        """Return up to four questions that the documents answer."""
        from rag.overview import suggestions

        with self._index.catalog.read() as snapshot:
            return suggestions(snapshot)

    def as_retriever(
        self, limit: int | None = None, sources: Sequence[str] | str | None = None
    ) -> PilcrowRetriever:
        """Return a LlamaIndex retriever of the paragraphs that `search` finds.

        Its nodes hold the paragraph's text, source, number, page, line, date (ISO) and heading.
        """
        from rag.llamaindex import PilcrowRetriever

        return PilcrowRetriever(lambda question: self.search(question, sources, limit))

    def as_query_engine(self, sources: Sequence[str] | str | None = None) -> PilcrowQueryEngine:
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
        from rag.recorded import verify

        with self._index.catalog.read() as snapshot:
            return verify(answer, snapshot, below, self.settings.limits)

    def remove(self, *sources: str) -> tuple[str, ...]:
        """Remove documents from the index. Raises StoreError for an unknown one, and then removes none."""
        from rag.ingestion.indexer import remove

        with self._index.catalog.read() as snapshot:
            known = [document(source, snapshot).source for source in sources]
        return remove(self._index, known)
