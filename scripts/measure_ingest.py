"""Measure the ingestion of many small files: `python -m scripts.measure_ingest [--files 10000]`.

Prints a table: the first ingestion, one without a change, and one after 1 % of the files changed. Each runs
in its own process, for its own peak memory. Takes ten minutes on two cores, most of them for the first. On a
busy machine, compare processor time.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from scripts.measure_speed import sentences

_INGEST = """
import json, resource, sys
from rag import Assistant, Settings

with Assistant.open(sys.argv[2], Settings()) as assistant:
    report = assistant.ingest(sys.argv[1])
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps([
    len(report.added), len(report.updated), len(report.unchanged), report.seconds,
    sum(each.ru_utime + each.ru_stime for each in used), used[0].ru_maxrss / 1024, used[1].ru_maxrss / 1024,
]))
"""


def main(
    files: Annotated[int, typer.Option(help="Small text files to ingest.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of their text.")] = 1,
) -> None:
    """Print the table."""
    chance = random.Random(seed)  # noqa: S311
    print("| ingestion | added | updated | unchanged | s | processor s | files/s | MiB | MiB of the reader |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        docs = Path(scratch, "docs")
        for number in range(files):
            _write(docs / f"{number // 100:03}" / f"{number:05}.txt", chance)
        _print_row("first", Path(scratch))
        _print_row("unchanged", Path(scratch))
        for file in chance.sample(sorted(docs.glob("*/*.txt")), files // 100):
            _write(file, chance)
        _print_row("1 % changed", Path(scratch))


def _write(file: Path, chance: random.Random) -> None:
    """Write a note of one paragraph."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(" ".join(sentences(chance)) + "\n", "utf-8")


def _print_row(name: str, scratch: Path) -> None:
    """Ingest in a new process, and print what it did and used."""
    command = [sys.executable, "-c", _INGEST, str(scratch / "docs"), str(scratch / "index")]
    shown = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603
    *counts, seconds, used, own, reader = json.loads(shown.splitlines()[-1])
    counted = " | ".join(f"{count}" for count in counts)
    speed = sum(counts) / seconds
    print(
        f"| {name} | {counted} | {seconds:.1f} | {used:.1f} | {speed:.0f} | {own:.0f} | {reader:.0f} |",
        flush=True,
    )


if __name__ == "__main__":
    typer.run(main)
