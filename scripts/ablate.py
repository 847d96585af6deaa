"""Each part of the pipeline off, one at a time: `python scripts/ablate.py SCRATCH [WORD…]`, an hour or so.

SCRATCH keeps the indexes for the next run; with WORDs, only parts whose name holds one are tried. Nothing is
fitted again: a weight that is set to 0 leaves the others, and the threshold, as they are.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import IntEnum
from math import isnan, nan
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

import rag.extraction.conflicts
import rag.query.question
from eval.metrics import hit
from rag import answering
from rag.extraction import extractive
from rag.extraction import reader as reading
from rag.extraction import reader_weights as weights
from rag.index import vectors as store
from rag.index.folder import Index
from rag.ingestion.indexer import ingest
from rag.models.embedder import Embedder, load_embedder
from rag.models.local import BUILT_IN
from rag.query.question import AnswerKind, Question
from rag.query.when import When
from rag.retrieval import evidence, retriever
from rag.text import names, words
from rag.types import Vectors
from rag.verification import verifier
from scripts.bench import corpora, scoring
from scripts.bench.asking import Reply

SETS = {"xquad": 3, "clapnq": 1, "news": 1, "seeds": 1}  # of so many unanswerable questions one is asked
COLUMNS = ("hit@1", "right", "whole", "cited", "prec", "refus", "abst", "swap")
JUDGED = ("right", "whole", "prec", "abst", "swap")
NOISE = 0.003  # a part without which no set loses more than this does not pay
NEVER = re.compile(r"(?!)()")  # matches nothing
FEATURES, READ = reading.sentence_features, rag.query.question.read_question


class Redo(IntEnum):
    """The first step in which a part has a say; what comes before it is taken from the full pipeline."""

    INGEST, FIND, READ, WEIGH, WRITE = range(5)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the pipeline; off, the attribute `name` of `owner` is `instead`."""

    title: str
    redo: Redo
    owner: object
    name: str
    instead: Any


@dataclass(slots=True)
class Case:
    """One question of one index, and what the full pipeline found and read for it."""

    item: corpora.Question
    vector: Vectors
    found: answering.Found | None = None
    read: reading.Reading | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A set of questions, with its indexes and its cases by the index's name."""

    corpus: corpora.Corpus
    indexes: dict[str, Index]
    cases: dict[str, list[Case]]


def main() -> None:
    """Prints the figures of the full pipeline, then what the absence of each part adds or takes away."""
    torch.set_num_threads(1)
    scratch, wanted = Path(sys.argv[1]), sys.argv[2:] or [""]
    embedder = load_embedder(BUILT_IN)
    opened = open_sets(scratch / "full", embedder)
    titles = "".join(f"{column:>7}" for column in COLUMNS) + "   "
    print(" " * 31 + "".join(f"{name:59}" for name in SETS) + "\n" + " " * 31 + titles * len(SETS))
    full = {name: figures(each, Redo.FIND) for name, each in opened.items()}
    print(f"{'all parts on':31}" + "".join(map(shown, full.values())), flush=True)
    idle = []
    for part in (part for part in parts() if any(word in part.title for word in wanted)):
        with switched_off(part):
            used = opened if part.redo else open_sets(scratch / part.title, embedder)
            found = {name: figures(each, part.redo) for name, each in used.items()}
        change = {name: {key: found[name][key] - full[name][key] for key in COLUMNS} for name in SETS}
        print(f"{part.title:31}" + "".join(shown(each, "+") for each in change.values()), flush=True)
        if not any(each[column] < -NOISE for each in change.values() for column in JUDGED):
            idle.append(part.title)
    print(f"\nNo set loses more than {NOISE} in {', '.join(JUDGED)} without: {'; '.join(idle)}.")


def shown(found: Mapping[str, float], sign: str = "") -> str:
    """The figures of a set, seven characters a column; a dot for what does not change."""
    texts = ["" if isnan(value) else f"{value:{sign}.3f}" for value in found.values()]
    return "".join(f"{'.' if text in {'+0.000', '-0.000'} else text:>7}" for text in texts) + "   "


