"""Compare answers written by a language model with extractive ones: `python -m scripts.measure_llm MODEL`.

MODEL is a .gguf file or the address of an endpoint. The script asks a fixed sample of each corpus of the
bench, and a third as many questions that it does not answer. A statement is unsupported if the evaluation's
judge, which shares nothing with the check in `rag/`, gives its paragraphs less than a half.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated, Any

import typer
from rich.progress import track

from eval.judge.faithfulness import SUPPORTED, verdict
from eval.questions.question import Question
from eval.scores.reply import Reply, cites_gold, right
from rag import Answer, Assistant, Settings
from scripts.bench.corpora import Corpus, load, missing

Row = dict[str, Any]


def main(
    model: Annotated[str, typer.Argument(help="A .gguf file, or the address of an endpoint.")],
    sample: Annotated[int, typer.Option(help="Questions of each corpus.")] = 60,
    only: Annotated[str | None, typer.Option(help="One corpus.")] = None,
    out: Annotated[Path, typer.Option(help="File for the answers.")] = Path("bench/llm.jsonl"),
) -> None:
    """Ask, write the answers, and print the figures."""
    out.parent.mkdir(exist_ok=True)
    with TemporaryDirectory() as scratch, out.open("w", encoding="utf-8") as file:
        for name in [only] if only else ("xquad", "clapnq", "seeds"):
            corpus = load(name, Path(scratch))
            if corpus is None:
                print(f"{name}: left out, its data are missing ({missing(name)})")
                continue
            rows = []
            for row in answered(corpus, Path(scratch), model, sample):
                rows.append(row)
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                file.flush()
            show(name, rows)


def answered(corpus: Corpus, scratch: Path, model: str, sample: int) -> Iterator[Row]:
    """Yield each question of the sample, answered in both ways."""
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
                written = judged(item, stream.answer)
                written |= {"first": first, "seconds": perf_counter() - start}
                yield {
                    "corpus": corpus.name,
                    "question": item.text,
                    "group": item.group,
                    "plain": judged(item, plain),
                    "llm": written,
                }


def judged(question: Question, answer: Answer) -> Row:
    """Return an answer's scores, and its statements with what they cite."""
    reply = Reply.of(answer, ())
    texts = {cited.number: cited.paragraph_text for cited in answer.citations}
    statements = [(one.text, [texts[number] for number in one.citations]) for one in answer.statements]
    return {
        "abstained": answer.abstained,
        "right": right(question, reply),
        "cited": cites_gold(question, reply),
        "citations": len(reply.cited),
        "gold": sum(not piece.isdisjoint(question.gold) for piece in reply.cited),
        "text": answer.text,
        "marked": reply.highlighted,
        "statements": [
            {"text": text, "by": by, "verdict": verdict(text, by), "copied": any(text in one for one in by)}
            for text, by in statements
        ],
        "dropped": list(answer.dropped),
        "timings": dict(answer.timings),
    }


def show(name: str, rows: list[Row]) -> None:
    """Print the figures of one corpus, both ways."""
    answerable = [row for row in rows if not row["group"]]
    absent = [row for row in rows if row["group"]]
    for way in ("plain", "llm"):
        done = [row[way] for row in answerable if not row[way]["abstained"]]
        statements = [one for row in rows for one in row[way]["statements"]]
        figures = {
            "answer right": _share([row[way]["right"] for row in answerable]),
            "citation right": _share([row[way]["cited"] for row in answerable]),
            "citations right": f"{sum(row['gold'] for row in done)}/{sum(row['citations'] for row in done)}",
            "abstained rightly": _share([row[way]["abstained"] for row in absent]),
            "statements": len(statements),
            "in its own words": sum(not one["copied"] for one in statements),
            "unsupported, says the judge": sum(one["verdict"] < SUPPORTED for one in statements),
            "left out": sum(len(row[way]["dropped"]) for row in rows),
        }
        print(name, way, ", ".join(f"{what} {value}" for what, value in figures.items()))
    if timed := [row["llm"] for row in rows if row["llm"]["timings"].get("calls")]:
        calls, tokens, whole, check = (
            sum(row["timings"][what] for row in timed) for what in ("calls", "tokens", "generate", "check")
        )
        first, last = (median(row[what] for row in timed) for what in ("first", "seconds"))
        print(f"{name}: {len(timed)} answers, {calls} calls, {tokens} tokens, {whole:.0f} s", end=" ")
        print(f"({check:.1f} s to check); medians: first statement {first:.1f} s, last {last:.1f} s")


def _share(values: list[float]) -> str:
    return f"{mean(values):.3f} of {len(values)}" if values else "–"


if __name__ == "__main__":
    typer.run(main)
