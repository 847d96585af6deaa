"""Search one consistent snapshot of the index for the evidence that answers a question."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath

from rag.index.catalog import Snapshot
from rag.index.folder import Index
from rag.models.calibration import BUILT_IN_SCALE, Calibration
from rag.models.embedder import Embedder
from rag.query.question import Question, read_question
from rag.query.superlative import compares_rows, counts_rows
from rag.query.when import known_by
from rag.retrieval.current import of_other_years, superseded
from rag.retrieval.evidence import as_evidence, gather
from rag.retrieval.rarity import Rarity, question_stems
from rag.retrieval.retriever import (
    DEPTH,
    Match,
    Ranked,
    Reranker,
    best_of_each,
    forms_of,
    highest_bm25,
    rerank,
    searched_forms,
)
from rag.text.words import name_stems, stem, stems, words
from rag.types import Chunk, Evidence, Hit, Kind, Place, Span, Vector

OPENING = 3  # first paragraphs of a document, whose codes name it
OLDER = 3  # best hits among which an older edition is worth naming
MAX_RARE = 1000  # chunks; a word in more says little about a document
_CODE = re.compile(r"\d.*[a-z]|[a-z].*\d")  # letters and digits in one word
AS_OF_FACTOR = 4  # times as many hits are fetched if the question excludes documents after a day


@dataclass(frozen=True, slots=True)
class Search:
    """A search for the best `limit` paragraphs for a question, only in `sources` if given.

    `vector` is the embedding of the question's topic, `calibrated` brings its cosines to a common scale.
    """

    question: Question
    vector: Vector
    index: Index
    reranker: Reranker | None
    limit: int
    sources: Sequence[str] | None
    calibrated: Calibration = BUILT_IN_SCALE

    def similarity(self, vector: Vector) -> float:
        """Return the similarity of the question and a stored vector."""
        return self.calibrated(float(vector @ self.vector))


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The evidence for a question, and what the index knows about the question's words.

    `matches` says how well each paragraph matches the question; `sentence_similarity` is that of each
    sentence of each paragraph, by the sentence's span. `unknown` are words that no document contains.
    `older` are documents left out because another edition of them answers, one of `current`; `table` are all
    rows of the table to compute over, numbered after the evidence. `across`: see `Calibration`.
    """

    evidence: tuple[Evidence, ...]
    matches: list[Match]
    sentence_similarity: list[dict[Span, float]]
    rarity: Rarity
    unknown: tuple[str, ...]
    index_is_empty: bool
    older: tuple[str, ...] = ()
    current: frozenset[str] = frozenset()
    table: tuple[Evidence, ...] = ()
    across: bool = False


def search_evidence(search: Search) -> SearchResult:
    """Return the evidence for a question from one consistent snapshot of the index."""
    with search.index.catalog.read() as snapshot:
        old = _superseded(search, snapshot)
        evidence, matches, older = _gather(search, snapshot, old)
        frequency = snapshot.document_frequency(question_stems(search.question))
        chunks = snapshot.chunk_count()
        return SearchResult(
            evidence,
            place_matches(evidence, matches, search, snapshot),
            sentence_similarities(evidence, search, snapshot),
            Rarity.of(search.question, frequency, chunks),
            unknown_words(search.question, frequency),
            chunks == 0,
            older,
            frozenset(old.values()) - old.keys(),
            whole_table(search.question, evidence, matches, snapshot),
            search.calibrated.across,
        )


def whole_table(
    question: Question, evidence: Sequence[Evidence], matches: Mapping[Place, Match], snapshot: Snapshot
) -> tuple[Evidence, ...]:
    """Return every row of a table if the question compares or counts rows.

    It is the table whose file and heading have most of the question's words, then the one in the document
    with most of them, then the one of most rows found.
    """
    if not (compares_rows(question.text) or counts_rows(question.text)):
        return ()
    found = Counter((item.source, item.heading) for item in evidence if item.kind is Kind.TABLE_ROW)
    if not found:
        return ()
    documents = {source: match.document for (source, _), match in matches.items()}
    asked = set(map(stem, question.words))

    def fitness(table: tuple[str, str]) -> tuple[int, float, int]:
        source, heading = table
        named = name_stems(f"{PurePosixPath(source).stem} {heading}")
        return len(asked & named), documents.get(source, 0.0), found[table]

    source, heading = max(found, key=fitness)
    rows = [
        paragraph
        for paragraph in snapshot.all_paragraphs(source)
        if paragraph.kind is Kind.TABLE_ROW and paragraph.heading == heading
    ]
    return tuple(as_evidence(number, source, row) for number, row in enumerate(rows, len(evidence) + 1))