def parts() -> Iterator[Part]:
    """Every part that can be switched off, in the order of the pipeline."""
    find, look, write = Redo.FIND, Redo.READ, Redo.WRITE
    yield Part("BM25", find, answering, "match_expression", lambda *_: "")
    yield Part("dense", find, store.VectorStore, "query", lambda *_: [])
    yield Part("scores fused (ranks instead)", find, retriever, "fuse", reciprocal_ranks)
    yield Part("duplicates folded", find, retriever, "fold_duplicates", lambda hits, most: hits[:most])
    yield Part("neighbours", find, evidence, "WIDENED", 0)
    yield Part("neighbours of short ones", find, evidence, "SHORT", 0)
    yield Part("neighbours after a colon", find, evidence, "ANNOUNCED", 0)
    yield Part("time asked for", find, rag.query.question, "read_question", asking(when=When()))
    yield Part("seats of government", find, names, "_SEATS", ())
    yield Part("other names of countries", find, names, "_GROUP", {})
    yield Part("names with a slip", look, names, "_much_the_same", lambda *_: False)
    yield Part("heading in sentence's marks", look, reading, "sentence_features", bare_features)
    yield Part("rows and captions apart", look, reading, "Kind", SimpleNamespace(CAPTION=0, TABLE_ROW=0))
    yield Part("rule: foreign", look, reading, "_foreign", lambda *_: False)
    yield Part("rule: namesakes", look, reading, "namesakes", lambda *_: ())
    yield Part("rule: too early", look, reading, "_too_early", lambda *_: False)
    yield Part("kinds of question", look, rag.query.question, "read_question", asking(kind=AnswerKind.THING))
    for table in ("SENTENCE", "ANSWERS"):
        for name in (fitted := getattr(reading, table)):
            yield Part(f"{table.lower()}: {name}", Redo.WEIGH, reading, table, fitted | {name: 0.0})
    yield Part("list questions", write, rag.query.question, "read_question", asking(wants_list=False))
    yield Part("longer lists", write, extractive, "LIST_WORDS", extractive.WORDS)
    yield Part("colon rule", write, extractive, "_announced", lambda *_: [])
    yield Part("lead-back", write, extractive, "_LEANS_BACK", NEVER)
    yield Part("second sentences", write, extractive, "_bar", lambda *_: 2.0)
    yield Part("no more when sure", write, extractive, "SURE", 2.0)
    yield Part("repeats dropped", write, extractive, "_repeats", lambda *_: False)
    yield Part(
        "conflicts",
        write,
        rag.extraction.conflicts,
        "write",
        lambda *given: rag.extraction.conflicts.Written(extractive.extract(*given)),
    )
    yield Part("support checked", write, verifier, "SUPPORTED", 0.0)
    yield Part("abstention", write, weights, "THRESHOLD", 0.0)
    yield Part("spellings", Redo.INGEST, words, "_SPELLINGS", ())
    yield Part("prefixes", Redo.INGEST, words, "_PREFIX", NEVER)


def asking(**changes: object) -> Callable[[str], Question]:
    """A reading of questions in which these fields are always the same."""
    return lambda text: replace(READ(text), **changes)  # type: ignore[arg-type]


def reciprocal_ranks(lists: Mapping[str, retriever.Ranked]) -> list[tuple[str, float, dict[str, int]]]:
    """Reciprocal rank fusion, k = 60 (Cormack et al. 2009), in place of the fused scores."""
    ranks: dict[str, dict[str, int]] = {}
    for name, ranked in lists.items():
        for rank, (key, _) in enumerate(ranked, 1):
            ranks.setdefault(key, {})[name] = rank
    scored = [(key, sum(1 / (60 + rank) for rank in held.values()), held) for key, held in ranks.items()]
    return sorted(scored, key=lambda item: -item[1])


def bare_features(asked: Question, given: Sequence[Any], *rest: Any) -> list[dict[str, float]]:
    """The features of sentences whose headings are not looked at."""
    return FEATURES(asked, [replace(item, heading="") for item in given], *rest)


