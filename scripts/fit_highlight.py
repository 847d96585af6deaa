"""Fits the weights of `rag/extraction/highlight_weights.py`:
`python -m scripts.fit_highlight FOLDER`, five minutes.

FOLDER holds `xquad/xquad.en.json` (XQuAD, CC BY-SA 4.0). Two texts are marked for each question: the sentence
that holds the answer, and the statements that Pilcrow answers with from an index of all articles. What it
prints is cross-validated by article; the weights go into `rag/extraction/highlight_weights.py` by hand.
"""

from __future__ import annotations

import json
import re
import string
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from rag import Assistant, Settings
from rag.extraction.highlight import (
    Features,
    Wanted,
    candidates,
    left_features,
    overlap,
    right_features,
    span_features,
    want,
)
from rag.query.question import AnswerKind, answers_kind, read_question
from rag.text.names import runs
from rag.text.tokens import tokenize
from rag.text.words import content_words, sentences

FOLDS = 4
PENALTY = 1e-3  # on the squares of the weights
SEEN = 30  # spans that must have a feature for it to get a weight
MOST = 200  # weights

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of one article, its right answers, and the texts that may hold them."""

    article: int
    question: str
    golds: tuple[str, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spans:
    """All spans of one text: what is written there, first and last token, and features."""

    asked: Asked
    written: list[str]
    places: list[tuple[int, int]]
    features: list[Features]
    f1: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Marked:
    """A mark in one text: is it exactly right, its F1, and how sure it is."""

    exact: float
    f1: float
    sure: float


def main() -> None:
    """Reads, asks, cross-validates, fits on everything and prints."""
    articles = json.loads((Path(sys.argv[1]) / "xquad" / "xquad.en.json").read_text("utf-8"))["data"]
    gold = [spans_of(asked) for asked in gold_sentences(articles)]
    answered = [spans_of(asked) for asked in own_statements(articles)]
    names = ("the sentence that holds the answer", "Pilcrow's own statements")
    judged = cross_validate(gold, answered)
    for name, tested, marked in zip(names, (gold, answered), judged, strict=True):
        print(f"{name}: {len(tested)} questions")
        baselines(tested)
        report(marked)
    weights = fit([item for tested in (gold, answered) for texts in tested for item in texts])
    print("WEIGHTS =", {name: round(value, 2) for name, value in sorted(weights.items())})


def gold_sentences(articles: Sequence[dict]) -> Iterator[Asked]:  # type: ignore[type-arg]
    """Each question with the sentence that holds its answer."""
    for number, article in enumerate(articles):
        for paragraph in article["paragraphs"]:
            spans = list(sentences(paragraph["context"]))
            for qa in paragraph["qas"]:
                at = qa["answers"][0]["answer_start"]
                text = next(paragraph["context"][start:end] for start, end in spans if start <= at < end)
                yield Asked(number, qa["question"], tuple(a["text"] for a in qa["answers"]), (text,))


def own_statements(articles: Sequence[dict]) -> Iterator[Asked]:  # type: ignore[type-arg]
    """Each question that Pilcrow answers with all articles as its documents, with its statements."""
    with tempfile.TemporaryDirectory() as scratch:
        documents = Path(scratch) / "documents"
        documents.mkdir()
        for number, article in enumerate(articles):
            blocks = [" ".join(paragraph["context"].split()) for paragraph in article["paragraphs"]]
            title = article["title"].replace("_", " ")
            (documents / f"{number}.md").write_text("\n\n".join([f"# {title}", *blocks]), "utf-8")
        with Assistant.open(Path(scratch) / "index", Settings()) as assistant:
            assistant.ingest([documents])
            for asked in gold_sentences(articles):
                statements = assistant.ask(asked.question).statements
                if statements:
                    texts = tuple(statement.text for statement in statements)
                    yield Asked(asked.article, asked.question, asked.golds, texts)


def spans_of(asked: Asked) -> list[Spans]:
    """Every span of each text, with its features and its F1."""
    wanted = want(read_question(asked.question))
    return [_spans(asked, text, wanted) for text in asked.texts]


def _spans(asked: Asked, text: str, wanted: Wanted) -> Spans:
    tokens = tokenize(text)
    left, right = left_features(wanted, tokens), right_features(wanted, tokens)
    places = list(candidates(wanted, tokens))
    written = [text[tokens[i].start : tokens[j].end] for i, j in places]
    features = [left[i] | right[j] | span_features(wanted, tokens, i, j) for i, j in places]
    f1 = np.array([max(f1_of(span, gold) for gold in asked.golds) for span in written])
    return Spans(asked, written, places, features, f1)


def cross_validate(*sets: Sequence[Sequence[Spans]]) -> list[list[list[Marked]]]:
    """What is marked for each question of each set by weights fitted on all sets' other articles."""
    items = [item for tested in sets for texts in tested for item in texts]
    articles = np.array([item.asked.article for item in items])
    marked: list[list[list[Marked]]] = [[] for _ in sets]
    for train, test in GroupKFold(FOLDS).split(articles, groups=articles):
        weights = fit([items[at] for at in train])
        held = set(articles[test])
        for found, tested in zip(marked, sets, strict=True):
            asked = [texts for texts in tested if texts[0].asked.article in held]
            found += [[judge(item, weights) for item in texts] for texts in asked]
    return marked


