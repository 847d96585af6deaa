"""A hundred facts that nobody can mix up unnoticed: five for each of twenty clients, in a document each."""

from __future__ import annotations

from pathlib import Path


def sacks(client: int, number: int) -> int:
    """Return how many sacks a client's mill has."""
    return 1000 + client * 37 + number * 401


def question(client: int, number: int) -> str:
    """Return the question that `sacks` answers."""
    return f"How many sacks of rye has the mill number {client * 5 + number} of the polder?"


def write(folder: Path) -> None:
    """Write the documents."""
    for client in range(20):
        facts = [
            f"The mill number {client * 5 + n} of the polder has {sacks(client, n)} sacks of rye."
            for n in range(5)
        ]
        (folder / f"mills{client}.txt").write_text("\n\n".join(facts), "utf-8")
