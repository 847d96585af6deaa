"""The nightly evaluation: ask and record every question, then score, judge, compare and report."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b, file_digest
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING
from zlib import crc32

import rag
from eval.judge.agreement import agreement
from eval.judge.faithfulness import faithfulness
from eval.metrics import share
from eval.questions.question import Question, load, validate
from eval.report.markdown import markdown
from eval.report.page import page
from eval.runs import gate, history, results
from eval.runs.history import Accepted, Entry
from eval.runs.record import Record, Track, run, run_model
from eval.runs.results import Results
from eval.runs.written import Exam, ModelJudge, Written, beside
from eval.scores import ragas
from eval.scores.cases import Case
from eval.scores.measures import Scores
from rag import Assistant, PilcrowError, Settings
from rag.opening import reach

if TYPE_CHECKING:
    from eval.judge.llm import LLMFaithfulness

QUICK = 30  # questions; the first ones include every kind
SAMPLE = 20  # answers that an LLM judges
EXAMS = "exams.json"  # where an index keeps the grades of verifiers
MODELS = {"llm", "llm_model", "llm_context", "verifier", "verifier_model", "verifier_code", "unconfirmed"}


@dataclass(frozen=True, slots=True)
class Plan:
    """The questions, the output folder, the settings, and the documents (None: ask the settings' index).

    Of a temporary index of documents only the settings of the models count. `public` is the folder of the set
    that people labelled, to measure the judge on. `judge_url` and `judge_model` name an LLM at an
    OpenAI-compatible address that also judges a sample; by default, the one that writes the answers.
    """

    questions: Path
    output: Path
    settings: Settings = field(default_factory=Settings)
    documents: Path | None = None
    quick: bool = False
    public: Path | None = None
    judge_url: str | None = None
    judge_model: str | None = None

    @property
    def writer(self) -> str:
        """The name of the language model that writes answers, "" without one."""
        llm = self.settings.llm or ""
        return self.settings.llm_model or (llm if "://" in llm else Path(llm).name)


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of one run; `resumed` counts those of an earlier, interrupted start.

    `records` are their files: of the extractive answers and, if a model is set, of its answers.
    """

    run: str
    started: datetime
    cases: tuple[Case, ...]
    resumed: int
    documents: int
    records: tuple[Path, ...]
    written: Written | None = None


def evaluate(plan: Plan, track: Track, say: Callable[[str], None]) -> Results:
    """Run the whole evaluation and write its reports into the output folder."""
    start = perf_counter()
    questions = load(plan.questions)
    judge = open_judge(plan)
    with open_index(plan, say) as assistant:
        answers = ask_all(plan, questions[:QUICK] if plan.quick else questions, assistant, track, say)
    say("scoring and judging")
    found = compare(plan, answers, len(questions), judge)
    entry = history_entry(found)
    history.remember(plan.output, entry)
    earlier = history.entries(plan.output, entry.questions)
    found = replace(found, earlier=earlier, seconds=perf_counter() - start)
    write_reports(found, plan.output)
    for record, name in zip(answers.records, ("answers.jsonl", "answers-llm.jsonl"), strict=False):
        record.replace(plan.output / name)
    return found


@contextmanager
def open_index(plan: Plan, say: Callable[[str], None]) -> Iterator[Assistant]:
    """Open the plan's index, or a temporary one of its documents; an interrupted run leaves that for reuse.

    Raises PilcrowError if the index is empty or a document cannot be read.
    """
    if plan.documents is None:
        with reach(plan.settings, say) as assistant:
            if not assistant.documents():
                index = plan.settings.index
                raise PilcrowError(
                    f"The index {index} is empty. Add documents with `pilcrow ingest --index {index} PATH`."
                )
            yield assistant
        return
    folder = plan.output / f"index-{_hash([*_contents(plan.documents), *_code()])}"
    models = {name: getattr(plan.settings, name) for name in (*MODELS, "llm_key", "llm_seconds")}
    with Assistant.open(folder, Settings(**models)) as assistant:
        ingested = assistant.ingest([plan.documents])
        if ingested.failed:
            raise PilcrowError("{}: {}".format(*ingested.failed[0]))
        if (plan.output / EXAMS).exists():  # else each night has an exam
            shutil.copy(plan.output / EXAMS, folder)
        yield assistant
        if (folder / EXAMS).exists():
            shutil.copy(folder / EXAMS, plan.output)
    shutil.rmtree(folder, ignore_errors=True)


def ask_all(
    plan: Plan, questions: Sequence[Question], assistant: Assistant, track: Track, say: Callable[[str], None]
) -> Answers:
    """Validate the questions, then ask them, resuming an interrupted run if there is one.

    If a language model is set, ask them all once more, to be answered by it.
    """
    validate(questions, assistant)
    documents = assistant.documents()
    lines = [
        *(question.digest for question in questions),
        *(f"{document.source} {document.sha256}" for document in documents),
        assistant.settings.model_dump_json(include={"embedder", "reranker", "evidence"}),
        *_code(),
    ]
    with closing(Record(plan.output / f"run-{_hash(lines)}.jsonl", questions)) as record:
        if record.resumed:
            say(f"resuming run {record.run}: {record.resumed} of {len(questions)} questions are answered")
        cases = run(questions, assistant, record, track)
    answers = Answers(record.run, record.started, cases, record.resumed, len(documents), (record.path,))
    if not plan.writer:
        return answers
    say(f"asking again, to be answered by {plan.writer}")
    key = _hash([*lines, plan.settings.model_dump_json(include=MODELS)])
    with closing(Record(plan.output / f"run-{key}.jsonl", questions)) as record:
        exam, no_exam = sit_exam(assistant)
        cases, failed = run_model(questions, assistant, record, track)
    written = Written(plan.writer, cases, {}, (), failed, exam, no_exam)
    return replace(answers, records=(*answers.records, record.path), written=written)


def sit_exam(assistant: Assistant) -> tuple[Exam | None, str]:
    """Return the grade of the verifier, or None and why it has none."""
    if not assistant.has_verifier:
        return None, "No verifier is set, so no sentence of the model can be supported."
    try:
        grade = assistant.exam()
    except PilcrowError as error:
        return None, str(error)
    shares = grade.shares
    return Exam(
        grade.verifier, grade.passed, shares.auc, shares.true_passed, shares.false_passed, str(grade)
    ), ""


def score(cases: Sequence[Case]) -> Scores:
    """Return every metric of every case, with the local judge."""
    return ragas.score(cases, ragas.supported, faithfulness(ragas.to_judge(cases)))


def compare(plan: Plan, answers: Answers, total: int, judge: LLMFaithfulness | None) -> Results:
    """Score the run and compare it with the accepted one; `total` is the number of questions in the file."""
    scores = score(answers.cases)
    accepted = history.read_accepted(results.accepted_file(plan.questions, plan.output))
    then = accepted or Accepted("", "", answers.started)
    digests = {case.question.id: case.question.digest for case in answers.cases}
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
        agreement=agreement(plan.public),
        judged=judge_sample(answers.cases, judge),
        written=answers.written and compare_written(answers.written, scores, judge),
    )


