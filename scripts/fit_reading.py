"""Fit the weights of `rag/extraction/reader_weights.py`: `python -m scripts.fit_reading [FOLDER]`.

FOLDER holds `xquad/` (CC BY-SA 4.0) and `clapnq/` (Apache-2.0). Each text is indexed twice, by paragraph and
with every sentence as a paragraph of its own, so that the weights suit both kinds of document. Questions
without an answer are those of other articles, those whose paragraph is kept from the evidence, those with a
foreign name or number, and CLAPnq's own. Copy what it prints by hand. Takes ten minutes on two cores.
"""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Iterator, Sequence
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
from rag import Assistant, Settings
from rag.extraction.reader import Sentence, answer_features, read
from rag.index.folder import Index
from rag.models.embedder import Embedder, load_embedder
from rag.models.local import BUILT_IN
from rag.query.question import Question, read_question
from rag.retrieval.search import Search, SearchResult, search_evidence
from rag.text.words import fold, sentences
from scripts import conditional_logit, public_sets
from scripts.bench.corpora import swap
from scripts.public_sets import Data, write_document

# Names for swapped questions; not the bench's, which the weights must not be fitted to.
FOREIGN = ("Lichtenberg", "Okonkwo", "Tasmania", "Uruguay", "Kowalski", "Brisbane", "Madagascar", "Thornbury")
FOLDS = 5
EVIDENCE = 8

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is asked of one index; `gold` are the folded sentences that answer."""

    text: str
    index: str
    gold: frozenset[str]
    article: int
    kind: str
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
        asked = list(write_documents(data, Path(scratch)))
        rows = list(read_all(asked, Path(scratch), load_embedder(BUILT_IN)))
    fit_answers(rows, fit_sentences(rows))


def write_documents(data: Path, scratch: Path) -> Iterator[Asked]:
    """Write one Markdown file per text, and yield the questions to ask of each index."""
    chance = random.Random(7)  # noqa: S311
    for by_sentence in (False, True):
        yield from _xquad(data, scratch, by_sentence, chance)
        yield from _clapnq(data, scratch, by_sentence)


def _xquad(data: Path, scratch: Path, by_sentence: bool, chance: random.Random) -> Iterator[Asked]:
    articles = public_sets.xquad(data)
    everything = "\n".join(text for article in articles for text in article.texts)
    for number, article in enumerate(articles):
        home, away = (f"xquad-{by_sentence}-{(number + step) % 2}" for step in (0, 1))
        texts = _blocks(article.texts, by_sentence)
        write_document(scratch / home / f"{number}.md", article.title, texts)
        for passage in article.passages:
            for question in passage.questions:
                text, gold = question.text, _sentences_at(passage.text, question.starts)
                yield Asked(text, home, gold, number, "xquad")
                yield Asked(text, away, frozenset(), number, "xquad elsewhere")
                yield Asked(text, home, frozenset(), number, "xquad hidden", _plain(passage.text))
                if swapped := swap(text, FOREIGN, everything, chance):
                    yield Asked(swapped, home, frozenset(), number, "xquad swapped")


def _clapnq(data: Path, scratch: Path, by_sentence: bool) -> Iterator[Asked]:
    index = f"clapnq-{by_sentence}"
    for number, row in enumerate(public_sets.clapnq(data), 1000):
        texts = _blocks([row.passage], by_sentence)
        write_document(scratch / index / f"{number}.md", row.title, texts)
        gold = frozenset(_plain(text) for text in row.selected if len(_plain(text)) > 8)
        yield Asked(row.text, index, gold, number, "clapnq" if row.answers else "clapnq unanswerable")


def _blocks(texts: Sequence[str], by_sentence: bool) -> list[str]:
    if not by_sentence:
        return list(texts)
    return [text[start:end] for text in texts for start, end in sentences(" ".join(text.split()))]


def _sentences_at(text: str, starts: Sequence[int]) -> frozenset[str]:
    spans = sentences(text)
    return frozenset(_plain(text[a:b]) for a, b in spans if any(a <= start < b for start in starts))


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", fold(text)).strip()


def read_all(asked: Sequence[Asked], scratch: Path, embedder: Embedder) -> Iterator[Row]:
    """Yield every question that finds a sentence, read by the pipeline's own steps."""
    for name in sorted({item.index for item in asked}):
        with Assistant.open(scratch / f"index-{name}", Settings()) as assistant:
            assistant.ingest([scratch / name])
        index = Index.open(scratch / f"index-{name}", BUILT_IN, embedder.dimension)
        for item in track([item for item in asked if item.index == name], name):
            if row := _read(item, index, embedder):
                yield row
        index.close()


