"""The nightly evaluation: every question asked and recorded, scored, judged, compared, and reported."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b, file_digest
from pathlib import Path
from time import perf_counter

import rag
from eval.judge.trials import Said, drawn, faithfulness, judge_the_judge, mean
from eval.questions.rows import Row, load, validate
from eval.report import markdown, page
from eval.runs import gate, history, results
from eval.runs.history import Accepted, Entry
from eval.runs.record import Record, Track, run
from eval.runs.results import ModelJudge, Results
from eval.scores import ragas as scores
from eval.scores.cases import Case
from eval.scores.measures import Scores
from rag import Assistant, PilcrowError, Settings

QUICK = 30  # rows, which hold every kind
SAMPLE, TRIED = 20, 10  # answers, and claims of each set that it is tried on, that an LLM judges


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask, of a fresh index of a folder of documents or else of an index; `output` is a folder.

    `public`: the folder of the sets that people labelled, for trying the judge. `judge_url` and `judge_model`
    name an LLM that judges a sample as well, at an OpenAI-compatible address.
    """

    questions: Path
    output: Path
    documents: Path | None = None
    index: Path | None = None
    quick: bool = False
    public: Path | None = None
    judge_url: str | None = None
    judge_model: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers of one run: its name and beginning, how many documents, how many answers it took over."""

    run: str
    started: datetime
    cases: tuple[Case, ...]
    resumed: int
    documents: int
    record: Path


def evaluate(plan: Plan, track: Track, say: Callable[[str], None]) -> Results:
    """The whole evaluation; its reports are in the output folder when it returns."""
    start = perf_counter()
    rows = load(plan.questions)
    with opened(plan) as assistant:
        asked = ask_all(plan, rows[:QUICK] if plan.quick else rows, assistant, track, say)
    say("scoring and judging")
    found = compare(plan, asked, len(rows))
    entry = entry_of(found)
    history.remember(plan.output, entry)
    earlier = history.entries(plan.output, entry.questions)
    found = replace(found, earlier=earlier, seconds=perf_counter() - start)
    report(found, plan.output)
    asked.record.replace(plan.output / "answers.jsonl")
    return found


@contextmanager
def opened(plan: Plan) -> Iterator[Assistant]:
    """An assistant over the index of the plan, or over a fresh one of its documents, which goes again.

    What a killed run had made of that index is used again. Raises PilcrowError where nothing is to be asked.
    """
    if plan.index:
        with Assistant.open(settings=Settings.load(index=plan.index)) as assistant:
            if not assistant.documents():
                raise PilcrowError(f"the index {plan.index} holds no documents; run: pilcrow ingest PATH")
            yield assistant
        return
    if plan.documents is None or not plan.documents.is_dir():
        raise PilcrowError(f"there are no documents in {plan.documents}; name an index with --index")
    folder = plan.output / f"index-{_hash([*_contents(plan.documents), *_code()])}"
    with Assistant.open(folder, Settings()) as assistant:
        ingested = assistant.ingest([plan.documents])
        if ingested.failed:
            raise PilcrowError("{}: {}".format(*ingested.failed[0]))
        yield assistant
    shutil.rmtree(folder, ignore_errors=True)


def ask_all(
    plan: Plan, rows: Sequence[Row], assistant: Assistant, track: Track, say: Callable[[str], None]
) -> Asked:
    """Validates the rows, then asks them, going on with a run that was killed."""
    validate(rows, assistant)
    documents = assistant.documents()
    key = _hash(
        [
            *(row.digest for row in rows),
            *(f"{document.source} {document.sha256}" for document in documents),
            assistant.settings.model_dump_json(include={"embedder", "reranker", "evidence"}),
            *_code(),
        ]
    )
    with closing(Record(plan.output / f"run-{key}.jsonl", rows)) as record:
        if record.resumed:
            say(f"going on with run {record.run}, which has answered {record.resumed} of {len(rows)}")
        cases = run(rows, assistant, record, track)
        return Asked(record.run, record.started, cases, record.resumed, len(documents), record.path)


def score(cases: Sequence[Case]) -> Scores:
    """Every metric of every case, faithfulness and support by the local judge."""
    return scores.score(cases, scores.supported, faithfulness(scores.said(cases)))


def compare(plan: Plan, asked: Asked, rows: int) -> Results:
    """The run scored and held against the accepted one; `rows` are those of the file of questions."""
    scored = score(asked.cases)
    accepted = history.read_accepted(results.accepted_file(plan.questions, plan.output))
    then = accepted or Accepted("", "", asked.started)
    digests = {case.row.id: case.row.digest for case in asked.cases}
    return Results(
        run=asked.run,
        started=asked.started,
        seconds=0.0,
        questions=plan.questions,
        rows=rows,
        resumed=asked.resumed,
        documents=asked.documents,
        cases=asked.cases,
        scores=scored,
        changes=gate.compare(scored, digests, then.scores, then.asked),
        accepted=accepted,
        trials=judge_the_judge(
            plan.public, right_answers(asked.cases, scored), sample=QUICK if plan.quick else None
        ),
        model=judged_by_model(plan, asked.cases, scored),
    )


def judged_by_model(plan: Plan, cases: Sequence[Case], scored: Scores) -> ModelJudge | None:
    """Faithfulness of always the same answers by the LLM that is set, and what that judge is worth."""
    if plan.judge_url is None:
        return None
    from eval.judge.llm import judge_at

    judge = judge_at(plan.judge_url, plan.judge_model, plan.output / "judged")
    answers = scores.said(cases)
    chosen = drawn((answer.id for answer in answers), SAMPLE)
    judged = faithfulness([answer for answer in answers if answer.id in chosen], judge)
    figure, failed, abstained = mean(judged)
    return ModelJudge(
        name=plan.judge_model,
        faithfulness=figure,
        scored=len(judged) - failed - abstained,
        failed=failed,
        abstained=abstained,
        trials=judge_the_judge(plan.public, right_answers(cases, scored), judge, TRIED),
    )


def right_answers(cases: Sequence[Case], scored: Scores) -> dict[str, list[Said]]:
    """Right answers for faults to be planted in: those of this run, and the references with their gold."""
    right = {id_ for id_, score in scored["answer accuracy"].items() if score.value == 1}
    return {
        "right answers of this run": scores.said([case for case in cases if case.row.id in right]),
        "reference answers": [
            Said(
                case.row.id,
                case.row.question,
                case.row.reference,
                tuple(held.whole for place in case.row.gold if (held := case.passages[place])),
            )
            for case in cases
            if case.row.answerable
        ],
    }


def report(found: Results, output: Path) -> None:
    """Writes the run as a page, as Markdown, as JSON, and as a RAGAS experiment."""
    results.write_json(output / results.FILE, found)
    history.replace(output / "report.md", markdown.written(found))
    history.replace(output / "report.html", page.page(found))
    scores.save(found.run, output, found.cases, found.scores)


def entry_of(found: Results) -> Entry:
    """What of a run goes into the history: every figure that has a value."""
    figures = {change.measure.name: change.now for change in found.changes if change.scored}
    return Entry(
        run=found.run,
        started=found.started,
        questions=found.name,
        figures={
            name: (figure.value, figure.low or 0.0, figure.high or 0.0) for name, figure in figures.items()
        },
        worse=tuple(change.measure.name for change in found.worse),
    )


def _code() -> Iterator[str]:
    """A line for each file of the package whose answers are measured."""
    return _contents(Path(rag.__file__).parent)


def _contents(folder: Path) -> Iterator[str]:
    """A line for each file below a folder that is its path and what it holds."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            with path.open("rb") as file:
                yield f"{path.relative_to(folder)} {file_digest(file, 'sha256').hexdigest()}"


def _hash(lines: Sequence[str]) -> str:
    return blake2b("\n".join(lines).encode(), digest_size=6).hexdigest()
