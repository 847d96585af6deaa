"""Fit the weights of `rag/verification/grounding_weights.py`: `python -m scripts.fit_grounding [FOLDER]`.

FOLDER holds `xquad/` (CC BY-SA 4.0), `clapnq/` (Apache-2.0), `wice/` (ODC-BY) and `summedits/` (Apache-2.0).
True sentences are those of XQuAD's paragraphs and rewordings of them, CLAPnq's answers and WiCE's supported
claims; lies are these with one fault planted (`plant_faults.py`) and WiCE's other claims. The figures printed
are cross-validated by article; SummEdits is only for testing. Copy the weights by hand. Takes five minutes.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_score, recall_score
from sklearn.model_selection import GroupKFold

from eval import DATA
from eval.judge import public_sets as claim_sets
from eval.judge.planted import Material, Right
from rag.models.embedder import load_embedder
from rag.models.local import BUILT_IN
from rag.text.words import sentences
from rag.types import Evidence, Vectors
from rag.verification.clauses import split_clauses
from rag.verification.grounding import Embed, all_features, read_passages, sound_passages
from rag.verification.grounding_weights import THRESHOLD
from rag.verification.likeness import Features
from scripts import public_sets
from scripts.plant_faults import LIES, REWORDINGS
from scripts.public_sets import Data

FOLDS = 5


@dataclass(frozen=True, slots=True)
class Item:
    """A sentence to check against paragraphs, its article, set and kind, and whether it is true."""

    group: str
    corpus: str
    kind: str
    true: bool
    sentence: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """The features of the sound passages of a whole sentence, and of each of its clauses."""

    item: Item
    whole: list[Features]
    clauses: list[list[Features]]


class CachedEmbedder:
    """An embedder that embeds each text once."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._known: dict[str, Vectors] = {}

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, float32 (texts, dimension)."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self._embed(new), strict=True))
        return np.array([self._known[text] for text in texts])


def main(data: Data = DATA) -> None:
    """Read, plant, measure, cross-validate, fit on everything and print."""
    torch.set_num_threads(1)
    embed = CachedEmbedder(load_embedder(BUILT_IN).embed)
    measured = [measure(item, embed) for item in training_items(data)]
    report(measured, cross_validated(measured))
    weights = fit(measured)
    print("BIAS, WEIGHTS =", {name: round(value, 2) for name, value in weights.items()})
    for name in ("news", "scitldr"):
        tested = [measure(item, embed) for item in summaries(data, name)]
        print(f"SummEdits {name}")
        print_table(tested, np.array([score(one, weights) for one in tested]))


def training_items(data: Path) -> Iterator[Item]:
    """Yield the true sentences of all sets, WiCE's unsupported claims, and the lies made of the true ones."""
    claims = list(wice(data))
    true = [*xquad(data), *clapnq(data), *(item for item in claims if item.true)]
    yield from true
    yield from (item for item in claims if not item.true)
    chance = random.Random(6)  # noqa: S311
    parts = {item.group: [part for each in item.evidence for part in parts_of(each.text)] for item in true}
    for item in true:
        around = [part for each in item.evidence for part in parts_of(each.text)]
        groups = {item.group, *chance.sample(sorted(parts), min(3, len(parts)))}
        others = [part for group in sorted(groups) for part in parts[group] if part not in around]
        rights = tuple(Right("", part, ()) for part in others)
        material = Material(item.sentence, "\n".join(around), rights, chance)
        changes = [(*each, True) for each in REWORDINGS.items() if item.corpus == "xquad"]
        for kind, change, is_true in [*changes, *((*each, False) for each in LIES.items())]:
            new = change(material)
            if new and new != item.sentence:
                yield Item(item.group, item.corpus, kind, is_true, new, item.evidence)


def parts_of(text: str) -> list[str]:
    """Return the sentences of a text."""
    return [text[start:end] for start, end in sentences(text)]


def xquad(data: Path) -> Iterator[Item]:
    """Yield every sentence of every paragraph."""
    for article in public_sets.xquad(data):
        for text in article.texts:
            evidence = (Evidence(1, article.title, 1, text, heading=article.title),)
            for part in parts_of(text):
                if len(part.split()) > 5:
                    yield Item(article.title, "xquad", "copied", True, part, evidence)


def clapnq(data: Path) -> Iterator[Item]:
    """Yield every sentence of the answers that people wrote from a passage."""
    for row in public_sets.clapnq(data):
        evidence = (Evidence(1, row.title, 1, joined(row.passage), heading=row.title),)
        for part in (part for answer in row.answers for part in parts_of(joined(answer))):
            if len(part.split()) > 3:
                yield Item(row.title, "clapnq", "answer", True, part, evidence)