def _read(asked: Asked, index: Index, embedder: Embedder) -> Row | None:
    question = read_question(asked.text)
    vector = embedder.embed([question.topic])[0]
    found = _without(asked.hidden, search_evidence(Search(question, vector, index, None, EVIDENCE, None)))
    ranked = read(question, found).sentences
    if not ranked:
        return None
    texts = [_plain(sentence.text) for sentence in ranked]
    gold = [any(one in text or (len(text) > 20 and text in one) for one in asked.gold) for text in texts]
    return Row(asked, question, found, ranked, np.array(gold))


def _without(hidden: str, found: SearchResult) -> SearchResult:
    kept = [at for at, item in enumerate(found.evidence) if not hidden or _plain(item.text) not in hidden]
    return replace(
        found,
        evidence=tuple(found.evidence[at] for at in kept),
        similarity=[found.similarity[at] for at in kept],
        sentence_similarity=[found.sentence_similarity[at] for at in kept],
    )


def fit_sentences(rows: Sequence[Row]) -> Matrix:
    """Print the weights of the features (features,) by which a gold sentence ranks first; return them."""
    answered = [row for row in rows if row.gold.any()]
    groups, kinds = np.array([(row.asked.article, row.asked.kind) for row in answered], dtype=object).T
    best_one, best_two = np.zeros(len(answered)), np.zeros(len(answered))
    for train, test in GroupKFold(FOLDS).split(groups, groups=groups):
        weights = _fitted([answered[at] for at in train])
        for at in test:
            order = np.argsort(-(answered[at].features @ weights))
            best_one[at], best_two[at] = answered[at].gold[order[0]], answered[at].gold[order[:2]].any()
    for kind in ("xquad", "clapnq"):
        one, two = (each[kinds == kind].mean() for each in (best_one, best_two))
        print(f"{kind}: best sentence right {one:.3f}, best two {two:.3f}")
    weights = _fitted(answered)
    names = answered[0].sentences[0].features
    print("SENTENCE =", {name: round(float(w), 2) for name, w in zip(names, weights, strict=True)})
    return weights


def _fitted(rows: Sequence[Row]) -> Matrix:
    scale = np.concatenate([row.features for row in rows]).std(axis=0) + 1e-9
    weights = conditional_logit.fit([row.features / scale for row in rows], [row.gold for row in rows])
    return np.asarray(weights / scale)


def fit_answers(rows: Sequence[Row], weights: Matrix) -> None:
    """Print the weights of "the evidence answers".

    Each kind of question counts by the square root of its number; yes and no count the same in total.
    """
    judged = [_answer_features(row, weights) for row in rows]
    inputs = np.array([list(row.values()) for row in judged])
    kinds = np.array([row.asked.kind for row in rows])
    right = np.isin(kinds, ("xquad", "clapnq"))
    share = np.array([1 / np.sqrt((kinds == kind).sum()) for kind in kinds])
    for side in (right, ~right):
        share[side] /= share[side].sum()
    share *= len(rows)
    groups = np.array([row.asked.article for row in rows])
    chance = np.zeros(len(rows))
    for train, test in GroupKFold(FOLDS).split(groups, groups=groups):
        model = LogisticRegression(max_iter=2000).fit(inputs[train], right[train], share[train])
        chance[test] = model.predict_proba(inputs[test])[:, 1]
    for kind in sorted(set(kinds)):
        refused = [f"{(chance[kinds == kind] < bar).mean():.3f}" for bar in (0.2, 0.3, 0.4, 0.5)]
        print(f"{kind}: refused below .2 .3 .4 .5: {' '.join(refused)}")
    print(f"AUC {roc_auc_score(right, chance):.3f}")
    model = LogisticRegression(max_iter=2000).fit(inputs, right, share)
    print("BIAS =", round(float(model.intercept_[0]), 2))
    print("ANSWERS =", {key: round(float(w), 2) for key, w in zip(judged[0], model.coef_[0], strict=True)})


def _answer_features(row: Row, weights: Matrix) -> dict[str, float]:
    best = row.sentences[int(np.argmax(row.features @ weights))]
    nearest = max(sentence.features["sentence_cosine"] for sentence in row.sentences)
    return answer_features(row.question, row.found.evidence, row.found.rarity, best, nearest)


if __name__ == "__main__":
    typer.run(main)
