"""Fits the weights of `eval/judge/weights.py`: `python scripts/fit_judge.py FOLDER`, ten minutes.

FOLDER holds the public sets `wice/oracle_chunks_claim_dev.jsonl` (WiCE, ODC-BY), `xquad/xquad.en.json`
(XQuAD, CC BY-SA 4.0) and `clapnq/clapnq_dev_answerable.jsonl` (CLAPnq, Apache-2.0). WiCE's claims count as
supported or not quite, as its authors' people say. Sentences of XQuAD, whole and with a clause cut out, and
CLAPnq's written answers count as supported by their paragraph, and as not so with a fault planted in them.
Each source and each side counts alike. It writes the module, and prints what cross-validation says.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from eval.judge.faithfulness import FOLDS, SUPPORTED, fold_of
from eval.judge.features import features
from eval.judge.planted import Right, planted
from eval.judge.words import sentences, statements

SHRINK = 0.03  # strength of the data against the penalty (sklearn's C), chosen by the same cross-validation
TARGET = Path(__file__).resolve().parent.parent / "eval" / "judge_weights.py"

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement and its paragraphs; `group` is its article, `kind` its source or its fault.

    `share`: what it counts, less where one claim comes with several sets of paragraphs.
    """

    text: str
    contexts: tuple[str, ...]
    supported: bool
    group: str
    kind: str
    share: float = 1.0


def main() -> None:
    """Reads, fits, prints, and writes the module."""
    folder = Path(sys.argv[1])
    claims = [*wice(folder), *synthetic(folder)]
    inputs, keys = read(claims)
    report(claims, inputs)
    write(keys, [fit(claims, inputs, left_out) for left_out in (None, *range(FOLDS))])


