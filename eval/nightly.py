"""The nightly evaluation: ask and record every question, then score, judge, compare and report."""

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
from eval.judge.trials import AnswerToJudge, drawn, faithfulness, judge_the_judge, mean
from eval.questions.question import Question, load, validate
from eval.report.markdown import markdown
from eval.report.page import page
from eval.runs import gate, history, results
from eval.runs.history import Accepted, Entry
from eval.runs.record import Record, Track, run
from eval.runs.results import ModelJudge, Results
from eval.scores import ragas
from eval.scores.cases import Case
from eval.scores.measures import Scores
from rag import Assistant, PilcrowError, Settings

QUICK = 30  # questions; the first ones include every kind
SAMPLE, TRIED = 20, 10  # answers, and claims of each trial, that an LLM judges


@dataclass(frozen=True, slots=True)
class Plan:
    """The questions, the folder of documents or the index to ask, and the output folder.

    `public` is the folder of the sets that people labelled, to try the judge on. `judge_url` and
    `judge_model` name an LLM at an OpenAI-compatible address that also judges a sample.
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
class Answers:
    """The answers of one run; `resumed` counts those of an earlier, interrupted start."""

    run: str
    started: datetime
    cases: tuple[Case, ...]
    resumed: int
    documents: int
    record: Path


def evaluate(plan: Plan, track: Track, say: Callable[[str], None]) -> Results:
    """Run the whole evaluation and write its reports into the output folder."""
    start = perf_counter()
    questions = load(plan.questions)
    with open_index(plan) as assistant:
        answers = ask_all(plan, questions[:QUICK] if plan.quick else questions, assistant, track, say)
    say("scoring and judging")
    found = compare(plan, answers, len(questions))
    entry = history_entry(found)
    history.remember(plan.output, entry)
    earlier = history.entries(plan.output, entry.questions)
    found = replace(found, earlier=earlier, seconds=perf_counter() - start)
    write_reports(found, plan.output)
    answers.record.replace(plan.output / "answers.jsonl")
    return found


@contextmanager
def open_index(plan: Plan) -> Iterator[Assistant]:
    """Open the plan's index, or a temporary one of its documents; an interrupted run leaves that for reuse.

    Raises PilcrowError if the index is empty or a document cannot be read.
    """
    if plan.documents is None:
        with Assistant.open(settings=Settings.load(index=plan.index)) as assistant:
            if not assistant.documents():
                raise PilcrowError(
                    f"The index {plan.index} is empty. "
                    f"Add documents with `pilcrow ingest --index {plan.index} PATH`."
                )
            yield assistant
        return
    folder = plan.output / f"index-{_hash([*_contents(plan.documents), *_code()])}"
    with Assistant.open(folder, Settings()) as assistant:
        ingested = assistant.ingest([plan.documents])
        if ingested.failed:
            raise PilcrowError("{}: {}".format(*ingested.failed[0]))
        yield assistant
    shutil.rmtree(folder, ignore_errors=True)


def ask_all(
    plan: Plan, questions: Sequence[Question], assistant: Assistant, track: Track, say: Callable[[str], None]
) -> Answers:
    """Validate the questions, then ask them, resuming an interrupted run if there is one."""
    validate(questions, assistant)
    documents = assistant.documents()
    key = _hash(
        [
            *(question.digest for question in questions),
            *(f"{document.source} {document.sha256}" for document in documents),
            assistant.settings.model_dump_json(include={"embedder", "reranker", "evidence"}),
            *_code(),
        ]
    )
    with closing(Record(plan.output / f"run-{key}.jsonl", questions)) as record:
        if record.resumed:
            say(f"resuming run {record.run}: {record.resumed} of {len(questions)} questions are answered")
        cases = run(questions, assistant, record, track)
        return Answers(record.run, record.started, cases, record.resumed, len(documents), record.path)


def score(cases: Sequence[Case]) -> Scores:
    """Return every metric of every case, with the local judge."""
    return ragas.score(cases, ragas.supported, faithfulness(ragas.to_judge(cases)))


def compare(plan: Plan, answers: Answers, total: int) -> Results:
    """Score the run and compare it with the accepted one; `total` is the number of questions in the file."""
    scores = score(answers.cases)
    accepted = history.read_accepted(results.accepted_file(plan.questions, plan.output))
    then = accepted or Accepted("", "", answers.started)
    digests = {case.question.id: case.question.digest for case in answers.cases}
    right = right_answers(answers.cases, scores)
    return Results(
        run=answers.run,
        started=answers.started,
        seconds=0.0,
        questions=plan.questions,
        total=total,
        resumed=answers.resumed,
        documents=answers.documents,
        cases=answers.cases,
        scores=scores,
        changes=gate.compare(scores, digests, then.scores, then.asked),
        accepted=accepted,
        trials=judge_the_judge(plan.public, right, sample=QUICK if plan.quick else None),
        model=judge_by_model(plan, answers.cases, right),
    )


def judge_by_model(
    plan: Plan, cases: Sequence[Case], right: dict[str, list[AnswerToJudge]]
) -> ModelJudge | None:
    """Judge a fixed sample of the answers with the LLM of the plan, and try that judge too."""
    if plan.judge_url is None:
        return None
    from eval.judge.llm import judge_at

    judge = judge_at(plan.judge_url, plan.judge_model, plan.output / "judged")
    answers = ragas.to_judge(cases)
    chosen = drawn((answer.id for answer in answers), SAMPLE)
    judged = faithfulness([answer for answer in answers if answer.id in chosen], judge)
    figure, failed, abstained = mean(judged)
    return ModelJudge(
        name=plan.judge_model,
        faithfulness=figure,
        scored=len(judged) - failed - abstained,
        failed=failed,
        abstained=abstained,
        trials=judge_the_judge(plan.public, right, judge, TRIED),
    )


def right_answers(cases: Sequence[Case], scores: Scores) -> dict[str, list[AnswerToJudge]]:
    """Return the right answers to plant faults in: those of this run, and the references with their gold."""
    right = {id_ for id_, score in scores["answer accuracy"].items() if score.value == 1}
    references = [
        AnswerToJudge(
            case.question.id,
            case.question.text,
            case.question.reference,
            tuple(passage.whole for place in case.question.gold if (passage := case.passages[place])),
        )
        for case in cases
        if case.question.answerable
    ]
    return {
        "right answers of this run": ragas.to_judge([case for case in cases if case.question.id in right]),
        "reference answers": references,
    }


def write_reports(found: Results, output: Path) -> None:
    """Write the run as HTML, Markdown, JSON and a RAGAS experiment."""
    results.write_json(output / results.FILE, found)
    history.replace(output / "report.md", markdown(found))
    history.replace(output / "report.html", page(found))
    ragas.save(found.run, output, found.cases, found.scores)


def history_entry(found: Results) -> Entry:
    """Return the run's line in the history: every figure that has a value."""
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
    """Yield a line for each file of the code whose answers are measured."""
    return _contents(Path(rag.__file__).parent)


def _contents(folder: Path) -> Iterator[str]:
    """Yield a line for each file below a folder: its path and its hash."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            with path.open("rb") as file:
                yield f"{path.relative_to(folder)} {file_digest(file, 'sha256').hexdigest()}"


def _hash(lines: Sequence[str]) -> str:
    return blake2b("\n".join(lines).encode(), digest_size=6).hexdigest()