def judge(item: Spans, weights: dict[str, float]) -> Marked:
    """The best span of a text, as `rag.extraction.highlight.best` finds it."""
    if not item.places:
        return Marked(0.0, 0.0, 0.0)
    scores = np.array([sum(weights.get(n, 0.0) * v for n, v in row.items()) for row in item.features])
    best, odds = int(scores.argmax()), np.exp(scores)
    like = np.array([overlap(place, item.places[best]) for place in item.places])
    exact = exact_of(item.written[best], item.asked.golds)
    return Marked(exact, float(item.f1[best]), float(odds @ like / (1 + odds.sum())))


def fit(items: Sequence[Spans]) -> dict[str, float]:
    """Fits, keeps the MOST weights that move the scores most, and fits these again."""
    items = [item for item in items if item.places]
    seen = Counter(name for item in items for row in item.features for name, value in row.items() if value)
    names = [name for name, count in seen.items() if count >= SEEN]
    inputs = np.concatenate([_matrix(item, names) for item in items])
    moved = np.abs(_logit(inputs, items)) * inputs.std(axis=0)
    moved[names.index("any")] = np.inf
    kept = np.argsort(-moved)[:MOST]
    weights = _logit(inputs[:, kept], items)
    return {names[at]: float(weight) for at, weight in zip(kept, weights, strict=True)}


def _matrix(item: Spans, names: Sequence[str]) -> Matrix:
    place = {name: at for at, name in enumerate(names)}
    matrix = np.zeros((len(item.features), len(names)), np.float32)
    for at, row in enumerate(item.features):
        for name, value in row.items():
            if name in place:
                matrix[at, place[name]] = value
    return matrix


