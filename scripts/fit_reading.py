"""Fits the weights of `rag/extraction/reader_weights.py`:
`python -m scripts.fit_reading FOLDER`, ten minutes on two cores.

FOLDER holds the public question sets `xquad/xquad.en.json` (XQuAD, CC BY-SA 4.0) and `clapnq/*.jsonl`
(CLAPnq, Apache-2.0). Each text is indexed twice, by paragraph and with every sentence as a paragraph of its
own, so that the weights hold for both kinds of document. Questions without an answer are those of other
articles, those whose paragraph is kept from the evidence, those with a foreign name or number, and CLAPnq's
own. What it prints goes into `rag/extraction/reader_weights.py` by hand.
"""

from __future__ import annotations

import json
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from rag.extraction.reader import Sentence, answer_features, candidates, sentence_features
from rag.index.folder import Index
from rag.ingestion.indexer import ingest
from rag.models.embedder import Embedder, load_embedder
from rag.models.local import BUILT_IN
from rag.query.question import Question, read_question
from rag.retrieval.search import Search, SearchResult, search_evidence
from rag.text.names import names
from rag.text.numbers import figures
from rag.text.words import fold, sentences
from rag.types import Vectors

FOREIGN = [
    "Lichtenberg",
    "Okonkwo",
    "Tasmania",
    "Uruguay",
    "Kowalski",
    "Brisbane",
    "Madagascar",
    "Thornbury",
    "Bulgaria",
    "Senegal",
]
FOLDS = 5
EVIDENCE = 8
SHARPNESS = 1e-3  # of the penalty on the weights of the sentence model

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is asked of one index; `gold` are the folded sentences that answer."""

    text: str
    index: str
    gold: frozenset[str]
    article: int
    kind: str
    without: str = ""  # a folded paragraph that is kept from the evidence


@dataclass(frozen=True, slots=True)
class Row:
    """A question read: its sentences' features, which are gold, and what an answer is judged by."""

    asked: Asked
    question: Question
    found: SearchResult
    places: list[tuple[int, int, int]]
    features: list[dict[str, float]]
    gold: list[bool]


def main() -> None:
    """Indexes, reads, fits, and prints the weights with their cross-validated figures."""
    folder = Path(sys.argv[1])
    embedder = load_embedder(BUILT_IN)
    with tempfile.TemporaryDirectory() as scratch:
        asked = list(write_corpora(folder, Path(scratch)))
        rows = [row for row in read_all(asked, Path(scratch), embedder) if row.places]
    weights = fit_sentences(rows)
    fit_answers(rows, weights)


def write_corpora(folder: Path, scratch: Path) -> Iterator[Asked]:
    """Writes one Markdown file a text, and yields the questions to ask of each index."""
    chance = random.Random(7)  # noqa: S311
    for split in (False, True):
        yield from _xquad(folder, scratch, split, chance)
        yield from _clapnq(folder, scratch, split, chance)


def _xquad(folder: Path, scratch: Path, split: bool, chance: random.Random) -> Iterator[Asked]:
    articles = json.loads((folder / "xquad" / "xquad.en.json").read_text("utf-8"))["data"]
    for number, article in enumerate(articles):
        texts = [paragraph["context"] for paragraph in article["paragraphs"]]
        home, away = (f"xquad-{split}-{(number + step) % 2}" for step in (0, 1))
        _write(scratch / home / f"{number}.md", article["title"].replace("_", " "), texts, split)
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                text, starts = qa["question"], [answer["answer_start"] for answer in qa["answers"]]
                gold = _around(paragraph["context"], starts)
                yield Asked(text, home, gold, number, "xquad")
                yield Asked(text, away, frozenset(), number, "xquad elsewhere")
                kept_out = _plain(paragraph["context"])
                yield Asked(text, home, frozenset(), number, "xquad without", kept_out)
                if swapped := _swap(text, chance):
                    yield Asked(swapped, home, frozenset(), number, "xquad swapped")


def _clapnq(folder: Path, scratch: Path, split: bool, chance: random.Random) -> Iterator[Asked]:
    number = 1000
    for name in ("answerable", "unanswerable"):
        for line in (folder / "clapnq" / f"clapnq_dev_{name}.jsonl").read_text("utf-8").splitlines():
            number, row = number + 1, json.loads(line)
            passage = row["passages"][0]
            _write(scratch / f"clapnq-{split}" / f"{number}.md", passage["title"], [passage["text"]], split)
            selected = [text for output in row["output"] for text in output.get("selected_sentences", [])]
            gold = frozenset(_plain(text) for text in selected if len(_plain(text)) > 8)
            kind = "clapnq" if name == "answerable" else "clapnq unanswerable"
            yield Asked(
                row["input"], f"clapnq-{split}", gold if name == "answerable" else frozenset(), number, kind
            )


def _write(path: Path, title: str, texts: Sequence[str], split: bool) -> None:
    blocks = [" ".join(text.split()) for text in texts]
    if split:
        blocks = [block[start:end] for block in blocks for start, end in sentences(block)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join([f"# {title}", *blocks]), "utf-8")


def _around(context: str, starts: Sequence[int]) -> frozenset[str]:
    spans = sentences(context)
    return frozenset(_plain(context[a:b]) for a, b in spans if any(a <= start < b for start in starts))


def _swap(text: str, chance: random.Random) -> str | None:
    parts = names(text) + sorted(figure for figure in figures(text) if figure.isdigit() and figure in text)
    if not parts:
        return None
    part = chance.choice(parts)
    return text.replace(
        part, str(int(part) + chance.choice((1, 3, 10))) if part.isdigit() else chance.choice(FOREIGN)
    )


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", fold(text)).strip()


