"""The bench on small documents: what is asked of which index, what counts as right, and what it shows."""

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
from scripts.bench import corpora
from scripts.bench import tables as report
from scripts.bench.asking import Pilcrow, Run, measure, paragraphs_of
from scripts.bench.calibration import reliabilities
from scripts.bench.corpora import ABSENT, ELSEWHERE, PRESENT, SWAPPED, Corpus
from scripts.bench.scoring import figures

ROOT = Path(__file__).resolve().parents[2]

ARTICLES = {
    "Harbour_of_Lund": [
        ("The old harbour was dug by monks in 1312.", "Who dug the old harbour of Lund?", "monks"),
        ("A lighthouse of granite stands on the north pier.", "What stands on the north pier?", "lighthouse"),
    ],
    "Salt_trade": [
        (
            "Salt came down the river on flat barges from Halle.",
            "How did salt come down the river?",
            "barges",
        ),
        ("The tax on salt was lifted by Queen Mathilde in 1790.", "When was the salt tax lifted?", "1790"),
    ],
}
PASSAGES = {
    "answerable": (
        "Bees",
        "Bees dance to tell where flowers stand . They do so in the dark .",
        "why do bees dance",
    ),
    "unanswerable": ("Wasps", "Wasps build their nests of chewed wood .", "how long does a wasp live"),
}


@pytest.fixture
def xquad(tmp_path: Path) -> Corpus:
    """Two articles of two paragraphs, in the form of XQuAD."""
    data = [
        {
            "title": title,
            "paragraphs": [
                {
                    "context": text,
                    "qas": [{"id": f"{title} {n}", "question": question, "answers": [{"text": answer}]}],
                }
                for n, (text, question, answer) in enumerate(paragraphs)
            ],
        }
        for title, paragraphs in ARTICLES.items()
    ]
    (tmp_path / "xquad.en.json").write_text(json.dumps({"data": data}), "utf-8")
    return corpora.xquad(tmp_path, tmp_path / "scratch")