def _logit(inputs: Matrix, items: Sequence[Spans]) -> Matrix:
    """A conditional logit: the odds of the right spans against all of their text and none (McFadden 1974)."""
    values = torch.from_numpy(inputs)
    of = torch.from_numpy(np.repeat(np.arange(len(items)), [len(item.f1) for item in items]))
    right_ones = [(item.f1 > 0.5) & (item.f1 > item.f1.max() - 1e-6) for item in items]
    gold = torch.from_numpy(np.concatenate(right_ones))
    none = torch.tensor([float(not right.any()) for right in right_ones])
    weights = torch.zeros(inputs.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        scores = values @ weights
        odds = torch.exp(scores.clamp(-30, 30))
        every = torch.ones(len(items)).index_add(0, of, odds)
        right = none.index_add(0, of, odds * gold)
        total = (torch.log(every) - torch.log(right + 1e-12)).mean() + PENALTY * (weights**2).sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return np.asarray(weights.detach().numpy())


def report(questions: Sequence[Sequence[Marked]]) -> None:
    """Exact match and F1 of the surest mark of every question, then by the bar that a mark must pass."""
    best = [max(texts, key=lambda mark: mark.sure) for texts in questions]
    exact, f1 = np.mean([mark.exact for mark in best]), np.mean([mark.f1 for mark in best])
    print(f"  model: exact {exact:.3f}, F1 {f1:.3f}, F1 > .5 {np.mean([m.f1 > 0.5 for m in best]):.3f}")
    for bar in np.arange(0.3, 0.85, 0.05):
        shown = [mark for texts in questions for mark in texts if mark.sure >= bar]
        asked = np.mean([any(mark.sure >= bar for mark in texts) for texts in questions])
        print(
            f"  bar {bar:.2f}: {asked:.3f} of the questions marked, {len(shown)} marks,"
            f" F1 > .5 {np.mean([m.f1 > 0.5 for m in shown]):.3f},"
            f" exact {np.mean([m.exact for m in shown]):.3f}, F1 {np.mean([m.f1 for m in shown]):.3f}"
        )


def baselines(items: Sequence[Sequence[Spans]]) -> None:
    """The whole first text, and a rule by the kind of the question, as if every question were marked."""
    for name, guess in (("whole", lambda asked: asked.texts[0]), ("rule", rule)):
        guesses = [(guess(texts[0].asked), texts[0].asked.golds) for texts in items]
        exact = np.mean([exact_of(text, golds) for text, golds in guesses])
        f1 = [max(f1_of(text, gold) for gold in golds) for text, golds in guesses]
        right = np.mean(np.array(f1) > 0.5)
        print(f"  {name}: exact {exact:.3f}, F1 {np.mean(f1):.3f}, F1 > .5 {right:.3f}")


def rule(asked: Asked) -> str:
    """The first number, date or name that the question lacks, by its kind; else the piece with most new."""
    question = read_question(asked.question)
    said = set(question.words)
    text = next((text for text in asked.texts if answers_kind(question, text)), asked.texts[0])
    patterns = {
        AnswerKind.NUMBER: r"[$£€]?\d[\d.,]*(?: (?:million|billion|%|percent))?%?|\b(?:two|three|four)\b",
        AnswerKind.SIZE: r"\d[\d.,]* \w+",
        AnswerKind.AGE: r"\d+(?: years old)?",
        AnswerKind.TIME: r"(?:\d{1,2} )?(?:[A-Z][a-z]+ )?(?:\d{1,2}, )?(?:1\d|20)\d\ds?",
        AnswerKind.REASON: r"(?<=because ).*|\bto .*",
    }
    if question.kind in patterns:
        for match in re.finditer(patterns[question.kind], text):
            if not said & set(content_words(match[0])):
                return match[0].strip(" .,")
    named = [run for run in runs(text) if not said & set(content_words(run))]
    if named:
        return named[0]
    pieces = re.split(r"[,.;:()]", text)
    return max(pieces, key=lambda piece: len(set(content_words(piece)) - said)).strip()


def _normal(text: str) -> list[str]:
    """SQuAD's normalisation: lower case, no punctuation, no articles."""
    plain = "".join(sign for sign in text.lower() if sign not in string.punctuation)
    return re.sub(r"\b(?:a|an|the)\b", " ", plain).split()


def exact_of(text: str, golds: Sequence[str]) -> float:
    """1 if the text is one of the answers, else 0 (Rajpurkar et al. 2016)."""
    return float(any(_normal(text) == _normal(gold) for gold in golds))


def f1_of(text: str, gold: str) -> float:
    """The F1 of the words of a text and those of the answer (Rajpurkar et al. 2016)."""
    one, other = _normal(text), _normal(gold)
    shared = sum((Counter(one) & Counter(other)).values())
    return 2 * shared / (len(one) + len(other)) if shared else 0.0


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