def compare_written(written: Written, extractive: Scores, judge: LLMFaithfulness | None) -> Written:
    """Score a model's answers and compare them with the extractive ones."""
    scores = score(written.cases)
    changes = beside(written.cases, scores, extractive)
    return replace(written, scores=scores, changes=changes, judged=judge_sample(written.cases, judge))


def open_judge(plan: Plan) -> LLMFaithfulness | None:
    """Return RAGAS' Faithfulness by the LLM of the plan, if it has one at an address."""
    if plan.judge_url:
        from eval.judge.llm import judge_at

        return judge_at(plan.judge_url, plan.judge_model)
    if plan.settings.llm and "://" in plan.settings.llm:
        from eval.judge.llm import judge_at

        key = plan.settings.llm_key
        return judge_at(plan.settings.llm, plan.settings.llm_model, key.get_secret_value() if key else None)
    return None


def judge_sample(cases: Sequence[Case], judge: LLMFaithfulness | None) -> ModelJudge | None:
    """Judge a sample of the answers with an LLM: those to the same questions every night."""
    if judge is None:
        return None
    chosen = sorted(ragas.to_judge(cases), key=lambda answer: (crc32(answer.id.encode()), answer.id))[:SAMPLE]
    judged = faithfulness(chosen, judge)
    scored = [item.score for item in judged if item.score is not None]
    failed = sum(item.failed for item in judged)
    return ModelJudge(judge.llm.model, share(scored), len(scored), failed, len(judged) - len(scored) - failed)


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
