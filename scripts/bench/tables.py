"""The report of the bench: tables, a JSON file, two plots, and the wrong answers one by one."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from eval.metrics import Bin, Figure, first_gold
from eval.questions.question import Question
from eval.scores.reply import Reply, cites_gold, right
from scripts.bench.asking import Run
from scripts.bench.corpora import Corpus
from scripts.bench.scoring import Reliability

BIN = ("from", "to", "mean probability", "share answerable", "count")  # the fields of `Bin` in the file
Figures = dict[str, Figure]
Results = Mapping[str, Mapping[str, Figures]]  # by corpus, then by system
Reliabilities = Mapping[str, Reliability]  # Pilcrow's, by set

NOTE = (
    "The share of unanswerable questions is each set's own, and calibration depends on it: "
    "with fewer or more answerable questions, the same probabilities mean more or less."
)
PLOTTED = ["hit@1", "answer right", "citation right", "citation precision"]
PLOTTED += ["abstention recall", "answerable refused"]


def table(title: str, by_system: Mapping[str, Figures]) -> Table:
    """Return the table of one corpus: a row per figure, a column per system, values with 95 % intervals."""
    shown = Table(title=title, title_justify="left", title_style="bold")
    shown.add_column("")
    for system in by_system:
        shown.add_column(system, justify="right")
    for name in dict.fromkeys(name for figures in by_system.values() for name in figures):
        shown.add_row(name, *(_cell(figures.get(name)) for figures in by_system.values()))
    return shown


def _cell(figure: Figure | None) -> str:
    if figure is None or math.isnan(figure.value):
        return "–"
    if figure.low is None or figure.high is None:
        return f"{figure.value:,.0f}" if figure.value >= 20 else f"{figure.value:.3f}"
    return f"{figure.value:.3f} [dim]({figure.low:.3f}–{figure.high:.3f})[/dim]"


def write_json(
    path: Path, results: Results, runs: Mapping[tuple[str, str], Run], reliable: Reliabilities
) -> None:
    """Write the figures by corpus and system, Pilcrow's reliability by set, and every reply."""
    whole = {
        "figures": {
            corpus: {
                system: {name: _plain(figure) for name, figure in figures.items()}
                for system, figures in by_system.items()
            }
            for corpus, by_system in results.items()
        },
        "reliability": {"note": NOTE, "sets": {name: _reliability(of) for name, of in reliable.items()}},
        "replies": {
            f"{corpus} / {system}": {id_: _reply(reply) for id_, reply in run.replies.items()}
            for (corpus, system), run in runs.items()
        },
    }
    path.write_text(json.dumps(whole, indent=1, ensure_ascii=False), "utf-8")


def _plain(figure: Figure | Bin) -> dict[str, float | int | None]:
    return {
        name: None if value is not None and math.isnan(value) else value
        for name, value in asdict(figure).items()
    }


def _reliability(reliability: Reliability) -> dict[str, object]:
    return {
        "questions": reliability.count,
        "share answerable": reliability.share,
        "unanswerable groups": reliability.unanswerable,
        "calibration error": _plain(reliability.error),
        "Brier score": _plain(reliability.brier),
        "AUC": _plain(reliability.auc),
        "bins": [dict(zip(BIN, _plain(item).values(), strict=True)) for item in reliability.bins],
    }


def _reply(reply: Reply) -> dict[str, object]:
    return {
        "answered": reply.answered,
        "text": reply.text,
        "marked": reply.highlighted,
        "cited": [sorted(piece) for piece in reply.cited],
        "probability": reply.probability,
        "seconds": round(reply.seconds, 4),
    }


