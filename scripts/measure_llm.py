"""Answers with a language model beside the extractive ones: python scripts/measure_llm.py MODEL

MODEL is a .gguf file or the address of an endpoint. Of each corpus of the bench a fixed sample is asked,
and a third as many that it does not answer; the answers are written to bench/llm.jsonl, the figures
printed. A statement is counted as unsupported where the evaluation's judge, which shares nothing with the
check in `rag/`, gives its paragraphs less than a half.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from rich.progress import track

from eval.judge.faithfulness import verdict
from eval.metrics import contains_any
from eval.questions.question import Question
from eval.scores.reply import highlighted
from rag import Answer, Assistant, Settings
from scripts.bench.corpora import CORPORA, Corpus, load

CORPORA_ASKED = ("xquad", "clapnq", "seeds")
HALF = 0.5


def main() -> None:
    """Asks, writes, and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="a .gguf file, or the address of an endpoint")
    parser.add_argument("--sample", type=int, default=60, help="questions of each corpus")
    parser.add_argument("--only", choices=sorted(CORPORA), help="one corpus")
    given = parser.parse_args()
    Path("bench").mkdir(exist_ok=True)
    with TemporaryDirectory() as scratch, Path("bench/llm.jsonl").open("w", encoding="utf-8") as file:
        for name in [given.only] if given.only else CORPORA_ASKED:
            corpus = load(name, Path(scratch))
            if corpus is None:
                print(f"{name}: its data are not here")
                continue
            rows = []
            for row in asked(corpus, Path(scratch), given.model, given.sample):
                rows.append(row)
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                file.flush()
            show(name, rows)


def asked(corpus: Corpus, scratch: Path, model: str, sample: int) -> Iterator[dict[str, Any]]:
    """Each question of the sample, answered in both ways."""
    chance = random.Random(6)  # noqa: S311
    answerable = [item for item in corpus.questions if not item.group]
    absent = [item for item in corpus.questions if item.group in corpus.headline]
    chosen = chance.sample(answerable, min(sample, len(answerable)))
    chosen += chance.sample(absent, min(sample // 3, len(absent)))
    for index in sorted({item.index for item in chosen}):
        folder = scratch / f"index of {corpus.name} {index}"
        with Assistant.open(folder, Settings(llm=model)) as assistant:
            assistant.ingest([corpus.folders[index]])
            here = [item for item in chosen if item.index == index]
            for item in track(here, f"{corpus.name}, {index}"):
                plain = assistant.ask(item.text, extractive=True)
                start = perf_counter()
                stream = assistant.stream(item.text)
                first = next((perf_counter() - start for piece in stream if piece), None)
                written = stream.answer
                yield {
                    "corpus": corpus.name,
                    "question": item.text,
                    "group": item.group,
                    "plain": judged(item, plain),
                    "llm": judged(item, written) | {"first": first, "seconds": perf_counter() - start},
                }


def judged(question: Question, answer: Answer) -> dict[str, Any]:
    """What one answer is worth, and its statements with what they cite."""
    held = [(cited.source, cited.paragraph) in question.gold for cited in answer.citations]
    by_number = {cited.number: cited for cited in answer.citations}
    statements = [
        (one.text, [by_number[number].paragraph_text for number in one.citations])
        for one in answer.statements
    ]
    return {
        "abstained": answer.abstained,
        "right": not answer.abstained and contains_any(answer.text, question.accepted),
        "cited": any(held),
        "citations": len(held),
        "gold": sum(held),
        "text": answer.text,
        "marked": highlighted(answer),
        "statements": [
            {"text": text, "by": by, "verdict": verdict(text, by), "copied": any(text in one for one in by)}
            for text, by in statements
        ],
        "dropped": list(answer.dropped),
        "timings": dict(answer.timings),
    }


def show(name: str, rows: list[dict[str, Any]]) -> None:
    """The figures of one corpus, both ways."""
    answerable = [row for row in rows if not row["group"]]
    absent = [row for row in rows if row["group"]]
    for way in ("plain", "llm"):
        done = [row[way] for row in answerable if not row[way]["abstained"]]
        statements = [one for row in rows for one in row[way]["statements"]]
        own = [one for one in statements if not one["copied"]]
        figures = {
            "answer right": _share([row[way]["right"] for row in answerable]),
            "citation right": _share([row[way]["cited"] for row in answerable]),
            "citations right": f"{sum(row['gold'] for row in done)}/{sum(row['citations'] for row in done)}",
            "abstained rightly": _share([row[way]["abstained"] for row in absent]),
            "statements": len(statements),
            "in its own words": len(own),
            "unsupported, says the judge": sum(one["verdict"] < HALF for one in statements),
            "left out": sum(len(row[way]["dropped"]) for row in rows),
        }
        print(name, way, ", ".join(f"{what} {value}" for what, value in figures.items()))
    timed = [row["llm"] for row in rows if row["llm"]["timings"].get("calls")]
    if not timed:
        return
    check = sum(row["timings"]["check"] for row in timed)
    whole = sum(row["timings"]["generate"] for row in timed)
    calls, tokens = (sum(row["timings"][what] for row in timed) for what in ("calls", "tokens"))
    print(f"{name}: {len(timed)} answers with {calls} calls and {tokens} tokens in {whole:.0f} s", end=", ")
    print(f"of which checked {check:.1f} s; first statement after {_median(timed, 'first'):.1f} s", end=", ")
    print(f"the last after {_median(timed, 'seconds'):.1f} s (medians)")


def _median(rows: list[dict[str, Any]], what: str) -> float:
    return median(row[what] for row in rows)


def _share(held: list[bool]) -> str:
    return f"{sum(held) / len(held):.3f} of {len(held)}" if held else "–"


if __name__ == "__main__":
    main()
