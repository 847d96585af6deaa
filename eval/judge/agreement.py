"""How far the local judge agrees with people who labelled the claims of WiCE, a public set (ODC-BY)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.judge.lexical import SUPPORTED, verdict
from eval.metrics import Figure, auc, bootstrap


def agreement(data: Path | None) -> dict[str, Figure]:
    """Return balanced accuracy and AUC on the set below a folder of public sets; nothing if it isn't there.

    A claim that is partly supported counts as not supported.
    """
    file = data / "wice" / "oracle_chunks_claim_dev.jsonl" if data else None
    if file is None or not file.exists():
        return {}
    rows = map(json.loads, file.read_text("utf-8").splitlines())
    claims = {row["meta"]["id"]: row for row in reversed(list(rows))}  # each with its first set of evidence
    truth = np.array([row["label"] == "supported" for row in claims.values()])
    chances = np.array([verdict(row["claim"], row["evidence"]) for row in claims.values()])

    def balanced(drawn: NDArray[np.intp]) -> NDArray[np.float64]:
        true, accepted = truth[drawn], chances[drawn] >= SUPPORTED
        right = (accepted & true).sum(-1) / true.sum(-1) + (~accepted & ~true).sum(-1) / (~true).sum(-1)
        return np.asarray(right / 2)

    return {"balanced accuracy": bootstrap(balanced, len(truth)), "AUC": auc(list(chances), list(truth))}
