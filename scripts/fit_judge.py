"""Fit the weights of `eval/judge/weights.py`: `python -m scripts.fit_judge [FOLDER]`, ten minutes.

FOLDER holds `wice/` (ODC-BY), `xquad/` (CC BY-SA 4.0) and `clapnq/` (Apache-2.0). WiCE's claims are supported
or not as people labelled them. Sentences of XQuAD, whole and with a clause cut out, and CLAPnq's answers
count as supported by their paragraph, and as unsupported with a fault planted in them. Each source and side
has the same weight. The script prints cross-validated figures and writes the module.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import track
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from eval import DATA, ROOT
from eval.judge import public_sets as claim_sets
from eval.judge.faithfulness import FOLDS, SUPPORTED, fold_of, probability
from eval.judge.features import features
from eval.judge.planted import Right, planted
from eval.judge.words import sentences, statements
from scripts import public_sets
from scripts.public_sets import Data

SHRINK = 0.03  # scikit-learn's C, the inverse of the penalty; chosen by the same cross-validation
WICE = "wice"
Fit = tuple[float, NDArray[np.float64]]  # bias, weights


@dataclass(frozen=True, slots=True)
class Example:
    """A claim as features, with its article, its source or fault, and its share if it occurs often."""

    features: Mapping[str, float]
    supported: bool
    group: str
    kind: str
    share: float = 1.0


def main(
    data: Data = DATA,
    out: Annotated[Path, typer.Option(help="Module to write.")] = ROOT / "eval" / "judge" / "weights.py",
) -> None:
    """Read, fit, print, and write the module."""
    examples = [*real(data), *synthetic(data)]
    inputs = np.array([list(example.features.values()) for example in examples])
    report(examples, inputs)
    fits = [fit(examples, inputs, left_out) for left_out in (None, *range(FOLDS))]
    write(out, list(examples[0].features), fits)


def real(data: Path) -> Iterator[Example]:
    """Yield WiCE's claims, each with every set of evidence that it comes with."""
    claims = list(claim_sets.wice(data))
    times = Counter(claim.id for claim in claims)
    for claim in track(claims, "WiCE"):
        found = features(claim.text, claim.contexts)
        yield Example(found, claim.supported, claim.group, WICE, 1 / times[claim.id])


def synthetic(data: Path) -> Iterator[Example]:
    """Yield statements that their paragraphs support, and the same with a fault."""
    for name, rights in (("xquad", list(_xquad(data))), ("clapnq", list(_clapnq(data)))):
        for right in track(rights, name):
            yield Example(features(right.text, right.contexts), True, right.id.split("|")[0], name)
        for lie in track(planted(rights), f"{name}, faults"):
            found = features(lie.text, lie.contexts)
            yield Example(found, False, lie.id.split("|")[0], f"{name}: {lie.fault}")


def _xquad(data: Path) -> Iterator[Right]:
    for article in public_sets.xquad(data):
        for at, text in enumerate(article.texts):
            more = article.texts[: at % 3] if at > 2 else []  # some answers cite several paragraphs
            for number, sentence in enumerate(sentences(text)):
                id_ = f"{article.title}|{at}|{number}"
                yield Right(id_, sentence, (text, *more))
                if (shorter := _cut(sentence)) != sentence:
                    yield Right(f"{id_}|cut", shorter, (text, *more))


def _cut(sentence: str) -> str:
    """Return the sentence without what is in brackets, or else between two commas."""
    bare = re.sub(r" \([^()]*\)", "", sentence)
    return bare if bare != sentence else re.sub(r", [^,;:]{3,60}, (?!and |or )", " ", sentence, count=1)


def _clapnq(data: Path) -> Iterator[Right]:
    for row in public_sets.clapnq(data):
        for at, answer in enumerate(row.answers):
            for number, statement in enumerate(statements(answer)):
                if len(statement.split()) > 4:
                    yield Right(f"{row.id}|{at}|{number}", statement, (row.passage,))


def fit(examples: Sequence[Example], inputs: NDArray[np.float64], left_out: int | None) -> Fit:
    """Return bias and weights, fitted without the articles of one fold (None: with all)."""
    chosen = np.array([left_out is None or fold_of(each.group) != left_out for each in examples])
    share = np.where(chosen, [each.share for each in examples], 0.0)
    supported = np.array([each.supported for each in examples])
    is_real = np.array([each.kind == WICE for each in examples])
    for source in (is_real, ~is_real):
        for side in (supported, ~supported):
            share[source & side] /= share[source & side].sum()
    share *= chosen.sum() / share.sum()
    scale = inputs.std(axis=0) + 1e-9
    model = LogisticRegression(C=SHRINK, max_iter=5000)
    model.fit(inputs[chosen] / scale, supported[chosen], share[chosen])
    return float(model.intercept_[0]), model.coef_[0] / scale


def report(examples: Sequence[Example], inputs: NDArray[np.float64]) -> None:
    """Print how claims are judged by weights fitted without their own article."""
    fits = [fit(examples, inputs, fold) for fold in range(FOLDS)]
    folds = [fits[fold_of(each.group)] for each in examples]
    pairs = zip(examples, folds, strict=True)
    chance = np.array([probability(each.features, bias, list(weights)) for each, (bias, weights) in pairs])
    supported, kinds = np.array([(each.supported, each.kind) for each in examples], dtype=object).T
    for kind in dict.fromkeys(kinds):
        own = kinds == kind
        accepted = chance[own] >= SUPPORTED
        if kind == WICE:
            share = [each.share for each in examples if each.kind == kind]
            truth = supported[own].astype(bool)
            accuracy = balanced_accuracy_score(truth, accepted, sample_weight=share)
            area = roc_auc_score(truth, chance[own], sample_weight=share)
            print(f"{kind}: balanced accuracy {accuracy:.3f}, AUC {area:.3f}, {own.sum()} rows")
        else:
            print(f"{kind}: accepted {accepted.mean():.3f} of {own.sum()}")


def write(out: Path, names: Sequence[str], fits: Sequence[Fit]) -> None:
    """Write the module: the weights fitted to all, and those of each fold."""
    rows = [f"({bias:.3f}, ({', '.join(f'{weight:.3f}' for weight in weights)}))," for bias, weights in fits]
    wrapped = [textwrap.fill(row, 108, initial_indent="    ", subsequent_indent=" " * 8) for row in rows[1:]]
    named = [f"    {weight:.3f},  # {name}" for name, weight in zip(names, fits[0][1], strict=True)]
    lines = [
        '"""Weights of the judge, fitted by `scripts/fit_judge.py`: do paragraphs support a statement?"""',
        f"BIAS = {fits[0][0]:.3f}",
        "# in the order of the features",
        *("WEIGHTS = (", *named, ")"),
        "# bias and weights fitted without one fold of the articles each, to judge that fold by",
        "# fmt: off",
        *("FOLDED: tuple[tuple[float, tuple[float, ...]], ...] = (", *wrapped, ")"),
        "# fmt: on",
    ]
    out.write_text("\n".join(lines) + "\n", "utf-8")
    ruff = Path(sys.executable).parent / "ruff"
    subprocess.run([ruff, "format", "--quiet", out], check=True)  # noqa: S603


if __name__ == "__main__":
    typer.run(main)
