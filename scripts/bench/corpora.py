"""The question sets of the bench: files to index, questions to ask, and what answers them."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval import DATA, SEEDS
from eval.questions.question import WHOLE, Question
from eval.questions.question import load as load_questions

HERE = Path(__file__).resolve().parent

ELSEWHERE, SWAPPED = "from other articles", "name or number swapped"
ABSENT, PRESENT = "passage absent", "own passage there"
# They stand in none of the sets' documents, and take the place of a name in a question.
FOREIGN = ("Halvorsen", "Paramaribo", "Kyrgyzstan", "Delacroix", "Wolverhampton", "Ulaanbaatar", "Mbeki")


@dataclass(frozen=True, slots=True)
class Corpus:
    """The folder behind each index, and the questions.

    `headline` are the groups of unanswerable questions that abstention is measured by; others stand beside.
    `spans`: the accepted answers are exact words of the text, so the words marked can be held against them.
    """

    name: str
    folders: dict[str, Path]
    questions: tuple[Question, ...]
    headline: tuple[str, ...]
    spans: bool = False


def load(name: str, scratch: Path) -> Corpus | None:
    """The corpus of that name, its files written below `scratch` where need be; None where its data lack."""
    return None if missing(name) else CORPORA[name][1](scratch)


def missing(name: str) -> Path | None:
    """The first path that the corpus needs and that is not there."""
    return next((path for path in CORPORA[name][0] if not path.exists()), None)


def xquad(folder: Path, scratch: Path) -> Corpus:
    """XQuAD: a text file an article, its paragraphs numbered from 2, after the title.

    Unanswerable: the questions of half the articles asked of the other half, and, beside, those in which a
    name or a number is swapped for one that no document has.
    """
    data = json.loads((folder / "xquad.en.json").read_text("utf-8"))["data"]
    folders = {name: scratch / "xquad" / name for name in (WHOLE, "half 0", "half 1")}
    questions: list[Question] = []
    for number, article in enumerate(data):
        source = f"{_slug(article['title'])}.txt"
        texts = [article["title"].replace("_", " "), *(item["context"] for item in article["paragraphs"])]
        for name in (WHOLE, f"half {number % 2}"):
            _write(folders[name] / source, texts)
        questions += _xquad_questions(article["paragraphs"], source, f"half {1 - number % 2}")
    everything = "\n".join(path.read_text("utf-8") for path in folders[WHOLE].iterdir())
    questions += swapped([item for item in questions if not item.group], everything)
    return Corpus("xquad", folders, tuple(questions), (ELSEWHERE,), spans=True)


def _xquad_questions(paragraphs: Sequence[dict[str, Any]], source: str, away: str) -> Iterator[Question]:
    for number, paragraph in enumerate(paragraphs, 2):
        for qa in paragraph["qas"]:
            accepted = tuple(answer["text"] for answer in qa["answers"])
            yield Question(qa["id"], qa["question"], accepted=accepted, gold=((source, number),))
            yield Question(f"{qa['id']} elsewhere", qa["question"], ELSEWHERE, index=away)


def clapnq(folder: Path, scratch: Path) -> Corpus:
    """CLAPnq: a text file a passage, the passage being paragraph 2, after the title.

    Right is an answer that holds one whole selected sentence of any annotator, or half the content words of
    one annotator's answer. The unanswerable questions are asked where their own passages are not indexed
    and, beside, where they are.
    """
    folders = {name: scratch / "clapnq" / name for name in (WHOLE, PRESENT)}
    questions: list[Question] = []
    for kind in ("answerable", "unanswerable"):
        for line in (folder / f"clapnq_dev_{kind}.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            passage = row["passages"][0]
            source = f"{_slug(passage['title'])}-{row['id']}.txt"
            for name in (WHOLE, PRESENT) if kind == "answerable" else (PRESENT,):
                _write(folders[name] / source, [passage["title"], passage["text"]])
            questions += _clapnq_questions(row, source, kind == "answerable")
    return Corpus("clapnq", folders, tuple(questions), (ABSENT,))


def _clapnq_questions(row: dict[str, Any], source: str, answerable: bool) -> Iterator[Question]:
    if not answerable:
        yield Question(f"{row['id']} absent", row["input"], ABSENT)
        yield Question(f"{row['id']} present", row["input"], PRESENT, index=PRESENT)
        return
    selected = [text for output in row["output"] for text in output["selected_sentences"]]
    yield Question(
        row["id"],
        row["input"],
        accepted=tuple(text for text in selected if len(text.split()) > 2),
        gold=((source, 2),),
        long_answers=tuple(output["answer"] for output in row["output"]),
    )


def written(name: str, folder: Path, questions: Path) -> Corpus:
    """A folder as it is, with a file of questions about it."""
    asked = load_questions(questions)
    groups = tuple(sorted({item.group for item in asked} - {""}))
    return Corpus(name, {WHOLE: folder}, asked, groups)


def swapped(questions: Sequence[Question], everything: str) -> Iterator[Question]:
    """The questions that hold a name or number, with one swapped for what stands nowhere in `everything`."""
    chance = random.Random(5)  # noqa: S311
    for item in questions:
        parts = re.findall(r"(?<=[a-z,] )[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)*|\b\d+\b", item.text)
        if parts:
            part = chance.choice(parts)
            text = item.text.replace(part, _absent(part, everything, chance))
            yield Question(f"{item.id} swapped", text, SWAPPED, index=item.index)


def _absent(part: str, everything: str, chance: random.Random) -> str:
    if not part.isdigit():
        return chance.choice([name for name in FOREIGN if name not in everything])
    steps = [step for step in range(1, 1000) if str(int(part) + step) not in everything]
    return str(int(part) + chance.choice(steps[:5]))


def _write(path: Path, texts: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(" ".join(text.split()) for text in texts) + "\n", "utf-8")


def _slug(title: str) -> str:
    return re.sub(r"\W+", "-", title).strip("-").lower()


def _own(name: str, folder: Path, questions: str) -> tuple[tuple[Path, ...], Callable[[Path], Corpus]]:
    path = HERE / questions
    return (folder, path), lambda _: written(name, folder, path)


# By name: the paths that it needs, and how it is made in a scratch folder.
CORPORA: dict[str, tuple[tuple[Path, ...], Callable[[Path], Corpus]]] = {
    "xquad": ((DATA / "xquad",), lambda scratch: xquad(DATA / "xquad", scratch)),
    "clapnq": ((DATA / "clapnq",), lambda scratch: clapnq(DATA / "clapnq", scratch)),
    "news": _own("news", DATA.parent / "seeds", "questions_news.jsonl"),
    "news-test": _own("news-test", DATA.parent / "seeds", "questions_news_test.jsonl"),
    "seeds": _own("seeds", SEEDS, "questions_seeds.jsonl"),
}
