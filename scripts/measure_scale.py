"""Measure an index as it grows: `python -m scripts.measure_scale 1000 10000 100000 1000000 --out FOLDER`.

Made-up documents of a hundred paragraphs go through the whole ingestion. Only the embedder is a stand-in that
costs next to nothing, so the rate of embedding is not measured. After each step the figures are in FOLDER's
scale.json; at the end a table is printed and a plot drawn. A stopped run goes on where it was.

The settings say where the index is kept, as always. Name the folders of servers with `--disk`, to count them,
and those of other runs with `--beside`, to draw them too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import typer

from rag import Settings
from scripts.scale.figures import Figures, answers, chores, disk, recall, store
from scripts.scale.made_up import PARAGRAPHS, write

SHOWN = {  # figures in the table: the first of each pair as its heading
    "stored/s": "ingest_per_s",
    "search p50, ms": "search_p50_ms",
    "p95": "search_p95_ms",
    "answer p50, ms": "answer_p50_ms",
    "p95 ": "answer_p95_ms",
    "its processor time": "answer_cpu_p50_ms",
    "recall@10": "recall_at_10",
    "of random words": "recall_at_10_random",
    "open, MiB": "memory_open_mib",
    "asked, MiB": "memory_asked_mib",
    "disk, MiB": "disk_mib",
    "open, s": "open_s",
    "remove, s": "remove_s",
    "doctor, s": "doctor_s",
    "list, s": "documents_s",
}
PLOTTED = (
    ("ingest_per_s", "paragraphs stored per second"),
    ("answer_p50_ms", "median of an answer, ms"),
    ("recall_at_10", "recall@10 of HNSW"),
    ("memory_asked_mib", "memory, MiB"),
    ("disk_mib", "disk, MiB"),
    ("open_s", "opening, s"),
)


def main(
    sizes: Annotated[list[int], typer.Argument(help="Paragraphs, in growing order.")],
    out: Annotated[Path, typer.Option(help="Folder of the documents, the index and the figures.")],
    questions: Annotated[int, typer.Option(help="Questions to time.")] = 100,
    disks: Annotated[list[Path] | None, typer.Option("--disk", help="Folder of a server.")] = None,
    beside: Annotated[list[Path] | None, typer.Option("--beside", help="Folder of another run.")] = None,
) -> None:
    """Print the table."""
    settings, file = Settings.load(index=out / "index"), out / "scale.json"
    known = read(file)
    for size in sorted(sizes):
        parts = known.setdefault(str(size), {})
        for name, measure in measurements(size, out, settings, questions, disks or []).items():
            if name not in parts:
                if any(int(other) > size and "store" in known[other] for other in known):
                    raise typer.BadParameter(f"The index has outgrown {size:,}. Name another --out.")
                parts[name] = measure()
                file.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
    print("\n".join(table(merged(known))))
    print("\nThe embedder is a stand-in: the rate of storing is measured, not that of embedding.")
    plot({each.name: merged(read(each / file.name)) for each in (out, *(beside or ()))}, out / "scale.svg")


def read(file: Path) -> dict[str, dict[str, Figures]]:
    """Return the figures that a file has: by size, then by what was measured."""
    found: dict[str, dict[str, Figures]] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return found


def merged(known: Mapping[str, Mapping[str, Figures]]) -> dict[int, Figures]:
    """Return all figures of each size."""
    return {
        int(size): {name: figure for part in parts.values() for name, figure in part.items()}
        for size, parts in known.items()
    }


def measurements(
    size: int, out: Path, settings: Settings, amount: int, disks: Sequence[Path]
) -> dict[str, Callable[[], Figures]]:
    """Return what lets the index grow to a size, then measures it, by name and in this order."""
    documents = max(1, size // PARAGRAPHS)
    folder = out / "docs" / f"{size:07}"
    steps = sorted({*out.glob("docs/*"), folder})
    grown = [step for step in steps if int(step.name) <= size]
    middle = next(step for step in grown if int(step.name) // PARAGRAPHS > documents // 2)

    def grow() -> Figures:
        before = int(grown[-2].name) if len(grown) > 1 else 0
        write(folder, range(before // PARAGRAPHS, documents))
        return alone(store, settings, [folder])

    return {
        "store": grow,
        "answers": partial(alone, answers, settings, documents, amount),
        "recall": partial(alone, recall, settings, documents, amount),
        "chores": partial(alone, chores, settings, documents, middle),
        "disk": partial(disk, settings.index, disks),
    }


def alone(act: Callable[..., Figures], *values: Any) -> Figures:
    """Run a function in a process of its own, for its own memory."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(act, *values).result()


def table(rows: Mapping[int, Figures]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = [f"| paragraphs | {' | '.join(SHOWN)} |", "|---" * (len(SHOWN) + 1) + "|"]
    for size, row in sorted(rows.items()):
        shown = (f"{row[name]:,.{0 if row[name] >= 100 else 3}f}" for name in SHOWN.values())
        lines.append(f"| {size:,} | {' | '.join(shown)} |")
    return lines


def plot(runs: Mapping[str, Mapping[int, Figures]], file: Path) -> None:
    """Draw the figures of each run over the number of paragraphs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6), layout="constrained")
    for axes, (name, title) in zip(figure.subplots(2, 3).flat, PLOTTED, strict=True):
        for run, rows in runs.items():
            axes.plot(sizes := sorted(rows), [rows[size][name] for size in sizes], marker="o", label=run)
        axes.set_xscale("log")
        axes.set_ylim(bottom=0.9 if name == "recall_at_10" else 0)
        axes.set_title(title)
    axes.legend()
    figure.savefig(file)


if __name__ == "__main__":
    typer.run(main)
