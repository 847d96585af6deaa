"""The nightly evaluation as a user runs it: interrupted, accepted, with built-in and own questions."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from scripted_llm import ASKED_TO_JUDGE
from scripted_llm_server import Request, failing, saying, scripted
from shared_names import ROOT, Run

from eval.questions.question import FILE, load
from eval.runs.record import Record
from eval.runs.results import accepted_file
from rag import Assistant, Settings
from rag.verification.exam import load_claims

pytest.importorskip("ragas", reason="the eval group is not installed")


NOTES = """# Harbour notes

The harbour master of Veldhaven is Ines Okafor. She took office on 3 March 2021.

The north pier was closed on 5 May 2022 for repairs that cost 40,000 crowns.
"""
OWN = """\
{"id": "m1", "question": "Who is the harbour master of Veldhaven?", "kind": "fact",\
 "reference": "Ines Okafor is.", "accepted": ["Okafor"], "gold": [["harbour.md", 2]]}
{"id": "m2", "question": "When was the north pier closed?", "kind": "date",\
 "reference": "On 5 May 2022.", "accepted": ["5 May 2022"], "gold": [["harbour.md", 3]]}
{"id": "m3", "question": "How deep is the basin at low tide?", "kind": "unanswerable"}
"""


@pytest.fixture
def run(run: Run) -> Run:
    """Run `pilcrow eval` in this process; returns exit code, stdout and stderr."""
    return partial(run, "eval")


@pytest.fixture
def own(tmp_path: Path) -> tuple[str | Path, ...]:
    """The options for three questions of a user's own: their file, index and output."""
    (tmp_path / "harbour.md").write_text(NOTES, "utf-8")
    with Assistant.open(tmp_path / "index", Settings()) as assistant:
        assistant.ingest([tmp_path / "harbour.md"])
    questions = tmp_path / "mine.jsonl"
    questions.write_text(OWN, "utf-8")
    return "--questions", questions, "--index", tmp_path / "index", "--output", tmp_path / "out"


def answered(record: Path) -> list[str]:
    """The ids of the answers in a record, without a line that a kill cut short."""
    lines = record.read_bytes().split(b"\n")[1:-1]
    return [json.loads(line)["id"] for line in lines]


