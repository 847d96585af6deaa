"""Fit the weights of `rag/extraction/reader_weights.py`: `python -m scripts.fit_reading [FOLDER]`.

FOLDER holds `xquad/` (CC BY-SA 4.0), `clapnq/` and `mtrag/` (Apache-2.0); the questions of
`scripts/office_questions/dev` join them. Questions without an answer are XQuAD's whose paragraph is kept
from the evidence or whose name or number is foreign, and those that the other sets call unanswerable.
Copy what it prints by hand. Takes five minutes on two cores.
"""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import track
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from eval import DATA
from rag import Assistant, Settings, Turn
from rag.answering import understand
from rag.extraction.reader import Sentence, answer_features, read
from rag.index.folder import Index
from rag.models.embedder import Embedder, load_embedder
from rag.models.local import BUILT_IN
from rag.query.condense import condense
from rag.query.question import Question
from rag.retrieval.search import Search, SearchResult, search_evidence
from rag.text.folding import fold
from rag.text.words import sentences, words
from rag.types import Evidence
from scripts import conditional_logit, office, public_sets
from scripts.bench.corpora import swap
from scripts.public_sets import Data, write_document

# Names for swapped questions; not the bench's, which the weights must not be fitted to.
FOREIGN = ("Lichtenberg", "Okonkwo", "Tasmania", "Uruguay", "Kowalski", "Brisbane", "Madagascar", "Thornbury")
FOLDS = 5
EVIDENCE = 8
WITHIN = 0.9  # share of a paragraph's words that are its passage's

Matrix = NDArray[np.float64]
IsGold = Callable[[Evidence, str], bool]  # whether a sentence of a paragraph answers


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is asked of one index; questions of one group are never split between folds."""

    text: str
    index: str
    group: int
    kind: str
    is_gold: IsGold | None = None  # None: nothing answers
    history: tuple[Turn, ...] = ()
    hidden: str = ""  # a folded paragraph to keep from the evidence


@dataclass(frozen=True, slots=True)
class Row:
    """A question that was read: the sentences of its evidence, and which of them are gold."""

    asked: Asked
    question: Question
    found: SearchResult
    sentences: tuple[Sentence, ...]
    gold: NDArray[np.bool_]

    @property
    def features(self) -> Matrix:
        """The features of the sentences (sentences, features)."""
        return np.array([list(sentence.features.values()) for sentence in self.sentences])


def main(data: Data = DATA) -> None:
    """Index, read, fit, and print the weights with cross-validated figures."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        asked = [*_xquad(data, folder), *_clapnq(data, folder), *_mtrag(data, folder), *_office()]
        rows = list(read_all(asked, folder, load_embedder(BUILT_IN)))
    fit_answers(rows, fit_sentences(rows))


def _xquad(data: Path, scratch: Path) -> Iterator[Asked]:
    chance = random.Random(7)  # noqa: S311
    articles = public_sets.xquad(data)
    everything = "\n".join(text for article in articles for text in article.texts)
    for number, article in enumerate(articles):
        write_document(scratch / "xquad" / f"{number}.md", article.title, article.texts)
        for passage in article.passages:
            for question in passage.questions:
                text, gold = question.text, _sentences_at(passage.text, question.starts)
                yield Asked(text, "xquad", number, "xquad", _is_one_of(gold))
                yield Asked(text, "xquad", number, "xquad hidden", hidden=_plain(passage.text))
                if swapped := swap(text, FOREIGN, everything, chance):
                    yield Asked(swapped, "xquad", number, "xquad swapped")


def _clapnq(data: Path, scratch: Path) -> Iterator[Asked]:
    for number, row in enumerate(public_sets.clapnq(data), 1000):
        gold = frozenset(_plain(text) for text in row.selected if len(_plain(text)) > 8)
        if row.answers:
            write_document(scratch / "clapnq" / f"{number}.md", row.title, [row.passage])
            yield Asked(row.text, "clapnq", number, "clapnq", _is_one_of(gold))
        else:
            yield Asked(row.text, "clapnq", number, "clapnq unanswerable")


def _mtrag(data: Path, scratch: Path) -> Iterator[Asked]:
    for number, turn in enumerate(public_sets.mtrag(data, scratch / "mtrag"), 2000):
        kind = "mtrag" if turn.gold else "mtrag unanswerable"
        is_gold = _is_within(turn.gold) if turn.gold else None
        yield Asked(turn.text, "mtrag", number, kind, is_gold, turn.history)


def _office() -> Iterator[Asked]:
    for number, question in enumerate(office.load("dev"), 3000):
        kind = "office" if question.sources else "office unanswerable"
        is_gold = question.is_answered_by if question.sources else None
        yield Asked(question.text, "office", number, kind, is_gold, question.history)


def _is_one_of(gold: frozenset[str]) -> IsGold:
    def is_gold(_: Evidence, sentence: str) -> bool:
        text = _plain(sentence)
        return any(one in text or (len(text) > 20 and text in one) for one in gold)

    return is_gold


def _is_within(gold: Sequence[tuple[str, frozenset[str]]]) -> IsGold:
    def is_gold(paragraph: Evidence, _: str) -> bool:
        own = words(paragraph.text)
        return any(
            paragraph.source == source and sum(word in passage for word in own) >= WITHIN * len(own)
            for source, passage in gold
        )

    return is_gold