def joined(text: str) -> str:
    """Return a tokenised text with normal spacing and quotes."""
    text = re.sub(r"``\s?|\s?''", '"', text)
    text = re.sub(r"\s+([,.;:!?)\]%]|'s\b|n't\b)", r"\1", re.sub(r"([(\[$£])\s+", r"\1", text))
    return re.sub(r"(?<=\w) ([-–]) (?=\w)", r"\1", " ".join(text.split()))


def wice(data: Path) -> Iterator[Item]:
    """Yield each claim with the first of its sets of evidence sentences."""
    first = {claim.text: claim for claim in reversed(list(claim_sets.wice(data)))}
    for claim in reversed(first.values()):
        evidence = (Evidence(1, claim.group, 1, " ".join(claim.contexts), heading=claim.group),)
        yield Item(f"wice {claim.group}", "wice", claim.label, claim.supported, claim.text, evidence)


def summaries(data: Path, name: str) -> Iterator[Item]:
    """Yield one-sentence summaries of documents, some made wrong by small edits."""
    for claim in claim_sets.summedits(data, name):
        if len(parts_of(claim.text)) == 1:
            blocks = [block for block in claim.contexts[0].split("\n") if block.strip()]
            evidence = tuple(Evidence(number, "a", number, block) for number, block in enumerate(blocks, 1))
            yield Item(claim.id[:24], "summedits", claim.label, claim.supported, claim.text, evidence)


def measure(item: Item, embed: Embed) -> Measured:
    """Return the features of the sound passages of a sentence and of its clauses."""
    passages = [passage for each in item.evidence for passage in read_passages(each)]
    clauses = split_clauses(item.sentence)
    whole, *rest = (
        all_features(text, sound_passages(text, passages)[0], embed) for text in (item.sentence, *clauses)
    )
    return Measured(item, whole, rest if len(clauses) > 1 else [])


def fit(measured: Sequence[Measured]) -> Features:
    """Return the weights with "bias", fitted to each sentence's best passage, which is chosen twice."""
    weights: Features = {"in_order": 4.0, "cosine": 4.0}
    names = sorted({name for one in measured for row in one.whole for name in row})
    for _ in range(2):
        rows = [(one, max(one.whole, key=lambda row: odds(row, weights))) for one in measured if one.whole]
        inputs = np.array([[row[name] for name in names] for _, row in rows])
        truth = np.array([one.item.true for one, _ in rows])
        mean, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-9
        model = LogisticRegression(max_iter=2000).fit((inputs - mean) / spread, truth)
        slopes = model.coef_[0] / spread
        weights = dict(zip(names, map(float, slopes), strict=True))
        weights["bias"] = float(model.intercept_[0] - slopes @ mean)
    return weights


def odds(row: Features, weights: Features) -> float:
    """Return the weighted sum of the features."""
    return weights.get("bias", 0.0) + sum(weights.get(name, 0.0) * value for name, value in row.items())


def score(one: Measured, weights: Features) -> float:
    """Return the probability that a sentence is supported, whole or clause by clause."""
    found = max((odds(row, weights) for row in one.whole), default=-30.0)
    if one.clauses and all(one.clauses):
        found = max(found, min(max(odds(row, weights) for row in rows) for rows in one.clauses))
    return float(1 / (1 + np.exp(-np.clip(found, -30, 30))))


def cross_validated(measured: Sequence[Measured]) -> NDArray[np.float64]:
    """Return the scores by weights fitted to other articles."""
    scores = np.zeros(len(measured))
    for train, test in GroupKFold(FOLDS).split(measured, groups=[one.item.group for one in measured]):
        weights = fit([measured[at] for at in train])
        scores[test] = [score(measured[at], weights) for at in test]
    return scores


def report(measured: Sequence[Measured], scores: NDArray[np.float64]) -> None:
    """Print precision and recall by threshold, and what passes of each kind."""
    truth = np.array([one.item.true for one in measured])
    for threshold in np.arange(0.5, 0.96, 0.05):
        passed = scores >= threshold
        precision = precision_score(truth, passed, zero_division=0.0)
        print(f"  {threshold:.2f}: precision {precision:.3f}, recall {recall_score(truth, passed):.3f}")
    print_table(measured, scores)


def print_table(measured: Sequence[Measured], scores: NDArray[np.float64]) -> None:
    """Print for each kind the number, and the shares with a sound passage and over the threshold."""
    rows: dict[tuple[str, bool, str], list[tuple[bool, bool]]] = defaultdict(list)
    for one, value in zip(measured, scores, strict=True):
        key = (one.item.corpus, one.item.true, one.item.kind)
        rows[key].append((bool(one.whole), bool(value >= THRESHOLD)))
    for (corpus, true, kind), found in sorted(rows.items()):
        sound, passed = np.mean(found, axis=0)
        print(f"  {corpus:9} {'true' if true else 'lie':5} {kind:24} {len(found):5} {sound:.3f} {passed:.3f}")


if __name__ == "__main__":
    typer.run(main)
