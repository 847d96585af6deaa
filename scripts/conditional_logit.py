"""Conditional logit: the odds of one choice against the others of its set (McFadden 1974)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

PENALTY = 1e-3  # on the squares of the weights


def fit(
    inputs: Sequence[NDArray[np.float32]],
    right: Sequence[NDArray[np.bool_]],
    shares: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return the weights (features,) under which the right choices have the best odds.

    Each set has its features (choices, features) and which of its choices are right (choices,); `shares`
    says how much each set counts, 1 on average.
    """
    share = torch.ones(len(inputs)) if shares is None else torch.from_numpy(shares).float()
    values = torch.from_numpy(np.concatenate(inputs)).float()
    gold = torch.from_numpy(np.concatenate(right)).float()
    set_of = torch.from_numpy(np.repeat(np.arange(len(inputs)), [len(each) for each in inputs]))
    weights = torch.zeros(values.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        odds = torch.exp((values @ weights).clamp(-30, 30))
        every, good = (
            torch.zeros(len(inputs)).index_add(0, set_of, each) + 1e-12 for each in (odds, odds * gold)
        )
        total = ((torch.log(every) - torch.log(good)) * share).mean() + PENALTY * (weights**2).sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach().numpy().astype(np.float64)