def test_killed_run_resumes_where_it_stopped(seeds_index: Path, tmp_path: Path, run: Run) -> None:
    index, output = shutil.copytree(seeds_index, tmp_path / "index"), tmp_path / "nightly"
    questions = tmp_path / "some.jsonl"
    rows = load(FILE)[:40]
    questions.write_text("".join(json.dumps(row.as_json()) + "\n" for row in rows), "utf-8")
    arguments = ["--questions", str(questions), "--index", str(index), "--output", str(output)]
    process = subprocess.Popen(
        [sys.executable, "-m", "ui", "eval", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not any(
        len(answered(record)) >= 5 for record in output.glob("run-*.jsonl")
    ):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    [record] = output.glob("run-*.jsonl")
    before = answered(record)
    assert 5 <= len(before) < len(rows), "it was killed too late"
    with record.open("ab") as file:
        file.write(b'{"id": "q0')  # a line cut short

    code, out, err = run(*arguments)
    assert code == 0, err
    assert f"{len(before)} of 40 questions are answered" in err
    assert answered(output / "answers.jsonl") == [row.id for row in rows], "none is lost or repeated"
    assert not list(output.glob("run-*"))
    assert len((output / "history.jsonl").read_text("utf-8").splitlines()) == 1
    report = json.loads((output / "report.json").read_text("utf-8"))
    assert [item["id"] for item in report["cases"]] == [row.id for row in rows]
    assert f"The report is in {output / 'report.html'}" in out


def test_own_questions_are_scored_accepted_and_compared(
    own: tuple[str | Path, ...], tmp_path: Path, run: Run
) -> None:
    code, out, _ = run(*own)
    assert code == 0
    assert "No run has been accepted yet" in out
    assert "answer accuracy" in out
    for name in ("report.html", "report.md", "report.json", "history.jsonl", "answers.jsonl"):
        assert (tmp_path / "out" / name).stat().st_size

    code, out, _ = run("accept", "--output", tmp_path / "out", "--reason", "the first night")
    assert code == 0
    assert (tmp_path / "out" / "accepted.json").exists(), "the built-in accepted run is left alone"
    code, out, _ = run(*own)
    assert code == 0
    assert "No metric got worse by more than noise" in out
    assert len((tmp_path / "out" / "history.jsonl").read_text("utf-8").splitlines()) == 2


def test_runs_of_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    runs = []
    for name in ("one", "two", "three"):
        with closing(Record(tmp_path / name, ())) as record:
            runs.append(record.run)
    assert len(set(runs)) == 3


@pytest.fixture
def model() -> Iterator[str]:
    """The address of an LLM that accepts every statement, but writes prose when asked about a pier."""

    def reply(request: Request) -> None:
        asked = server.bodies()[-1]
        schema = asked["response_format"]["json_schema"]["schema"]
        verdict = {"statement": "It is so.", "reason": "It says so.", "verdict": 1}
        item: object = verdict if schema["title"] == "Verdicts" else "It is so."
        text = json.dumps({"statements": [item] * schema["properties"]["statements"]["minItems"]})
        if "pier" in asked["messages"][0]["content"]:
            text = "I would rather write about the sea."
        message = {"role": "assistant", "content": text}
        choices = [{"index": 0, "finish_reason": "stop", "message": message}]
        kind = {"id": "1", "object": "chat.completion", "created": 0, "model": "any"}
        request.whole(200, {**kind, "choices": choices})

    with scripted(reply) as server:
        yield server.address


def test_model_judges_a_sample_beside_the_local_judge(
    own: tuple[str | Path, ...], model: str, tmp_path: Path, run: Run
) -> None:
    code, out, err = run(*own, "--judge-url", model, "--judge-model", "scripted")
    assert code == 0, err
    assert "By scripted (RAGAS), on a fixed sample: 1.000" in out
    assert "1 scored, 1 failed, 0 with nothing to judge" in out
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert (report["judged"]["name"], report["judged"]["failed"]) == ("scripted", 1)
    assert report["metrics"]["faithfulness"]["failed"] == 0, "the local judge is unaffected"
    for name in ("report.html", "report.md"):
        assert "By scripted (RAGAS), on a fixed sample" in (tmp_path / "out" / name).read_text("utf-8")
    assert "Statements: " in out and " quoted, 0 supported, 0 unconfirmed" in out


WRITTEN = "Ines Okafor has been harbour master of Veldhaven since 3 March 2021. [1]"


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address, in the settings, of an LLM that answers one question, passes the exam, and judges."""
    true = {claim.text for claim in load_claims() if claim.is_true} | {WRITTEN.removesuffix(" [1]")}

    def reply(request: Request) -> None:
        asked = server.bodies()[-1]
        prompt = asked["messages"][-1]["content"]
        if "response_format" in asked and "statements" in json.dumps(asked["response_format"]):
            verdict = {"statement": "So.", "reason": "So.", "verdict": 1}
            item: object = verdict if "verdict" in json.dumps(asked["response_format"]) else "So."
            text = json.dumps({"statements": [item]})
        elif ASKED_TO_JUDGE in prompt:
            text = "Yes" if prompt.split("\nSentence: ", 1)[1].split("\n", 1)[0] in true else "No"
        else:
            text = WRITTEN if "Who is the harbour master" in prompt.split("Question")[-1] else "NOT FOUND"
        if asked.get("stream"):
            saying(text)(request)
            return
        message = {"role": "assistant", "content": text}
        choices = [{"index": 0, "finish_reason": "stop", "message": message}]
        kind = {"id": "1", "object": "chat.completion", "created": 0, "model": "parrot"}
        request.whole(200, {**kind, "choices": choices})

    with scripted(reply) as server:
        monkeypatch.setenv("PILCROW_LLM", server.address)
        monkeypatch.setenv("PILCROW_LLM_MODEL", "parrot")
        yield server.address


def test_both_modes_are_reported_side_by_side(
    own: tuple[str | Path, ...], writer: str, tmp_path: Path, run: Run
) -> None:
    code, out, err = run(*own)
    assert code == 0, out + err
    assert "asking again, to be answered by parrot" in err
    rows = {name: cells for name, *cells in (re.split("  +", line) for line in out.splitlines())}
    assert rows["statements quoted"] == ["3", "0"]
    assert rows["statements supported"] == ["0", "1"]
    assert rows["answer accuracy"][:2] == ["1.000", "0.500 (0.000 to 1.000)"], "it left one out"
    assert rows["faithfulness, by parrot (RAGAS)"] == ["1.000, n 2", "1.000, n 1"]
    assert "parrot passed the exam: AUC 1.00" in out
    report = json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))
    assert report["written"]["verifier"]["passed"] is True
    assert report["written"]["statements"]["supported"] == 1
    for name in ("report.html", "report.md"):
        text = (tmp_path / "out" / name).read_text("utf-8")
        for part in (
            "With the language model",
            "Extractive",
            "statements supported",
            "parrot passed the exam",
        ):
            assert part in text, (name, part)
    assert "Ines Okafor has been" in (tmp_path / "out" / "answers-llm.jsonl").read_text("utf-8")
    assert "Ines Okafor has been" not in (tmp_path / "out" / "answers.jsonl").read_text("utf-8")
    assert list((tmp_path / "out").glob("run-*")) == []


def test_the_extractive_answers_are_reported_if_the_model_fails(
    own: tuple[str | Path, ...], tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted(failing(400, "overloaded")) as server:
        monkeypatch.setenv("PILCROW_LLM", server.address)
        code, out, err = run(*own)
    assert code == 0, err
    assert re.search(r"did not answer 2 of the questions: .*overloaded", out), out
    assert "Verifier: parrot judges no sentence." in out
    assert "answer accuracy       1.000" in out
    assert "With the language model" in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_exit_code_is_1_if_something_got_worse(own: tuple[str | Path, ...], tmp_path: Path, run: Run) -> None:
    run(*own)
    run("accept", "--output", tmp_path / "out", "--reason", "the first night")
    accepted = tmp_path / "out" / "accepted.json"
    written = json.loads(accepted.read_text("utf-8"))
    # as if it had been better
    written["scores"]["fabricated citations"] = dict.fromkeys(("m1", "m2", "m3"), -1.0)
    accepted.write_text(json.dumps(written), "utf-8")
    code, out, _ = run(*own)
    assert code == 1
    assert "FAILED: Worse than the run accepted" in out
    assert "fabricated citations fell" in out
    assert "Failed" in (tmp_path / "out" / "report.md").read_text("utf-8")


def test_invalid_question_stops_the_run(own: tuple[str | Path, ...], tmp_path: Path, run: Run) -> None:
    questions = Path(own[1])
    questions.write_text(questions.read_text("utf-8").replace('"harbour.md", 2', '"harbour.md", 3'), "utf-8")
    code, _, err = run(*own)
    assert code == 1
    assert "mine.jsonl, line 1: harbour.md ¶3 contains no accepted answer" in err


def test_wrong_options_are_errors_with_a_remedy(
    own: tuple[str | Path, ...], tmp_path: Path, run: Run
) -> None:
    assert run(*own[:2])[0] == 2
    assert run("--judge-url", "http://127.0.0.1:9/v1")[0] == 2
    code, _, err = run("accept", "--output", tmp_path / "nothing", "--reason", "why not")
    assert (code, "There is no run in" in err) == (1, True)
    code, _, err = run("accept", "--output", tmp_path / "nothing", "--reason", " ")
    assert (code, "Say why" in err) == (1, True)
    (tmp_path / "empty").mkdir()
    code, _, err = run(*own[:3], tmp_path / "empty", *own[4:])
    assert (code, "is empty" in err) == (1, True)


def evaluate_elsewhere(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `pilcrow eval` with the modules in this folder first."""
    return subprocess.run(
        [sys.executable, "-m", "ui", "eval", "--quick"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
    )


def test_missing_ragas_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "found = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'ragas' else found(name, *rest)\n",
        "utf-8",
    )
    done = evaluate_elsewhere(tmp_path)
    assert done.returncode == 1
    assert "pip install 'pilcrow[eval]'" in done.stderr


def test_installed_package_without_seeds_says_what_to_pass(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "eval", tmp_path / "eval")
    done = evaluate_elsewhere(tmp_path)
    assert done.returncode == 1
    assert "pilcrow eval --questions FILE --index DIR" in done.stderr


def test_command_line_starts_without_ragas_and_torch() -> None:
    code = "import sys, ui.cli; sys.exit(bool({'ragas', 'torch', 'eval.nightly'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_quick_run_is_not_worse_than_the_accepted_one(tmp_path: Path, run: Run) -> None:
    """The quick questions about seeds/, compared with the accepted run in the repository."""
    assert accepted_file(FILE, tmp_path).exists()
    code, out, err = run("--quick", "--output", tmp_path / "out")
    assert code == 0, out + err
    assert "compared with the run accepted on" in out
    assert (tmp_path / "out" / "report.html").exists()
    assert not list((tmp_path / "out").glob("index-*"))
    code, _, err = run("accept", "--output", tmp_path / "out", "--reason", "why not")
    assert (code, "asked only some" in err) == (1, True)
