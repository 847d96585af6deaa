"""Run each system on each set of questions, in a process of its own, and write the report.

A module apart from `__main__`, which a spawned process does not import.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from eval.questions.question import Question
from scripts.bench import corpora, tables
from scripts.bench.asking import Pilcrow, Run, System, measure, paragraphs_of
from scripts.bench.corpora import CORPORA
from scripts.bench.scoring import Reliability, figures, reliabilities

PILCROW, PLAIN, BY_PARAGRAPH = "Pilcrow", "LlamaIndex", "LlamaIndex, a node a paragraph"
SYSTEMS = (PILCROW, PLAIN, BY_PARAGRAPH)


def measure_one(system: str, name: str, scratch: Path) -> Run:
    """Measure one system on one corpus; run it in a process of its own, for the peak memory.

    LlamaIndex must come after Pilcrow, whose index in `scratch` says which paragraphs a node contains.
    """
    corpus = corpora.load(name, scratch)
    if corpus is None:
        raise FileNotFoundError(f"The data of {name} are missing: {corpora.missing(name)}")
    indices = scratch / f"{name}, {system}"
    indices.mkdir()

    def make(index: Path) -> System:
        if system == PILCROW:
            return Pilcrow(index)
        from scripts.bench.baseline import LlamaIndex

        known = paragraphs_of(scratch / f"{name}, {PILCROW}" / "index-0")
        return LlamaIndex(index, known, by_paragraph=system == BY_PARAGRAPH)

    def shown(questions: Sequence[Question], index: str) -> Iterable[Question]:
        label = f"{system} on {name}, {index}"
        return track(questions, label, console=Console(stderr=True), transient=True)

    return measure(make, corpus, indices, shown)


def main(
    only: Annotated[str | None, typer.Option(help=f"One set: {', '.join(CORPORA)}.")] = None,
    wrong: Annotated[bool, typer.Option("--wrong", help="List each wrong answer of Pilcrow.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for the JSON and the plots.")] = Path("bench"),
) -> None:
    """Ask Pilcrow and plain LlamaIndex every set of questions whose data are here, and compare them."""
    if only and only not in CORPORA:
        raise typer.BadParameter(f"There is no set {only!r}. Choose one of: {', '.join(CORPORA)}")
    console = Console()
    if not console.is_terminal:
        console.width = 120
    results: dict[str, dict[str, tables.Figures]] = {}
    runs: dict[tuple[str, str], Run] = {}
    reliable: dict[str, Reliability] = {}
    with tempfile.TemporaryDirectory(prefix="pilcrow-bench-") as folder:
        for name in [only] if only else CORPORA:
            corpus = corpora.load(name, Path(folder))
            if corpus is None:
                console.print(f"{name}: left out, its data are missing ({corpora.missing(name)})")
                continue
            for system in SYSTEMS:
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
                    runs[name, system] = alone.submit(measure_one, system, name, Path(folder)).result()
                results.setdefault(name, {})[system] = figures(corpus, runs[name, system])
            reliable |= reliabilities(corpus, runs[name, PILCROW])
            console.print(tables.table(name, results[name]))
            if wrong:
                tables.show_wrong(console, corpus, runs[name, PILCROW])
    out.mkdir(parents=True, exist_ok=True)
    tables.write_json(out / "bench.json", results, runs, reliable)
    console.print(f"Figures in {out / 'bench.json'}.")
    if results:
        tables.plot(out / "bench.png", results)
        console.print(f"Bars in {out / 'bench.png'}.")
    if reliable:
        tables.plot_reliability(out / "reliability.png", reliable)
        console.print(f"Reliability of Pilcrow's probability in {out / 'reliability.png'}. {tables.NOTE}")
