"""Compare answers written by a language model with extractive ones: `python -m scripts.measure_llm MODEL`.

MODEL is a .gguf file or the address of an endpoint; other settings, such as the verifier, come from the
environment. The script asks a fixed sample of each corpus of the bench, and a third as many questions that it
does not answer. Run it again to go on after a stop. A statement is unsupported if the evaluation's judge,
which shares nothing with the check in `rag/`, gives its paragraphs less than a half. To check them by hand,
the statements are written beside the answers: the model's own first, in random order.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated

import typer
from rich.progress import track

from eval.judge.lexical import SUPPORTED, verdict
from eval.questions.question import Question
from eval.scores.reply import Reply, cites_gold, right
from rag import Answer, Assistant, Settings
from scripts.bench.corpora import Corpus, load, missing
from scripts.resuming import Row, Rows, Writer

Key = tuple[str, str]  # corpus and id of a question


def main(
    model: Annotated[str, typer.Argument(help="A .gguf file, or the address of an endpoint.")],
    sample: Annotated[int, typer.Option(help="Questions of each corpus; 81 make 300 answers.")] = 81,
    only: Annotated[str | None, typer.Option(help="One corpus.")] = None,
    out: Annotated[Path, typer.Option(help="File for the answers.")] = Path("bench/llm.jsonl"),
) -> None:
    """Ask, write the answers and their statements, and print the figures."""
    rows, names = Rows(out, model), [only] if only else ["xquad", "clapnq", "seeds"]
    with TemporaryDirectory() as scratch:
        corpora = [corpus for name in names if (corpus := load(name, Path(scratch)))]
        for name in set(names) - {corpus.name for corpus in corpora}:
            print(f"{name}: left out, its data are missing ({missing(name)})")
        asked = {(corpus.name, item.id): item for corpus in corpora for item in chosen(corpus, sample)}
        known = {(row["corpus"], row["id"]) for row in rows.known}
        if left := {key: item for key, item in asked.items() if key not in known}:
            settings = Settings.load(llm=model)
            writer = Writer.examined(settings, out.parent)
            for row in track(answered(corpora, left, writer, Path(scratch)), "questions", len(left)):
                rows.add(row)
    found = [row for row in rows.known if (row["corpus"], row["id"]) in asked]
    write_statements(out.with_suffix(".statements.jsonl"), found)
    for corpus in corpora:
        show(corpus.name, [row for row in found if row["corpus"] == corpus.name])
    if len(corpora) > 1:
        show("all", found)


def chosen(corpus: Corpus, sample: int) -> list[Question]:
    """Return the sample: questions that the corpus answers, and a third as many that it doesn't."""
    chance = random.Random(6)  # noqa: S311
    answerable = [item for item in corpus.questions if not item.group]
    absent = [item for item in corpus.questions if item.group in corpus.headline]
    found = chance.sample(answerable, min(sample, len(answerable)))
    return found + chance.sample(absent, min(sample // 3, len(absent)))


def answered(
    corpora: Sequence[Corpus], left: Mapping[Key, Question], writer: Writer, scratch: Path
) -> Iterator[Row]:
    """Yield each question that is left, answered in both ways."""
    for corpus in corpora:
        for index, documents in corpus.folders.items():
            here = [item for (name, _), item in left.items() if (name, item.index) == (corpus.name, index)]
            folder = scratch / f"index of {corpus.name} {index}"
            if not here:
                continue
            with writer.open(folder) as assistant:
                assistant.ingest([documents])
                for item in here:
                    yield {"corpus": corpus.name, **answer(item, assistant)}


def answer(item: Question, assistant: Assistant) -> Row:
    """Return a question's answers in both ways, judged."""
    plain = assistant.ask(item.text, extractive=True)
    start = perf_counter()
    stream = assistant.stream(item.text)
    first = next((perf_counter() - start for piece in stream if piece), None)
    written = judged(item, stream.answer, plain)
    written |= {"first": first, "seconds": perf_counter() - start}
    row = {"id": item.id, "question": item.text, "group": item.group}
    return row | {"plain": judged(item, plain, plain), "llm": written}


def judged(question: Question, answer: Answer, plain: Answer) -> Row:
    """Return an answer's scores, and its statements with what they cite."""
    reply = Reply.of(answer, ())
    cited = {one.number: one for one in answer.citations}
    statements = [(one, [cited[number] for number in one.citations]) for one in answer.statements]
    return {
        "abstained": answer.abstained,
        "right": right(question, reply),
        "cited": cites_gold(question, reply),
        "citations": len(reply.cited),
        "gold": sum(not piece.isdisjoint(question.gold) for piece in reply.cited),
        "text": answer.text,
        "marked": reply.highlighted,
        "statements": [
            {
                "text": one.text,
                "status": str(one.status),
                "support": one.support,
                "places": [f"{place.source} ¶{place.paragraph}" for place in by],
                "by": (texts := [place.paragraph_text for place in by]),
                "verdict": verdict(one.text, texts),
                "copied": any(one.text in text for text in texts),
                "extracted": any(one.text in other.text for other in plain.statements),
            }
            for one, by in statements
        ],
        "dropped": list(answer.dropped),
        "timings": dict(answer.timings),
    }


def write_statements(file: Path, rows: Sequence[Row]) -> None:
    """Write the statements of the model's answers in random order, last those that extraction shows too."""
    found = [
        {"corpus": row["corpus"], "question": row["question"], "text": one["text"], "status": one["status"]}
        | {"support": one["support"], "places": one["places"], "paragraphs": one["by"]}
        | {"extracted": one["extracted"]}
        for row in rows
        for one in row["llm"]["statements"]
    ]
    random.Random(6).shuffle(found)  # noqa: S311
    found.sort(key=lambda one: one["extracted"])
    file.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in found), "utf-8")
    own = sum(not one["extracted"] for one in found)
    print(f"{file}: {len(found)} statements to check by hand; the first {own} are the model's own")