def read_all(asked: Sequence[Asked], scratch: Path, embedder: Embedder) -> list[Row]:
    """Every question read with the project's own steps."""
    rows = []
    for name in sorted({item.index for item in asked}):
        index = Index.open(scratch / f"index-{name}", BUILT_IN, embedder.dimension)
        ingest(index, [scratch / name], embedder.embed_parts, embedder.count_tokens, embedder.limit, "fit")
        here = [(item, read_question(item.text)) for item in asked if item.index == name]
        topics = list(dict.fromkeys(question.topic for _, question in here))
        vectors = dict(zip(topics, embedder.embed(topics), strict=True))
        for item, question in track(here, description=name):
            rows.append(_read(item, question, vectors[question.topic], index))
        index.close()
    return rows


def _read(asked: Asked, question: Question, vector: Vectors, index: Index) -> Row:
    found = _without(asked.without, search_evidence(Search(question, vector, index, None, EVIDENCE, None)))
    places = candidates(found.evidence, found.sentence_similarity)
    texts = [found.evidence[index_].text[start:end] for index_, start, end in places]
    cosines = np.array([found.sentence_similarity[index_][start, end] for index_, start, end in places])
    features = sentence_features(question, found.evidence, found.rarity, found.similarity, places, cosines)
    gold = [
        any(answer in text or (len(text) > 20 and text in answer) for answer in asked.gold)
        for text in map(_plain, texts)
    ]
    return Row(asked, question, found, places, features, gold)


def _without(text: str, found: SearchResult) -> SearchResult:
    kept = [at for at, item in enumerate(found.evidence) if not text or _plain(item.text) not in text]
    evidence = tuple(found.evidence[at] for at in kept)
    similarity, sentence_similarity = (
        [found.similarity[at] for at in kept],
        [found.sentence_similarity[at] for at in kept],
    )
    return replace(found, evidence=evidence, similarity=similarity, sentence_similarity=sentence_similarity)


def fit_sentences(rows: Sequence[Row]) -> dict[str, float]:
    """A conditional logit: the odds of a sentence against all others of its evidence (McFadden 1974)."""
    held = [row for row in rows if any(row.gold)]
    keys = list(held[0].features[0])
    inputs = [np.array([[row[key] for key in keys] for row in item.features]) for item in held]
    golds = [np.array(item.gold) for item in held]
    groups = np.array([item.asked.article for item in held])
    first, second = np.zeros(len(held)), np.zeros(len(held))
    for train, test in GroupKFold(FOLDS).split(groups, groups=groups):
        weights = _logit([inputs[i] for i in train], [golds[i] for i in train])
        for i in test:
            order = np.argsort(-(inputs[i] @ weights))
            first[i], second[i] = golds[i][order[0]], golds[i][order[:2]].any()
    for kind in ("xquad", "clapnq"):
        of_kind = np.array([item.asked.kind == kind for item in held])
        print(
            f"{kind}: best sentence right {first[of_kind].mean():.3f}, best two {second[of_kind].mean():.3f}"
        )
    weights = _logit(inputs, golds)
    found = dict(zip(keys, map(float, weights), strict=True))
    print("SENTENCE =", {key: round(value, 2) for key, value in found.items()})
    return found


def _logit(inputs: Sequence[Matrix], golds: Sequence[NDArray[np.bool_]]) -> Matrix:
    scale = np.concatenate(inputs).std(axis=0)
    longest = max(map(len, inputs))
    values = torch.zeros(len(inputs), longest, len(scale))
    real, gold = torch.zeros(2, len(inputs), longest, dtype=torch.bool)
    for at, (matrix, right) in enumerate(zip(inputs, golds, strict=True)):
        values[at, : len(matrix)] = torch.from_numpy(matrix / scale)
        real[at, : len(matrix)], gold[at, : len(matrix)] = True, torch.from_numpy(right)
    weights = torch.zeros(len(scale), requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        odds = values @ weights
        every = torch.logsumexp(odds.masked_fill(~real, -1e9), 1)
        right = torch.logsumexp(odds.masked_fill(~gold, -1e9), 1)
        total = (every - right).mean() + SHARPNESS * (weights**2).sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return np.asarray(weights.detach().numpy() / scale)


def fit_answers(rows: Sequence[Row], weights: dict[str, float]) -> None:
    """A logistic regression, each kind of question weighing by the root of its number, both answers alike."""
    judged = [_judged(row, weights) for row in rows]
    keys = list(judged[0])
    inputs = np.array([[row[key] for key in keys] for row in judged])
    kinds = np.array([row.asked.kind for row in rows])
    right = np.array([row.asked.kind in ("xquad", "clapnq") for row in rows])
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
    print("ANSWERS =", {key: round(float(w), 2) for key, w in zip(keys, model.coef_[0], strict=True)})


def _judged(row: Row, weights: dict[str, float]) -> dict[str, float]:
    odds = [sum(weights[key] * value for key, value in features.items()) for features in row.features]
    best = int(np.argmax(odds))
    index, start, end = row.places[best]
    sentence = Sentence(index, start, end, row.found.evidence[index].text[start:end], 1.0, row.features[best])
    nearest = max(features["sentence_cosine"] for features in row.features)
    return answer_features(row.question, row.found.evidence, row.found.rarity, sentence, nearest)


if __name__ == "__main__":
    main()