def wice(folder: Path) -> Iterator[Claim]:
    """WiCE's claims, each with every set of evidence that it comes with."""
    lines = (folder / "wice" / "oracle_chunks_claim_dev.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    times = Counter(row["meta"]["id"] for row in rows)
    for row in rows:
        meta = row["meta"]
        supported, share = row["label"] == "supported", 1 / times[meta["id"]]
        yield Claim(row["claim"], tuple(row["evidence"]), supported, meta["claim_title"], "wice", share)


def synthetic(folder: Path) -> Iterator[Claim]:
    """Statements that their paragraphs bear out, and the same with a fault."""
    for name, rights in (("xquad", list(_xquad(folder))), ("clapnq", list(_clapnq(folder)))):
        for right in rights:
            yield Claim(right.text, right.contexts, True, right.id.split("|")[0], name)
        for item in planted(rights):
            yield Claim(item.text, item.contexts, False, item.id.split("|")[0], f"{name}: {item.fault}")


def _xquad(folder: Path) -> Iterator[Right]:
    for article in json.loads((folder / "xquad" / "xquad.en.json").read_text("utf-8"))["data"]:
        texts = [paragraph["context"] for paragraph in article["paragraphs"]]
        for at, text in enumerate(texts):
            more = texts[: at % 3] if at % 3 and at > 2 else []  # some answers cite several paragraphs
            for number, sentence in enumerate(sentences(text)):
                name = f"{article['title']}|{at}|{number}"
                yield Right(name, sentence, (text, *more))
                if (shorter := _cut(sentence)) != sentence:
                    yield Right(f"{name}|cut", shorter, (text, *more))


def _cut(sentence: str) -> str:
    """Without what stands in brackets, or else between two commas."""
    plain = re.sub(r" \([^()]*\)", "", sentence)
    return plain if plain != sentence else re.sub(r", [^,;:]{3,60}, (?!and |or )", " ", sentence, count=1)


def _clapnq(folder: Path) -> Iterator[Right]:
    for line in (folder / "clapnq" / "clapnq_dev_answerable.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        for at, output in enumerate(row["output"]):
            for number, statement in enumerate(statements(output["answer"])):
                if len(statement.split()) > 4:
                    yield Right(f"{row['id']}|{at}|{number}", statement, (row["passages"][0]["text"],))


def read(claims: Sequence[Claim]) -> tuple[Matrix, list[str]]:
    """The features of every claim, (claims, features), and their names."""
    rows = [features(claim.text, claim.contexts) for claim in track(claims, "reading")]
    return np.array([list(row.values()) for row in rows]), list(rows[0])


def fit(claims: Sequence[Claim], inputs: Matrix, left_out: int | None) -> tuple[float, Matrix]:
    """Bias and weights, fitted without the articles of one fold (None: with all)."""
    chosen = np.array([left_out is None or fold_of(claim.group) != left_out for claim in claims])
    share = np.where(chosen, [claim.share for claim in claims], 0.0)
    supported = np.array([claim.supported for claim in claims])
    real = np.array([claim.kind == "wice" for claim in claims])
    for source in (real, ~real):
        for side in (supported, ~supported):
            share[source & side] /= share[source & side].sum()
    share *= chosen.sum() / share.sum()
    scale = inputs.std(axis=0) + 1e-9
    model = LogisticRegression(C=SHRINK, max_iter=5000)
    model.fit(inputs[chosen] / scale, supported[chosen], share[chosen])
    return float(model.intercept_[0]), model.coef_[0] / scale


def report(claims: Sequence[Claim], inputs: Matrix) -> None:
    """Prints what weights fitted without a claim's own article make of it."""
    chance = np.zeros(len(claims))
    folds = np.array([fold_of(claim.group) for claim in claims])
    for fold in range(FOLDS):
        bias, weights = fit(claims, inputs, fold)
        chance[folds == fold] = 1 / (1 + np.exp(-bias - inputs[folds == fold] @ weights))
    supported = np.array([claim.supported for claim in claims])
    kinds = np.array([claim.kind for claim in claims])
    for kind in dict.fromkeys(kinds):
        of_kind = kinds == kind
        if kind == "wice":
            share = [claim.share for claim in claims if claim.kind == kind]
            right = balanced_accuracy_score(
                supported[of_kind], chance[of_kind] >= SUPPORTED, sample_weight=share
            )
            area = roc_auc_score(supported[of_kind], chance[of_kind], sample_weight=share)
            print(f"{kind}: balanced accuracy {right:.3f}, AUC {area:.3f}, {of_kind.sum()} rows")
        else:
            judged = (chance[of_kind] >= SUPPORTED).mean()
            print(f"{kind}: held to be supported {judged:.3f} of {of_kind.sum()}")


def write(keys: Sequence[str], fits: Sequence[tuple[float, Matrix]]) -> None:
    """Writes the module: the weights fitted to all, and those of each fold's fit."""

    def row(fit: tuple[float, Matrix]) -> str:
        weights = textwrap.fill(", ".join(f"{weight:.3f}" for weight in fit[1]), 98)
        return f"    ({fit[0]:.3f}, (\n{textwrap.indent(weights, ' ' * 8)},\n    )),"

    weights = zip(keys, fits[0][1], strict=True)
    lines = [
        '"""Weights of the judge, by `scripts/fit_judge.py`: whether paragraphs support a statement."""',
        "",
        f"BIAS = {fits[0][0]:.3f}",
        "",
        "# in the order of the features",
        "WEIGHTS = (",
        *(f"    {weight:.3f},  # {key}" for key, weight in weights),
        ")",
        "",
        "# bias and weights fitted without one fold of the articles each, to judge that fold by",
        "# fmt: off",
        "FOLDED: tuple[tuple[float, tuple[float, ...]], ...] = (",
        *map(row, fits[1:]),
        ")",
        "# fmt: on",
        "",
    ]
    TARGET.write_text("\n".join(lines), "utf-8")
    subprocess.run([Path(sys.executable).parent / "ruff", "format", "--quiet", TARGET], check=True)  # noqa: S603


if __name__ == "__main__":
    main()
