"""`python -m scripts.bench`: Pilcrow beside plain LlamaIndex and Chroma, on each set of questions."""

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
from scripts.bench import corpora
from scripts.bench import tables as report
from scripts.bench.asking import Pilcrow, Run, System, measure, paragraphs_of
from scripts.bench.calibration import NOTE, Reliability, reliabilities
from scripts.bench.corpora import CORPORA
from scripts.bench.scoring import figures

PILCROW, PLAIN, BY_PARAGRAPH = "Pilcrow", "LlamaIndex", "LlamaIndex, a node a paragraph"
SYSTEMS = (PILCROW, PLAIN, BY_PARAGRAPH)


def measure_one(system: str, name: str, scratch: Path) -> Run:
    """One system on one corpus; meant for a process of its own, so that the peak of memory is its own.

    LlamaIndex comes after Pilcrow, from whose index in `scratch` it learns which paragraphs a node holds.
    """
    corpus = corpora.load(name, scratch)
    if corpus is None:
        raise FileNotFoundError(f"the data of {name}")
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
    wrong: Annotated[bool, typer.Option("--wrong", help="Tell of each wrong answer of Pilcrow.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for the JSON and the plots.")] = Path("bench"),
) -> None:
    """Asks every set of questions that is there of Pilcrow and of plain LlamaIndex, and compares them."""
    if only and only not in CORPORA:
        raise typer.BadParameter(f"there is no set {only!r}; there are: {', '.join(CORPORA)}")
    console = Console()
    if not console.is_terminal:
        console.width = 120
    results: dict[str, dict[str, report.Figures]] = {}
    runs: dict[tuple[str, str], Run] = {}
    reliable: dict[str, Reliability] = {}
    with tempfile.TemporaryDirectory(prefix="pilcrow-bench-") as folder:
        for name in [only] if only else CORPORA:
            corpus = corpora.load(name, Path(folder))
            if corpus is None:
                console.print(f"{name}: its data are not there; left out ({corpora.missing(name)})")
                continue
            for system in SYSTEMS:
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
                    runs[name, system] = alone.submit(measure_one, system, name, Path(folder)).result()
                results.setdefault(name, {})[system] = figures(corpus, runs[name, system])
            reliable |= reliabilities(corpus, runs[name, PILCROW])
            console.print(report.table(name, results[name]))
            if wrong:
                report.show_wrong(console, corpus, runs[name, PILCROW])
    out.mkdir(parents=True, exist_ok=True)
    report.write_json(out / "bench.json", results, runs, reliable)
    console.print(f"Figures in {out / 'bench.json'}.")
    if results:
        report.plot(out / "bench.png", results)
        console.print(f"Bars in {out / 'bench.png'}.")
    if reliable:
        report.plot_reliability(out / "reliability.png", reliable)
        console.print(f"Reliability of Pilcrow's probability in {out / 'reliability.png'}. {NOTE}")


if __name__ == "__main__":
    typer.run(main)
