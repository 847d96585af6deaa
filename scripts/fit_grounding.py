"""Fits the weights of `rag/verification/grounding_weights.py`:
`python -m scripts.fit_grounding FOLDER`, five minutes.

FOLDER holds `xquad/` (CC BY-SA 4.0), `clapnq/` (Apache-2.0), `wice/` (ODC-BY) and `summedits/` (Apache-2.0).
True sentences are those of XQuAD's paragraphs and rewordings of them, CLAPnq's long answers by people, and
WiCE's supported claims; lies are these with one fault planted (`plant_faults.py`), and WiCE's other claims.
What it prints is cross-validated by article; SummEdits is only measured on. The weights are put in by hand.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from rag.models.embedder import load_embedder
from rag.models.local import BUILT_IN
from rag.text.words import sentences
from rag.types import Evidence, Vectors
from rag.verification.clauses import split
from rag.verification.grounding import Embed, all_features, read_places, sound_places
from rag.verification.grounding_weights import THRESHOLD
from rag.verification.likeness import Features
from scripts.plant_faults import LIES, REWORDINGS

FOLDS = 5
STRENGTH = 1.0  # of the logistic regression: the inverse of the penalty on the squares of the weights


@dataclass(frozen=True, slots=True)
class Item:
    """A sentence to check against paragraphs, where it is from, how it was made, and whether it is true."""

    group: str
    corpus: str
    kind: str
    true: bool
    sentence: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """The features of the sound places of a whole sentence, and of each of its clauses."""

    item: Item
    whole: list[Features]
    clauses: list[list[Features]]


class Remembering:
    """An embedder that embeds each text once."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self.known: dict[str, Vectors] = {}

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32 (texts, dimension)."""
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        if new:
            self.known.update(zip(new, self._embed(new), strict=True))
        return np.array([self.known[text] for text in texts])


def main() -> None:
    """Reads, plants, measures, cross-validates, fits on everything and prints."""
    folder = Path(sys.argv[1])
    embed = Remembering(load_embedder(BUILT_IN).embed)
    seen = [see(item, embed) for item in learned_from(folder)]
    report(seen, cross_validated(seen))
    weights = fit(seen)
    print("BIAS, WEIGHTS =", {name: round(value, 2) for name, value in weights.items()})
    for corpus in ("news", "scitldr"):
        tested = [see(item, embed) for item in summaries(folder / "summedits" / f"summedits_{corpus}.json")]
        print(f"SummEdits {corpus}")
        table(tested, np.array([score(one, weights) for one in tested]))


def learned_from(folder: Path) -> Iterator[Item]:
    """The true sentences of all corpora and the lies made of them."""
    true = [*xquad(folder), *clapnq(folder), *(item for item in wice(folder) if item.true)]
    yield from true
    yield from (item for item in wice(folder) if not item.true)
    chance = random.Random(6)  # noqa: S311
    texts = {item.group: [part for each in item.evidence for part in parts(each.text)] for item in true}
    groups = sorted(texts)
    for item in true:
        around = [part for each in item.evidence for part in parts(each.text)]
        others = [part for group in chance.sample(groups, 3) if group != item.group for part in texts[group]]
        others += [part for part in texts[item.group] if part not in around]
        changes = [(change, True) for change in REWORDINGS if item.corpus == "xquad"]
        for change, is_true in [*changes, *((change, False) for change in LIES)]:
            new = change(item.sentence, around, others, chance) if around and others else None
            if new and new != item.sentence:
                yield Item(item.group, item.corpus, change.__name__, is_true, new, item.evidence)


def parts(text: str) -> list[str]:
    """The sentences of a text."""
    return [text[start:end] for start, end in sentences(text)]


def xquad(folder: Path) -> Iterator[Item]:
    """Every sentence of every paragraph."""
    for article in json.loads((folder / "xquad" / "xquad.en.json").read_text("utf-8"))["data"]:
        title = article["title"].replace("_", " ")
        for paragraph in article["paragraphs"]:
            evidence = (Evidence(1, title, 1, paragraph["context"], heading=title),)
            for part in parts(paragraph["context"]):
                if len(part.split()) > 5:
                    yield Item(title, "xquad", "copied", True, part, evidence)


def clapnq(folder: Path) -> Iterator[Item]:
    """Every sentence of the answers that people wrote from a passage."""
    for line in (folder / "clapnq" / "clapnq_dev_answerable.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        title = row["passages"][0]["title"]
        text = " ".join(joined(part) for part in row["passages"][0]["sentences"])
        evidence = (Evidence(1, title, 1, text, heading=title),)
        for output in row["output"]:
            for part in parts(joined(output["answer"])):
                if len(part.split()) > 3:
                    yield Item(title, "clapnq", "answer", True, part, evidence)


def joined(text: str) -> str:
    """A text whose signs stand apart, as it is usually written."""
    text = re.sub(r"``\s?|\s?''", '"', text)
    text = re.sub(r"\s+([,.;:!?)\]%]|'s\b|n't\b)", r"\1", re.sub(r"([(\[$£])\s+", r"\1", text))
    return re.sub(r"(?<=\w) ([-–]) (?=\w)", r"\1", " ".join(text.split()))


def wice(folder: Path) -> Iterator[Item]:
    """Each claim with the first of its sets of evidence sentences."""
    told = set()
    path = folder / "wice" / "oracle_chunks_claim_dev.jsonl"
    for row in map(json.loads, path.read_text("utf-8").splitlines()):
        if row["claim"] in told:
            continue
        told.add(row["claim"])
        title = row["meta"]["claim_title"]
        evidence = (Evidence(1, title, 1, " ".join(row["evidence"]), heading=title),)
        true = row["label"] == "supported"
        yield Item(f"wice {title}", "wice", row["label"], true, row["claim"], evidence)


def summaries(path: Path) -> Iterator[Item]:
    """One-sentence summaries of documents, with and without small edits that make them wrong."""
    for row in json.loads(path.read_text("utf-8")):
        if len(parts(row["summary"])) > 1:
            continue
        blocks = [block for block in row["doc"].split("\n") if block.strip()]
        evidence = tuple(Evidence(number, "a", number, block) for number, block in enumerate(blocks, 1))
        kind = "consistent" if row["label"] == "1" or row["label"] == 1 else str(row["edit_types"])
        yield Item(row["id"][:24], "summedits", kind, kind == "consistent", row["summary"], evidence)


def see(item: Item, embed: Embed) -> Seen:
    """Measures the sound places of a sentence and of its clauses."""
    places = [place for each in item.evidence for place in read_places(each)]
    clauses = split(item.sentence)
    measured = [
        all_features(text, sound_places(text, places)[0], embed) for text in (item.sentence, *clauses)
    ]
    return Seen(item, measured[0], measured[1:] if len(clauses) > 1 else [])


def fit(seen: Sequence[Seen]) -> Features:
    """The weights, "bias" among them, by the best place of each sentence, chosen twice."""
    weights: Features = {"in_order": 4.0, "cosine": 4.0}
    names = sorted({name for one in seen for row in one.whole for name in row})
    for _ in range(2):
        rows = [(one, max(one.whole, key=lambda row: dot(row, weights))) for one in seen if one.whole]
        inputs = np.array([[row[name] for name in names] for _, row in rows])
        truth = np.array([one.item.true for one, _ in rows])
        mean, spread = inputs.mean(axis=0), inputs.std(axis=0) + 1e-9
        model = LogisticRegression(C=STRENGTH, max_iter=2000).fit((inputs - mean) / spread, truth)
        slopes = model.coef_[0] / spread
        weights = dict(zip(names, map(float, slopes), strict=True))
        weights["bias"] = float(model.intercept_[0] - slopes @ mean)
    return weights


def dot(row: Features, weights: Features) -> float:
    """The weighed sum of the features."""
    return weights.get("bias", 0.0) + sum(weights.get(name, 0.0) * value for name, value in row.items())


def score(one: Seen, weights: Features) -> float:
    """The probability that a sentence is borne out, whole or clause by clause; 0 where no place is sound."""
    found = max((dot(row, weights) for row in one.whole), default=-30.0)
    if one.clauses and all(one.clauses):
        found = max(found, min(max(dot(row, weights) for row in rows) for rows in one.clauses))
    return float(1 / (1 + np.exp(-np.clip(found, -30, 30))))


def cross_validated(seen: Sequence[Seen]) -> NDArray[np.float64]:
    """The scores by weights fitted to other articles."""
    scores = np.zeros(len(seen))
    for train, test in GroupKFold(FOLDS).split(seen, groups=[one.item.group for one in seen]):
        weights = fit([seen[at] for at in train])
        scores[test] = [score(seen[at], weights) for at in test]
    return scores


def report(seen: Sequence[Seen], scores: NDArray[np.float64]) -> None:
    """Precision and recall by threshold, of all and of each corpus, and what passes of each kind."""
    truth = np.array([one.item.true for one in seen])
    for threshold in np.arange(0.5, 0.96, 0.05):
        print(f"  {threshold:.2f}:", end="")
        for corpus in ("", "xquad", "clapnq", "wice"):
            own = np.array([one.item.corpus.startswith(corpus) for one in seen])
            passed = own & (scores >= threshold)
            print(f" {corpus} {truth[passed].mean():.3f} {passed[own & truth].mean():.3f}", end="")
        print()
    table(seen, scores)


def table(seen: Sequence[Seen], scores: NDArray[np.float64]) -> None:
    """Of each kind how many there are, how many have a sound place, and how many pass."""
    rows: dict[tuple[str, bool, str], list[tuple[bool, bool]]] = defaultdict(list)
    for one, value in zip(seen, scores, strict=True):
        key = (one.item.corpus, one.item.true, one.item.kind)
        rows[key].append((bool(one.whole), bool(value >= THRESHOLD)))
    for (corpus, true, kind), found in sorted(rows.items()):
        sound, passed = np.mean(found, axis=0)
        print(f"  {corpus:9} {'true' if true else 'lie':5} {kind:24} {len(found):5} {sound:.3f} {passed:.3f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