def plot(path: Path, results: Results) -> None:
    """Draw grouped bars with intervals, one panel per corpus."""
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(9, 2.6 * len(results)), layout="constrained")
    panels = canvas.subplots(len(results), 1, squeeze=False)[:, 0]
    for panel, (corpus, by_system) in zip(panels, results.items(), strict=True):
        width = 0.8 / len(by_system)
        for number, (system, figures) in enumerate(by_system.items()):
            drawn = [figures.get(name, Figure(math.nan)) for name in PLOTTED]
            at = [index + (number - (len(by_system) - 1) / 2) * width for index in range(len(drawn))]
            panel.bar(at, [f.value for f in drawn], width, label=system, yerr=_whiskers(drawn), capsize=2)
        panel.set_xticks(range(len(PLOTTED)), PLOTTED, fontsize=8)
        panel.set_ylim(0, 1.05)
        panel.set_title(corpus, loc="left", fontsize=10)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].legend(fontsize=8, ncols=3, loc="lower left", bbox_to_anchor=(0.12, 1.0), frameon=False)
    canvas.savefig(path, dpi=130)


def plot_reliability(path: Path, reliable: Reliabilities) -> None:
    """Draw the reliability diagram: a line per set through its bins, with larger dots for more questions.

    The dotted diagonal is perfect calibration. Dashed lines count every group of a set.
    """
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(6.5, 7.5), layout="constrained")
    panel = canvas.subplots()
    panel.plot([0, 1], [0, 1], ":", color="grey", label="calibrated")
    colours = {name: f"C{at}" for at, name in enumerate(dict.fromkeys(map(_set, reliable)))}
    for name, reliability in reliable.items():
        bins = [item for item in reliability.bins if item.count]
        at, true = [item.probability for item in bins], [item.true for item in bins]
        label = f"{name}: n {reliability.count:,}, {reliability.share:.2f} answerable, "
        label += f"ECE {reliability.error.value:.3f}, Brier {reliability.brier.value:.3f}"
        colour = colours[_set(name)]
        panel.plot(at, true, "-" if name == _set(name) else "--", color=colour, label=label)
        panel.scatter(at, true, [4 + 150 * item.count / reliability.count for item in bins], color=colour)
    panel.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    panel.set(xlabel="mean probability of the bin", ylabel="share of its questions that are answerable")
    panel.spines[["top", "right"]].set_visible(False)
    canvas.legend(loc="outside lower left", fontsize=8, frameon=False)
    canvas.savefig(path, dpi=130)


def _set(name: str) -> str:
    return name.partition(",")[0]


def _whiskers(figures: Sequence[Figure]) -> list[list[float]]:
    below = [figure.value - (figure.value if figure.low is None else figure.low) for figure in figures]
    above = [(figure.value if figure.high is None else figure.high) - figure.value for figure in figures]
    return [[max(0.0, gap) for gap in below], [max(0.0, gap) for gap in above]]


def wrong(corpus: Corpus, run: Run) -> list[tuple[Question, str]]:
    """Return the questions with a wrong reply, and what is wrong with it."""
    found = []
    for question in corpus.questions:
        reply = run.replies[question.id]
        if question.group:
            if reply.answered:
                found.append((question, f"answered, but not in the documents ({question.group})"))
        elif not reply.answered:
            found.append((question, "not answered, but in the documents"))
        elif not right(question, reply):
            found.append((question, "contains no accepted answer"))
        elif not cites_gold(question, reply):
            found.append((question, "cites no paragraph that answers"))
    return found


def show_wrong(console: Console, corpus: Corpus, run: Run) -> None:
    """Print each wrong reply with what explains it."""
    for question, how in wrong(corpus, run):
        reply = run.replies[question.id]
        console.rule(f"{question.id}: {how}", align="left")
        lines = [f"question  {question.text}", f"answer    {reply.text}"]
        lines.append(f"cited     {_places(reply)}")
        if not question.group:
            lines.insert(1, f"accepted  {' | '.join(question.accepted)}")
            gold = ", ".join(f"{source} ¶{number}" for source, number in sorted(question.gold))
            rank = first_gold(reply.ranked, question.gold)
            lines.append(f"gold      {gold}; rank {rank if rank else 'none'} of {len(reply.ranked)}")
        console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _places(reply: Reply) -> str:
    return (
        ", ".join(f"{source} ¶{number}" for held in reply.cited for source, number in sorted(held)) or "none"
    )