@pytest.fixture
def clapnq(tmp_path: Path) -> Corpus:
    """One question with an answer and one without, in the form of CLAPnq."""
    for kind, (title, text, question) in PASSAGES.items():
        output = [
            {"answer": "To show the others where flowers are.", "selected_sentences": [text.split(" . ")[0]]}
        ]
        row = {"id": kind, "input": question, "passages": [{"title": title, "text": text}], "output": output}
        (tmp_path / f"clapnq_dev_{kind}.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    return corpora.clapnq(tmp_path, tmp_path / "scratch")


def plainly(questions: Sequence[Question], index: str) -> Iterable[Question]:
    return questions


def reply(
    text: str = "",
    *,
    answered: bool = True,
    cited: Sequence[tuple[str, int]] = (),
    probability: float | None = None,
) -> Reply:
    return Reply(answered, text, text, (), tuple(frozenset({place}) for place in cited), probability)


def test_gold_is_the_paragraph_that_holds_the_answer(xquad: Corpus, tmp_path: Path) -> None:
    with Assistant.open(tmp_path / "index", Settings()) as assistant:
        assistant.ingest([xquad.folders[WHOLE]])
        asked = [item for item in xquad.questions if not item.group]
        assert len(asked) == 4
        for item in asked:
            texts = [assistant.paragraph(*place).text for place in item.gold]
            assert [contains_any(text, item.accepted) for text in texts] == [True]


def test_xquads_unanswerable_questions_have_no_answer_where_they_are_asked(xquad: Corpus) -> None:
    files = {name: {path.name for path in folder.iterdir()} for name, folder in xquad.folders.items()}
    home = {item.text: {source for source, _ in item.gold} for item in xquad.questions if not item.group}
    elsewhere = [item for item in xquad.questions if item.group == ELSEWHERE]
    assert len(elsewhere) == 4
    assert all(files[item.index] and not files[item.index] & home[item.text] for item in elsewhere)
    everything = "\n".join(path.read_text("utf-8") for path in xquad.folders[WHOLE].iterdir())
    altered = [item for item in xquad.questions if item.group == SWAPPED]
    assert [item.id for item in altered] == ["Harbour_of_Lund 0 swapped"]
    assert altered[0].text.split()[-1].strip("?") not in everything
    assert xquad.headline == (ELSEWHERE,)


def test_clapnqs_unanswerable_questions_are_asked_without_and_with_their_passage(clapnq: Corpus) -> None:
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


def test_figures_of_a_run_worked_out_by_hand() -> None:
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
    found = {name: figure.value for name, figure in figures(corpus, Run(replies, 1.5, 700)).items()}
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


def small(groups: Sequence[str], headline: tuple[str, ...]) -> Corpus:
    place = (("a.txt", 1),)
    asked = [
        Question(str(number), "?", group, gold=() if group else place) for number, group in enumerate(groups)
    ]
    return Corpus("small", {WHOLE: Path()}, tuple(asked), headline)


def stating(*probabilities: float | None) -> Run:
    replies = {str(number): reply(probability=stated) for number, stated in enumerate(probabilities)}
    return Run(replies, 0, 0)


def test_probabilities_are_held_against_what_is_answerable() -> None:
    corpus = small(["", "", "absent", "beside"], headline=("absent",))
    run = stating(0.96, 0.72, 0.24, 0.98)
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
    assert reliabilities(small(["", "absent"], ("absent",)), stating(None, None)) == {}
    assert reliabilities(small(["", ""], ()), stating(0.9, 0.8)) == {}
    assert "Brier score" not in figures(small(["", "absent"], ("absent",)), stating(None, None))


def test_both_systems_on_real_files_and_what_is_shown(xquad: Corpus, tmp_path: Path) -> None:
    from scripts.bench.baseline import LlamaIndex

    runs = {("xquad", "Pilcrow"): measure(Pilcrow, xquad, tmp_path / "pilcrow", plainly)}
    known = paragraphs_of(tmp_path / "pilcrow" / "index-0")
    for name, by_paragraph in (("LlamaIndex", False), ("by paragraph", True)):

        def make(index: Path, by_paragraph: bool = by_paragraph) -> LlamaIndex:
            return LlamaIndex(index, known, by_paragraph=by_paragraph)

        runs["xquad", name] = measure(make, xquad, tmp_path / name, plainly)
    results = {"xquad": {system: figures(xquad, run) for (_, system), run in runs.items()}}
    by_system = results["xquad"]
    assert by_system["Pilcrow"]["answer right"].value == 1
    assert by_system["Pilcrow"]["abstention recall"].value > 0
    assert by_system["by paragraph"]["hit@1"].value == 1
    assert by_system["LlamaIndex"]["citation right"].value == 1, "a node that holds the paragraph counts"
    assert by_system["LlamaIndex"]["abstention recall"].value == 0
    reliable = reliabilities(xquad, runs["xquad", "Pilcrow"])
    report.write_json(tmp_path / "bench.json", results, runs, reliable)
    written = json.loads((tmp_path / "bench.json").read_text("utf-8"))
    assert written["figures"]["xquad"]["Pilcrow"]["answer right"]["value"] == 1
    of_set = written["reliability"]["sets"]["xquad"]
    assert (of_set["questions"], of_set["share answerable"]) == (8, 0.5)
    assert sum(item["count"] for item in of_set["bins"]) == 8
    assert [item["mean probability"] is None for item in of_set["bins"]] == [
        not item["count"] for item in of_set["bins"]
    ]
    assert "share of unanswerable questions" in written["reliability"]["note"]
    report.plot(tmp_path / "bench.png", results)
    report.plot_reliability(tmp_path / "reliability.png", reliable)
    for drawn in ("bench.png", "reliability.png"):
        assert (tmp_path / drawn).read_bytes().startswith(b"\x89PNG")
    assert report.table("xquad", by_system).row_count > 10


def test_a_wrong_answer_is_told_with_what_explains_it() -> None:
    asked = (
        Question("q1", "Which port was struck?", accepted=("Odesa",), gold=(("news.txt", 3),)),
        Question("q2", "Who is king?", "near miss"),
    )
    replies = {"q1": reply("Kherson was.", cited=[("news.txt", 7)]), "q2": reply("Nobody.")}
    written = StringIO()
    console = Console(width=100, file=written)
    report.show_wrong(console, Corpus("small", {}, asked, ("near miss",)), Run(replies, 0, 0))
    shown = written.getvalue()
    for told in (
        "Which port was struck?",
        "Odesa",
        "Kherson was.",
        "news.txt ¶7",
        "news.txt ¶3",
        "near miss",
    ):
        assert told in shown


def test_the_questions_on_the_seeds_name_paragraphs_that_answer(assistant: Assistant) -> None:
    check_questions(assistant, corpora.HERE / "questions_seeds.jsonl")


def test_the_questions_on_the_news_name_paragraphs_that_answer(shared: Path, tmp_path: Path) -> None:
    with Assistant.open(tmp_path / "index", Settings()) as assistant:
        assistant.ingest([shared])
        for name in ("questions_news.jsonl", "questions_news_test.jsonl"):
            check_questions(assistant, corpora.HERE / name)


def check_questions(assistant: Assistant, questions: Path) -> None:
    corpus = corpora.written("any", Path(), questions)
    assert len({item.id for item in corpus.questions}) == len(corpus.questions)
    for item in corpus.questions:
        texts = [assistant.paragraph(*place).text for place in item.gold]
        assert bool(item.gold) == bool(item.accepted), item.id
        assert not texts or any(contains_any(text, item.accepted) for text in texts), item.id
        for group in item.needs:
            assert any(contains_any(text, group) for text in texts), (item.id, group)


def test_where_the_data_lack_it_says_so_and_ends_well(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "eval", tmp_path / "checkout" / "eval")
    done = subprocess.run(
        [sys.executable, "-m", "scripts.bench", "--only", "xquad", "--out", str(tmp_path / "out")],
        cwd=tmp_path / "checkout",
        env=os.environ | {"PYTHONPATH": str(tmp_path / "checkout")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "xquad: its data are not there" in done.stdout
    assert json.loads((tmp_path / "out" / "bench.json").read_text("utf-8"))["figures"] == {}