@contextmanager
def switched_off(part: Part) -> Iterator[None]:
    """The attribute swapped, and put back afterwards; nothing that was remembered outlives either."""
    held = getattr(part.owner, part.name)
    for value in (part.instead, held):
        setattr(part.owner, part.name, value)
        for kept in (*vars(words).values(), *vars(names).values(), *vars(reading).values()):
            if hasattr(kept, "cache_clear"):
                kept.cache_clear()
        if value is part.instead:
            yield


def open_sets(place: Path, embedder: Embedder) -> dict[str, Opened]:
    """The sets with their indexes brought up to date, and each question's vector."""
    found = {}
    for name, step in SETS.items():
        corpus = corpora.load(name, place / "texts")
        if corpus is None:
            raise SystemExit(f"The data of {name} are not there: {corpora.missing(name)}.")
        found[name] = Opened(corpus, {}, {})
        for key in sorted({item.index for item in corpus.questions} - {corpora.PRESENT}):
            here = [item for item in corpus.questions if item.index == key]
            items = [item for item in here if not item.group] + [item for item in here if item.group][::step]
            vectors = embedder.embed([READ(item.text).topic for item in items])
            found[name].cases[key] = [Case(*pair) for pair in zip(items, vectors, strict=True)]
            found[name].indexes[key] = Index.open(place / name / key, BUILT_IN, embedder.dimension)
            given = embedder.embed_parts, embedder.count_tokens, embedder.limit
            ingest(found[name].indexes[key], [corpus.folders[key]], *given, "ablate")
    return found


def figures(opened: Opened, redo: Redo) -> dict[str, float]:
    """The figures of a set, each step from `redo` on done anew."""
    at = opened.indexes
    pairs = [(c.item, reply(c, at[key], redo)) for key, cases in opened.cases.items() for c in cases]
    mine = [pair for pair in pairs if not pair[0].group]
    answered = [pair for pair in mine if pair[1].answered]
    elsewhere = [given for item, given in pairs if item.group in opened.corpus.headline]
    swapped = [given for item, given in pairs if item.group == corpora.SWAPPED]
    return {
        "hit@1": mean([hit(given.ranked, item.gold, 1) for item, given in mine]),
        "right": mean([scoring.right(*pair) for pair in mine]),
        "whole": mean([scoring.complete(*pair) for pair in mine]),
        "cited": mean([scoring.cites_gold(*pair) for pair in answered]),
        "prec": mean([bool(held & item.gold) for item, given in answered for held in given.cited]),
        "refus": mean([not given.answered for _, given in mine]),
        "abst": mean([not given.answered for given in elsewhere]),
        "swap": mean([not given.answered for given in swapped]),
    }


def mean(values: Sequence[float]) -> float:
    """The mean; nan of nothing."""
    return sum(values) / len(values) if values else nan


def reply(case: Case, index: Index, redo: Redo) -> Reply:
    """What `rag.answering.answer` would give, but for the words marked; the first time, it is remembered."""
    asked, found, read = rag.query.question.read_question(case.item.text), case.found, case.read
    if redo <= Redo.FIND or found is None:
        found = answering.look_up(asked, case.vector, index, None, 8, None)
    if redo <= Redo.WEIGH or read is None:
        if read and redo is Redo.WEIGH:
            known = {(each.index, each.start, each.end): dict(each.features) for each in read.sentences}
            reading.sentence_features = lambda *given: [known[place] for place in given[4]]
        read = reading.read(asked, found.evidence, found.rarity, found.similarity, found.likeness)
        if redo is Redo.WEIGH:
            reading.sentence_features = FEATURES
    if case.found is None:
        case.found, case.read = found, read
    drafts = (
        rag.extraction.conflicts.write(asked, found.evidence, read)
        if read.probability >= weights.THRESHOLD
        else ()
    )
    statements, citations = verifier.verify(drafts, found.evidence)
    return Reply(
        answered=bool(statements),
        text=" ".join(statement.text for statement in statements),
        marked="",
        ranked=tuple(frozenset({(e.source, e.paragraph)}) for e in found.evidence if e.kind != "heading"),
        cited=tuple(frozenset({(item.source, item.paragraph)}) for item in citations),
    )


if __name__ == "__main__":
    main()