def search_paragraphs(
    question: str,
    index: Index,
    embedder: Embedder,
    reranker: Reranker | None,
    limit: int,
    sources: Sequence[str] | None,
) -> tuple[Evidence, ...]:
    """Return the best `limit` paragraphs for a question, best first; none if it has no words."""
    asked = read_question(question)
    if not words(asked.text):
        return ()
    vector = embedder.embed([asked.topic])[0]
    with index.catalog.read() as snapshot:
        search = Search(asked, vector, index, reranker, limit, sources, embedder.calibration)
        evidence, _, _ = _gather(search, snapshot, _superseded(search, snapshot))
    return evidence[:limit]


def _superseded(search: Search, snapshot: Snapshot) -> dict[str, str]:
    """Return the documents that another one replaces, of those that are searched, and that one's source."""
    among = None if search.sources is None else set(search.sources)
    editions = [one for one in snapshot.editions() if among is None or one.source in among]
    return superseded(search.question, editions)


def _gather(
    search: Search, snapshot: Snapshot, superseded_by: Mapping[str, str]
) -> tuple[tuple[Evidence, ...], dict[Place, Match], tuple[str, ...]]:
    """Return the best paragraphs and those around them, how well hits match, and older editions left out."""
    old = frozenset(superseded_by)
    as_of = bool(search.question.when.as_of)
    limit = search.limit * (AS_OF_FACTOR if as_of else 1)
    hits, matches = find(replace(search, limit=limit), snapshot, old)
    best = sorted(matches, key=lambda place: -matches[place].score)[:OLDER]
    older = tuple(dict.fromkeys(source for source, _ in best if source in old))
    paragraphs = (
        partial(known_by, search.question.when, snapshot.paragraphs) if as_of else snapshot.paragraphs
    )
    return gather(hits, paragraphs, search.limit), matches, older


def find(
    search: Search, snapshot: Snapshot, without: Set[str] = frozenset()
) -> tuple[list[Hit], dict[Place, Match]]:
    """Return the hits, best first: by meaning and by words, fused, and reranked if a reranker is set.

    Also return how well each paragraph that was found matches. Documents `without` give no hits.
    """
    nearest = search.index.nearest(search.vector.tolist(), DEPTH, search.sources, snapshot)
    forms = searched_forms(search.question.topic, snapshot.document_frequency)
    bm25 = snapshot.search(forms, DEPTH, search.sources)
    lists: dict[str, Ranked] = {"dense": nearest.result(), "bm25": bm25}
    chunks = snapshot.chunks(key for ranked in lists.values() for key, _ in ranked)
    terms = question_stems(search.question)
    highest = highest_bm25(terms, snapshot.document_frequency(terms), snapshot.chunk_count())
    matches = _matches(search, lists, chunks, highest, snapshot)
    by_place = _best_by_place(matches, chunks)
    without |= of_other_years(search.question, snapshot.titles({chunk.source for chunk in chunks.values()}))
    matches = {key: match for key, match in matches.items() if chunks[key].source not in without}
    if not search.reranker:
        return best_of_each(matches, lists, chunks, search.limit), by_place
    hits = best_of_each(matches, lists, chunks, 3 * search.limit)
    return rerank(search.question.text, hits, search.reranker)[: search.limit], by_place


def _document_coverage(question: Question, sources: Set[str], snapshot: Snapshot) -> dict[str, float]:
    """Return the share of the question's rarer words, by weight, that each document has anywhere."""
    frequency = snapshot.document_frequency(map(stem, question.words))
    rare = [word for word in question.words if 0 < frequency[stem(word)] <= MAX_RARE]
    weights = {word: 1 / math.log(2 + frequency[stem(word)]) for word in rare}
    titles = {source: stems(title, question.language) for source, title in snapshot.titles(sources).items()}
    covered = dict.fromkeys(sources, 0.0)
    for word, weight in weights.items():
        having = snapshot.sources_with(forms_of(word), sources)
        for source in sources:
            if source in having or stem(word) in titles.get(source, ()):
                covered[source] += weight / sum(weights.values())
    return covered


