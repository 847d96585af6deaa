"""What an exam found a verifier to be worth."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

LEAST_AUC = 0.75

Progress = Callable[[int, int], None]  # gets the claims done, and all


@dataclass(frozen=True, slots=True)
class Shares:
    """How many of the true and of the false sentences pass, and how many there are; the AUC (0 to 1).

    `unjudged`: those for which the verifier gave no probability; they do not pass.
    """

    auc: float
    true_passed: float
    false_passed: float
    true: int
    false: int
    unjudged: int = 0


@dataclass(frozen=True, slots=True)
class Grade:
    """What a verifier is worth: `shares` of the half that did not set its `threshold` (None: it has none)."""

    verifier: str
    fingerprint: str
    threshold: float | None
    shares: Shares

    @property
    def passed(self) -> bool:
        """Whether its word counts."""
        return self.threshold is not None and self.shares.auc >= LEAST_AUC

    def __str__(self) -> str:
        shares = self.shares
        found = (
            f"AUC {shares.auc:.2f}, supports {interval(shares.true_passed, shares.true)} of the true "
            f"sentences and {interval(shares.false_passed, shares.false)} of the false ones"
        )
        return f"{self.verifier} {'passed' if self.passed else 'failed'} the exam: {found}"


def interval(found: float, of: int) -> str:
    """Return a share with its 95 % confidence interval (Wilson 1927): ".34 (.28 to .41)"."""
    z = 1.96
    middle = (found + z * z / (2 * max(of, 1))) / (1 + z * z / max(of, 1))
    reach = z * math.sqrt(found * (1 - found) / max(of, 1) + z * z / (4 * max(of, 1) ** 2))
    reach /= 1 + z * z / max(of, 1)
    return f"{found:.2f} ({max(0, middle - reach):.2f} to {min(1, middle + reach):.2f})"
