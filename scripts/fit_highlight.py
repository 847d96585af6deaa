"""Fit the weights of `rag/extraction/highlight_weights.py`: `python -m scripts.fit_highlight [FOLDER]`.

FOLDER holds `xquad/` (CC BY-SA 4.0). Two texts are highlighted for each question: the sentence with the
answer, and the statements that Pilcrow answers with from an index of all articles. The figures printed are
cross-validated by article. Copy the weights by hand. Takes five minutes.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from eval import DATA
from eval.metrics import exact_match, f1
from rag import Assistant, Settings
from rag.extraction.highlight import (
    Features,
    Wanted,
    candidate_spans,
    left_features,
    overlap,
    right_features,
    span_features,
    want,
)
from rag.query.question import read_question
from rag.text.tokens import tokenize
from rag.text.words import sentences
from scripts import conditional_logit
from scripts.public_sets import Article, Data, write_document, xquad

FOLDS = 4
COMMON = 30  # spans that must have a feature for it to get a weight
KEPT = 200  # weights

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of one article, its right answers, and the texts that may contain them."""

    article: int
    question: str
    golds: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spans:
    """All spans of one text: the words, first and last token, features and F1 of each."""

    asked: Asked
    written: list[str]
    places: list[tuple[int, int]]
    features: list[Features]
    f1: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Highlight:
    """A highlight in one text: whether it is exactly right, its F1, and its probability."""

    exact: float
    f1: float
    probability: float


def main(data: Data = DATA) -> None:
    """Read, ask, cross-validate, fit on everything and print."""
    torch.set_num_threads(1)
    articles = xquad(data)
    gold = [spans_of(asked) for asked in gold_sentences(articles)]
    answered = [spans_of(asked) for asked in own_statements(articles)]
    names = ("the sentence with the answer", "Pilcrow's own statements")
    judged = cross_validate(gold, answered)
    for name, tested, highlights in zip(names, (gold, answered), judged, strict=True):
        print(f"{name}: {len(tested)} questions")
        report(tested, highlights)
    weights = fit([item for tested in (gold, answered) for texts in tested for item in texts])
    print("WEIGHTS =", {name: round(value, 2) for name, value in sorted(weights.items())})


def gold_sentences(articles: Sequence[Article]) -> Iterator[Asked]:
    """Yield each question with the sentence that contains its answer."""
    for number, article in enumerate(articles):
        for passage in article.passages:
            spans = list(sentences(passage.text))
            for asked in passage.questions:
                text = next(passage.text[a:b] for a, b in spans if a <= asked.starts[0] < b)
                yield Asked(number, asked.text, asked.answers, (text,))


def own_statements(articles: Sequence[Article]) -> Iterator[Asked]:
    """Yield each question that Pilcrow answers from all articles, with its statements."""
    with tempfile.TemporaryDirectory() as scratch:
        documents = Path(scratch) / "documents"
        for number, article in enumerate(articles):
            write_document(documents / f"{number}.md", article.title, article.texts)
        with Assistant.open(Path(scratch) / "index", Settings()) as assistant:
            assistant.ingest([documents])
            for asked in gold_sentences(articles):
                if statements := assistant.ask(asked.question).statements:
                    yield replace(asked, texts=tuple(statement.text for statement in statements))


def spans_of(asked: Asked) -> list[Spans]:
    """Return every span of each text, with its features and its F1."""
    wanted = want(read_question(asked.question))
    return [_spans(asked, text, wanted) for text in asked.texts]


def _spans(asked: Asked, text: str, wanted: Wanted) -> Spans:
    tokens = tokenize(text)
    left, right = left_features(wanted, tokens), right_features(wanted, tokens)
    places = list(candidate_spans(wanted, tokens))
    written = [text[tokens[i].start : tokens[j].end] for i, j in places]
    features = [left[i] | right[j] | span_features(wanted, tokens, i, j) for i, j in places]
    return Spans(asked, written, places, features, np.array([f1(span, asked.golds) for span in written]))


