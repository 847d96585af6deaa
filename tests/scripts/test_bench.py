"""The bench on small documents: what is asked of which index, what counts as right, and the tables."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from eval.metrics import contains_any
from eval.questions.question import WHOLE, Question
from eval.scores.reply import Reply, cites_gold, complete, right
from rag import Assistant, Settings
from scripts.bench import corpora, tables
from scripts.bench.asking import Pilcrow, Run, measure, paragraphs_of
from scripts.bench.corpora import ABSENT, ELSEWHERE, PRESENT, SWAPPED, Corpus
from scripts.bench.scoring import figures, reliabilities

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def xquad(public_sets: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return corpora.xquad(public_sets, tmp_path_factory.mktemp("scratch"))


@pytest.fixture(scope="module")
def clapnq(public_sets: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return corpora.clapnq(public_sets, tmp_path_factory.mktemp("scratch"))


def untracked(questions: Sequence[Question], index: str) -> Iterable[Question]:
    return questions


def reply(
    text: str = "",
    *,
    answered: bool = True,
    cited: Sequence[tuple[str, int]] = (),
    probability: float | None = None,
) -> Reply:
    return Reply(answered, text, text, (), tuple(frozenset({place}) for place in cited), probability)


def test_gold_is_the_paragraph_with_the_answer(xquad: Corpus, tmp_path: Path) -> None:
    with Assistant.open(tmp_path / "index", Settings()) as assistant:
        assistant.ingest([xquad.folders[WHOLE]])
        asked = [item for item in xquad.questions if not item.group]
        assert len(asked) == 12
        for item in asked:
            texts = [assistant.paragraph(*place).text for place in item.gold]
            assert [contains_any(text, item.accepted) for text in texts] == [True]


def test_xquad_questions_from_elsewhere_have_no_answer(xquad: Corpus) -> None:
    files = {name: {path.name for path in folder.iterdir()} for name, folder in xquad.folders.items()}
    home = {item.text: {source for source, _ in item.gold} for item in xquad.questions if not item.group}
    elsewhere = [item for item in xquad.questions if item.group == ELSEWHERE]
    assert len(elsewhere) == 12
    assert all(files[item.index] and not files[item.index] & home[item.text] for item in elsewhere)
    everything = "\n".join(path.read_text("utf-8") for path in xquad.folders[WHOLE].iterdir())
    swapped = [item for item in xquad.questions if item.group == SWAPPED]
    assert "Harbour_of_Lund 0 swapped" in {item.id for item in swapped}
    assert all(item.text.split()[-1].strip("?") not in everything for item in swapped if "Lund" in item.id)
    assert xquad.headline == (ELSEWHERE,)


def test_clapnq_questions_are_asked_without_and_with_their_passage(clapnq: Corpus) -> None:
    texts = {
        name: " ".join(path.read_text("utf-8") for path in folder.iterdir())
        for name, folder in clapnq.folders.items()
    }
    indices = {item.group: item.index for item in clapnq.questions}
    assert "Wasps" not in texts[indices[ABSENT]]
    assert "Wasps" in texts[indices[PRESENT]]
    assert "Bees" in texts[indices[""]]
    assert clapnq.headline == (ABSENT,)


def test_right_is_an_accepted_answer_or_half_of_a_long_one() -> None:
    short = Question("1", "Who?", accepted=("Denmark",), needs=(("Denmark",), ("19", "nineteen")))
    assert right(short, reply("It was Denmark that promised them."))
    assert not complete(short, reply("It was Denmark that promised them."))
    assert complete(short, reply("Denmark promised nineteen."))
    assert not right(short, reply("Denmark", answered=False)), "an abstention is no answer"
    long = Question("2", "Why?", long_answers=("Bees dance where flowers stand",))
    assert right(long, reply("They dance to tell of flowers."))
    assert not right(long, reply("They dance."))


def test_figures_are_those_worked_out_by_hand() -> None:
    place, other = ("a.txt", 1), ("a.txt", 2)
    gold = (place,)
    asked = [Question(str(n), "?", accepted=("yes",), gold=gold) for n in range(4)]
    asked += [Question("n1", "?", "near miss"), Question("n2", "?", "beside")]
    replies = {
        "0": reply("yes", cited=[place, other]),
        "1": reply("no", cited=[place]),
        "2": reply("yes yes", cited=[other]),
        "3": reply(answered=False),
        "n1": reply(answered=False),
        "n2": reply("yes", cited=[other]),
    }
    corpus = Corpus("small", {WHOLE: Path()}, tuple(asked), ("near miss",))
    found = {name: figure.value for name, figure in figures(corpus, Run(replies)).items()}
    assert found["answer right"] == 2 / 4
    assert found["citation right"] == 2 / 4
    assert found["citation right, of those answered"] == pytest.approx(2 / 3)
    assert found["citation precision"] == 2 / 4
    assert found["citation recall"] == pytest.approx(2 / 3)
    assert found["answerable refused"] == 1 / 4
    assert found["abstention recall"] == found["abstains: near miss"] == 1
    assert found["abstains: beside"] == 0
    assert found["abstention precision"] == 1 / 2, "one of the two refusals was of an answerable question"
    assert found["words an answer, median"] == 1
    assert not cites_gold(asked[3], replies["3"])


def corpus_of(groups: Sequence[str], headline: tuple[str, ...]) -> Corpus:
    place = (("a.txt", 1),)
    asked = [
        Question(str(number), "?", group, gold=() if group else place) for number, group in enumerate(groups)
    ]
    return Corpus("small", {WHOLE: Path()}, tuple(asked), headline)


def run_with(*probabilities: float | None) -> Run:
    replies = {str(number): reply(probability=stated) for number, stated in enumerate(probabilities)}
    return Run(replies)


def test_probabilities_are_compared_with_what_is_answerable() -> None:
    corpus = corpus_of(["", "", "absent", "beside"], headline=("absent",))
    run = run_with(0.96, 0.72, 0.24, 0.98)
    found = reliabilities(corpus, run)
    assert list(found) == ["small", "small, every group"]
    headline, whole = found.values()
    assert (headline.count, headline.share, headline.unanswerable) == (3, pytest.approx(2 / 3), ("absent",))
    assert (whole.count, whole.share, whole.unanswerable) == (4, 0.5, ("absent", "beside"))
    # Gaps of the bins: 0.04, 0.28, 0.24; with the other group the highest bin has 0.97 for a half.
    assert headline.error.value == pytest.approx(0.56 / 3)
    assert whole.error.value == pytest.approx((2 * 0.47 + 0.28 + 0.24) / 4)
    shown = figures(corpus, run)
    assert shown["calibration error"] == headline.error
    assert shown["Brier score"].value == pytest.approx((0.04**2 + 0.28**2 + 0.24**2) / 3)
    assert shown["area under ROC (AUC)"].value == 1
    assert shown["area under ROC (AUC), every group"].value == 0.5


def test_without_probabilities_or_unanswerable_questions_nothing_is_calibrated() -> None:
    assert reliabilities(corpus_of(["", "absent"], ("absent",)), run_with(None, None)) == {}
    assert reliabilities(corpus_of(["", ""], ()), run_with(0.9, 0.8)) == {}
    assert "Brier score" not in figures(corpus_of(["", "absent"], ("absent",)), run_with(None, None))


def test_report_compares_both_systems_on_real_files(xquad: Corpus, tmp_path: Path) -> None:
    from scripts.bench.baseline import LlamaIndex

    runs = {("xquad", "Pilcrow"): measure(Pilcrow, xquad, tmp_path / "pilcrow", untracked)}
    known = paragraphs_of(tmp_path / "pilcrow" / "index-0")
    for name, by_paragraph in (("LlamaIndex", False), ("by paragraph", True)):

        def make(index: Path, by_paragraph: bool = by_paragraph) -> LlamaIndex:
            return LlamaIndex(index, known, by_paragraph=by_paragraph)

        runs["xquad", name] = measure(make, xquad, tmp_path / name, untracked)
    results = {"xquad": {system: figures(xquad, run) for (_, system), run in runs.items()}}
    by_system = results["xquad"]
    assert by_system["Pilcrow"]["answer right"].value == 1
    assert by_system["Pilcrow"]["abstention recall"].value > 0
    assert by_system["by paragraph"]["hit@1"].value == 1
    assert by_system["LlamaIndex"]["citation right"].value == 1, "a node that contains the paragraph counts"
    assert by_system["LlamaIndex"]["abstention recall"].value == 0
    reliable = reliabilities(xquad, runs["xquad", "Pilcrow"])
    tables.write_json(tmp_path / "bench.json", results, runs, reliable)
    written = json.loads((tmp_path / "bench.json").read_text("utf-8"))
    assert written["figures"]["xquad"]["Pilcrow"]["answer right"]["value"] == 1
    of_set = written["reliability"]["sets"]["xquad"]
    assert (of_set["questions"], of_set["share answerable"]) == (24, 0.5)
    assert sum(item["count"] for item in of_set["bins"]) == 24
    assert [item["mean probability"] is None for item in of_set["bins"]] == [
        not item["count"] for item in of_set["bins"]
    ]
    assert "share of unanswerable questions" in written["reliability"]["note"]
    tables.plot(tmp_path / "bench.png", results)
    tables.plot_reliability(tmp_path / "reliability.png", reliable)
    for drawn in ("bench.png", "reliability.png"):
        assert (tmp_path / drawn).read_bytes().startswith(b"\x89PNG")
    assert tables.table("xquad", by_system).row_count > 10


def test_wrong_answer_is_listed_with_what_explains_it() -> None:
    asked = (
        Question("q1", "Which port was struck?", accepted=("Odesa",), gold=(("news.txt", 3),)),
        Question("q2", "Who is king?", "near miss"),
    )
    replies = {"q1": reply("Kherson was.", cited=[("news.txt", 7)]), "q2": reply("Nobody.")}
    written = StringIO()
    console = Console(width=100, file=written)
    tables.show_wrong(console, Corpus("small", {}, asked, ("near miss",)), Run(replies))
    shown = written.getvalue()
    expected = "Which port was struck?,Odesa,Kherson was.,news.txt ¶7,news.txt ¶3,near miss"
    assert all(text in shown for text in expected.split(","))


def test_questions_about_the_seeds_name_paragraphs_that_answer(assistant: Assistant) -> None:
    check_questions("seeds", assistant)


@pytest.mark.long
def test_questions_about_the_news_name_paragraphs_that_answer(shared: Path, tmp_path: Path) -> None:
    with Assistant.open(tmp_path / "index", Settings()) as assistant:
        assistant.ingest([shared])
        check_questions("news", assistant)
        check_questions("news-test", assistant)


def check_questions(name: str, assistant: Assistant) -> None:
    questions = corpora.own(name, Path()).questions
    assert len({item.id for item in questions}) == len(questions)
    for item in questions:
        texts = [assistant.paragraph(*place).text for place in item.gold]
        assert bool(item.gold) == bool(item.accepted), item.id
        for group in (item.accepted, *item.needs) if item.gold else ():
            assert any(contains_any(text, group) for text in texts), (item.id, group)


def bench(checkout: Path, *options: str) -> tuple[str, dict[str, dict[str, object]]]:
    """Run the bench from a copy of the code, so that the public sets are those beside the copy."""
    for package in ("eval", "scripts"):
        shutil.copytree(ROOT / package, checkout / package)
    done = subprocess.run(
        [sys.executable, "-m", "scripts.bench", *options, "--out", checkout / "out"],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": f"{checkout}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads((checkout / "out" / "bench.json").read_text("utf-8"))["figures"]


def test_bench_says_which_data_are_missing(tmp_path: Path) -> None:
    printed, results = bench(tmp_path / "checkout", "--only", "xquad")
    assert "xquad: left out, its data are missing" in printed
    assert results == {}


@pytest.mark.long
def test_bench_compares_three_systems(public_sets: Path, tmp_path: Path) -> None:
    shutil.copytree(public_sets, tmp_path / "shared" / "data")
    printed, results = bench(tmp_path / "checkout", "--only", "clapnq", "--wrong")
    assert len(results["clapnq"]) == 3
    assert "clapnq: left out" not in printed and "answer right" in printed