def show(name: str, rows: Sequence[Row]) -> None:
    """Print the figures of one corpus, both ways."""
    answerable = [row for row in rows if not row["group"]]
    absent = [row for row in rows if row["group"]]
    for way in ("plain", "llm"):
        done = [row[way] for row in answerable if not row[way]["abstained"]]
        statements = [one for row in rows for one in row[way]["statements"]]
        gold, citations = (sum(row[what] for row in done) for what in ("gold", "citations"))
        figures = {
            "answer right": _share([row[way]["right"] for row in answerable]),
            "citation right": _share([row[way]["cited"] for row in answerable]),
            "citations right": f"{gold / max(citations, 1):.3f} of {citations}",
            "abstained rightly": _share([row[way]["abstained"] for row in absent]),
            "abstained wrongly": _share([row[way]["abstained"] for row in answerable]),
            "statements": len(statements),
            **Counter(one["status"] for one in statements),
            "in its own words": sum(not one["copied"] for one in statements),
            "unsupported, says the judge": sum(one["verdict"] < SUPPORTED for one in statements),
            "left out": sum(len(row[way]["dropped"]) for row in rows),
        }
        print(name, way, ", ".join(f"{what} {value}" for what, value in figures.items()))
    if timed := [row["llm"] for row in rows if row["llm"]["timings"].get("calls")]:
        calls, tokens, whole, check = (
            sum(row["timings"].get(what, 0) for row in timed)
            for what in ("calls", "tokens", "generate", "check")
        )
        first, last = (median(row[what] for row in timed) for what in ("first", "seconds"))
        print(f"{name}: {len(timed)} answers, {calls} calls, {tokens} tokens, {whole:.0f} s", end=" ")
        print(f"({check:.1f} s to check); medians: first statement {first:.1f} s, last {last:.1f} s")


def _share(values: list[float]) -> str:
    return f"{mean(values):.3f} of {len(values)}" if values else "–"


if __name__ == "__main__":
    typer.run(main)