def _with_codes(search: Search, chunks: Mapping[str, Chunk], snapshot: Snapshot) -> set[str]:
    """Return the chunks with a code of the question, like "a2001", in them or in their document's opening."""
    codes = [word for word in search.question.words if _CODE.search(word)]
    if not codes:
        return set()
    forms = [form for code in codes for form in forms_of(code)]
    coded = {key for key, _ in snapshot.search(forms, DEPTH, search.sources)}
    places = {(chunk.source, chunk.paragraph) for chunk in snapshot.chunks(coded).values()}
    openings = snapshot.paragraphs(place for place in places if place[1] <= OPENING)
    named = {source for (source, _), one in openings.items() if one.kind is not Kind.TABLE_ROW}
    return coded | {key for key, chunk in chunks.items() if chunk.source in named}


def _matches(
    search: Search,
    lists: Mapping[str, Ranked],
    chunks: Mapping[str, Chunk],
    highest: float,
    snapshot: Snapshot,
) -> dict[str, Match]:
    """Return how well each chunk matches, by id; BM25 counts as a share of the `highest` score."""
    bm25 = dict(lists["bm25"])
    similar = {key: search.calibrated(cosine) for key, cosine in lists["dense"]}
    stored = snapshot.vectors(key for key in chunks if key not in similar)
    similar |= {key: search.similarity(other) for key, other in stored.items()}
    windows = snapshot.windows_at((chunk.source, chunk.paragraph) for chunk in chunks.values())
    covered = _document_coverage(search.question, {chunk.source for chunk in chunks.values()}, snapshot)
    coded = _with_codes(search, chunks, snapshot)
    around = {place: search.similarity(other) for place, other in windows.items()}
    return {
        key: Match(
            similar[key],
            around.get((chunk.source, chunk.paragraph), similar[key]),
            bm25.get(key, 0.0) / highest if highest else 0.0,
            covered[chunk.source],
            key in coded,
        )
        for key, chunk in chunks.items()
    }


def _best_by_place(matches: Mapping[str, Match], chunks: Mapping[str, Chunk]) -> dict[Place, Match]:
    """Return the match of each paragraph's best chunk."""
    best: dict[Place, Match] = {}
    for key in sorted(matches, key=lambda key: -matches[key].score):
        best.setdefault((chunks[key].source, chunks[key].paragraph), matches[key])
    return best


def place_matches(
    evidence: Sequence[Evidence], found: Mapping[Place, Match], search: Search, snapshot: Snapshot
) -> list[Match]:
    """Return how well each paragraph matches: as found by the search, or else by its stored vectors alone."""
    places = [(item.source, item.paragraph) for item in evidence]
    others = [place for place in places if place not in found]
    stored, windows = snapshot.vectors_at(others), snapshot.windows_at(others)
    by_source = {source: match.document for (source, _), match in found.items()}
    matches = dict(found)
    for place in others:
        cosine = max(map(search.similarity, stored.get(place, ())), default=0.0)
        window = search.similarity(windows[place]) if place in windows else cosine
        matches[place] = Match(cosine, window, 0.0, by_source.get(place[0], 0.0))
    return [matches[place] for place in places]


def sentence_similarities(
    evidence: Sequence[Evidence], search: Search, snapshot: Snapshot
) -> list[dict[Span, float]]:
    """Return the similarity of the question and each sentence of each paragraph, from the stored vectors."""
    stored = snapshot.sentences(places := [(item.source, item.paragraph) for item in evidence])
    spans = [stored.get(place, {}) for place in places]
    return [{span: search.similarity(other) for span, other in held.items()} for held in spans]


def unknown_words(asked: Question, frequency: Mapping[str, int]) -> tuple[str, ...]:
    """Return the words of the question, as written, that no document contains."""
    written = {
        form: word for word in re.findall(r"\w[\w’'-]*", asked.text) for form in words(word, asked.language)
    }
    unknown = [word for word in asked.words if not frequency.get(stem(word))]
    return tuple(dict.fromkeys(written.get(word, word) for word in unknown))