def cross_validate(*sets: Sequence[Sequence[Spans]]) -> list[list[list[Highlight]]]:
    """Return the highlights of each question of each set by weights fitted to all sets' other articles."""
    items = [item for tested in sets for texts in tested for item in texts]
    articles = np.array([item.asked.article for item in items])
    weights_of: dict[int, dict[str, float]] = {}
    for train, test in GroupKFold(FOLDS).split(articles, groups=articles):
        weights = fit([items[at] for at in train])
        weights_of |= dict.fromkeys(articles[test], weights)
    return [
        [[judge(item, weights_of[item.asked.article]) for item in texts] for texts in tested]
        for tested in sets
    ]


def judge(item: Spans, weights: dict[str, float]) -> Highlight:
    """Return the best span of a text, as `rag.extraction.highlight.best` finds it."""
    if not item.places:
        return Highlight(0.0, 0.0, 0.0)
    scores = np.array([sum(weights.get(n, 0.0) * v for n, v in row.items()) for row in item.features])
    best, odds = int(scores.argmax()), np.exp(scores)
    like = np.array([overlap(place, item.places[best]) for place in item.places])
    exact = exact_match(item.written[best], item.asked.golds)
    return Highlight(exact, float(item.f1[best]), float(odds @ like / (1 + odds.sum())))


def fit(items: Sequence[Spans]) -> dict[str, float]:
    """Fit, keep the KEPT weights that move the scores most, and fit these again."""
    items = [item for item in items if item.places]
    count = Counter(name for item in items for row in item.features for name, value in row.items() if value)
    names = [name for name, spans in count.items() if spans >= COMMON]
    inputs = [_matrix(item, names) for item in items]
    moved = np.abs(_fitted(inputs, items)) * np.concatenate(inputs).std(axis=0)
    moved[names.index("any")] = np.inf
    kept = np.argsort(-moved)[:KEPT]
    weights = _fitted([matrix[:, kept] for matrix in inputs], items)
    return {names[at]: float(weight) for at, weight in zip(kept, weights, strict=True)}


def _matrix(item: Spans, names: Sequence[str]) -> Matrix:
    place = {name: at for at, name in enumerate(names)}
    matrix = np.zeros((len(item.features), len(names)), np.float32)
    for at, row in enumerate(item.features):
        for name in row.keys() & place.keys():
            matrix[at, place[name]] = row[name]
    return matrix


def _fitted(inputs: Sequence[Matrix], items: Sequence[Spans]) -> NDArray[np.float64]:
    """Fit the odds of the right spans against the others of their text and "none", a row of zeros."""
    right = [(item.f1 > 0.5) & (item.f1 > item.f1.max() - 1e-6) for item in items]
    with_none = [np.pad(matrix, ((0, 1), (0, 0))) for matrix in inputs]
    return conditional_logit.fit(with_none, [np.append(each, not each.any()) for each in right])


def report(tested: Sequence[Sequence[Spans]], questions: Sequence[Sequence[Highlight]]) -> None:
    """Print how right each question's most probable highlight is, then the figures by threshold."""
    best = [max(texts, key=lambda one: one.probability) for texts in questions]
    whole = [texts[0].asked for texts in tested]
    texts = [(exact_match(one.texts[0], one.golds), f1(one.texts[0], one.golds)) for one in whole]
    print(f"  model: {_scores([(one.exact, one.f1) for one in best])}")
    print(f"  the whole first text: {_scores(texts)}")
    for bar in np.arange(0.3, 0.85, 0.05):
        shown = [(one.exact, one.f1) for each in questions for one in each if one.probability >= bar]
        asked = np.mean([any(one.probability >= bar for one in each) for each in questions])
        print(f"  bar {bar:.2f}: {asked:.3f} of the questions, {len(shown)} highlights, {_scores(shown)}")


def _scores(pairs: Sequence[tuple[float, float]]) -> str:
    if not pairs:
        return "–"
    exact, values = np.array(pairs).T
    return f"exact {exact.mean():.3f}, F1 {values.mean():.3f}, F1 > .5 {np.mean(values > 0.5):.3f}"


if __name__ == "__main__":
    typer.run(main)