def _sentences_at(text: str, starts: Sequence[int]) -> frozenset[str]:
    spans = sentences(text)
    return frozenset(_plain(text[a:b]) for a, b in spans if any(a <= start < b for start in starts))


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", fold(text)).strip()


def read_all(asked: Sequence[Asked], scratch: Path, embedder: Embedder) -> Iterator[Row]:
    """Yield every question that finds a sentence, read by the pipeline's own steps."""
    for name in sorted({item.index for item in asked}):
        with Assistant.open(scratch / f"index-{name}", Settings()) as assistant:
            assistant.ingest([office.FOLDER / "dev" / "files" if name == "office" else scratch / name])
        index = Index.open(scratch / f"index-{name}", BUILT_IN, embedder.dimension)
        for item in track([item for item in asked if item.index == name], name):
            if row := _read(item, index, embedder):
                yield row
        index.close()


def _read(asked: Asked, index: Index, embedder: Embedder) -> Row | None:
    question = understand(condense(asked.text, asked.history), index)
    vector = embedder.embed([question.topic])[0]
    found = _without(asked.hidden, search_evidence(Search(question, vector, index, None, EVIDENCE, None)))
    ranked = read(question, found).sentences
    if not ranked:
        return None
    gold = [asked.is_gold is not None and asked.is_gold(found.evidence[s.index], s.text) for s in ranked]
    return Row(asked, question, found, ranked, np.array(gold))


def _without(hidden: str, found: SearchResult) -> SearchResult:
    kept = [at for at, item in enumerate(found.evidence) if not hidden or _plain(item.text) not in hidden]
    return replace(
        found,
        evidence=tuple(found.evidence[at] for at in kept),
        matches=[found.matches[at] for at in kept],
        sentence_similarity=[found.sentence_similarity[at] for at in kept],
    )


def fit_sentences(rows: Sequence[Row]) -> Matrix:
    """Print the weights of the features (features,) by which a gold sentence ranks first; return them."""
    answered = [row for row in rows if row.gold.any()]
    groups, kinds = np.array([(row.asked.group, row.asked.kind) for row in answered], dtype=object).T
    best_one, best_two = np.zeros(len(answered)), np.zeros(len(answered))
    for train, test in GroupKFold(FOLDS).split(groups, groups=groups):
        weights = _fitted([answered[at] for at in train])
        for at in test:
            order = np.argsort(-(answered[at].features @ weights))
            best_one[at], best_two[at] = answered[at].gold[order[0]], answered[at].gold[order[:2]].any()
    for kind in sorted(set(kinds)):
        one, two = (each[kinds == kind].mean() for each in (best_one, best_two))
        print(f"{kind}: best sentence right {one:.3f}, best two {two:.3f}")
    weights = _fitted(answered)
    names = answered[0].sentences[0].features
    print("SENTENCE =", {name: round(float(w), 2) for name, w in zip(names, weights, strict=True)})
    return weights


def _fitted(rows: Sequence[Row]) -> Matrix:
    """Return the weights. Each kind counts by the square root of its number of questions."""
    scale = np.concatenate([row.features for row in rows]).std(axis=0) + 1e-9
    kinds = [row.asked.kind for row in rows]
    shares = np.array([kinds.count(kind) ** -0.5 for kind in kinds])
    inputs, gold = [row.features / scale for row in rows], [row.gold for row in rows]
    return np.asarray(conditional_logit.fit(inputs, gold, shares / shares.mean()) / scale)


def fit_answers(rows: Sequence[Row], weights: Matrix) -> None:
    """Print the weights of "the evidence answers".

    Each kind of question counts by the square root of its number; yes and no count the same in total.
    """
    rows = [row for row in rows if row.gold.any() or not row.asked.is_gold]
    judged = [_answer_features(row, weights) for row in rows]
    inputs = np.array([list(row.values()) for row in judged])
    kinds = np.array([row.asked.kind for row in rows])
    right = np.array([row.asked.is_gold is not None for row in rows])
    share = np.array([1 / np.sqrt((kinds == kind).sum()) for kind in kinds])
    for side in (right, ~right):
        share[side] /= share[side].sum()
    share *= len(rows)
    groups = np.array([row.asked.group for row in rows])
    chance = np.zeros(len(rows))
    for train, test in GroupKFold(FOLDS).split(groups, groups=groups):
        model = LogisticRegression(max_iter=2000).fit(inputs[train], right[train], share[train])
        chance[test] = model.predict_proba(inputs[test])[:, 1]
    for kind in sorted(set(kinds)):
        under = [
            f"{(chance[kinds == kind] < bar).mean():.3f}" for bar in (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6)
        ]
        print(f"{kind}: below .1 .15 .2 .3 .4 .5 .6: {' '.join(under)}")
    for name in ("clapnq", "mtrag", "office", "xquad"):
        own = np.char.startswith(kinds, name)
        if len(set(right[own])) > 1:
            print(f"{name}: AUC {roc_auc_score(right[own], chance[own]):.3f}")
    model = LogisticRegression(max_iter=2000).fit(inputs, right, share)
    print("BIAS =", round(float(model.intercept_[0]), 2))
    print("ANSWERS =", {key: round(float(w), 2) for key, w in zip(judged[0], model.coef_[0], strict=True)})


def _answer_features(row: Row, weights: Matrix) -> dict[str, float]:
    best = row.sentences[int(np.argmax(row.features @ weights))]
    return answer_features(row.question, row.found, best)


if __name__ == "__main__":
    typer.run(main)
