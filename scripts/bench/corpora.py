"""The question sets of the bench: documents to index, questions to ask, and what answers them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval import DATA, SEEDS
from eval.questions.question import WHOLE, Question
from eval.questions.question import load as load_questions
from scripts import public_sets
from scripts.public_sets import PassageQuestion, write_document

HERE = Path(__file__).resolve().parent

ELSEWHERE, SWAPPED = "from other articles", "name or number swapped"
ABSENT, PRESENT = "passage absent", "own passage there"
# Names to swap into questions; at least one of them is in no document of the sets.
FOREIGN = ("Halvorsen", "Paramaribo", "Kyrgyzstan", "Delacroix", "Wolverhampton", "Ulaanbaatar", "Mbeki")


@dataclass(frozen=True, slots=True)
class Corpus:
    """The folder behind each index, and the questions.

    `headline` are the groups of unanswerable questions that abstention is measured by. `spans`: the accepted
    answers are exact words of the text, so the highlighted words can be compared with them.
    """

    name: str
    folders: dict[str, Path]
    questions: tuple[Question, ...]
    headline: tuple[str, ...]
    spans: bool = False


def load(name: str, scratch: Path) -> Corpus | None:
    """Return the corpus of that name, its documents written below `scratch`; None if its data are missing."""
    return None if missing(name) else CORPORA[name][1](scratch)


def missing(name: str) -> Path | None:
    """Return the folder that the corpus needs, if it is missing."""
    folder = CORPORA[name][0]
    return None if folder.exists() else folder


def xquad(data: Path, scratch: Path) -> Corpus:
    """Read XQuAD: one text file per article, its paragraphs numbered from 2, after the title.

    The unanswerable questions are those of half the articles asked of the other half, and those with a name
    or number swapped for one that no document has.
    """
    folders = {name: scratch / "xquad" / name for name in (WHOLE, "half 0", "half 1")}
    articles = public_sets.xquad(data)
    questions: list[Question] = []
    for number, article in enumerate(articles):
        source = _file_name(article.title)
        for name in (WHOLE, f"half {number % 2}"):
            write_document(folders[name] / source, article.title, article.texts)
        for at, passage in enumerate(article.passages, 2):
            for asked in passage.questions:
                questions += [
                    Question(asked.id, asked.text, accepted=asked.answers, gold=((source, at),)),
                    Question(f"{asked.id} elsewhere", asked.text, ELSEWHERE, index=f"half {1 - number % 2}"),
                ]
    everything = "\n".join(path.read_text("utf-8") for path in folders[WHOLE].iterdir())
    chance = random.Random(5)  # noqa: S311
    for item in [item for item in questions if item.answerable]:
        if text := swap(item.text, FOREIGN, everything, chance):
            questions.append(Question(f"{item.id} swapped", text, SWAPPED))
    return Corpus("xquad", folders, tuple(questions), (ELSEWHERE,), spans=True)


def swap(text: str, foreign: Sequence[str], everything: str, chance: random.Random) -> str | None:
    """Return the question with a name or number that is not in `everything`; None if it has neither."""
    parts = re.findall(r"(?<=[a-z,] )[A-Z][\w’'-]+(?: [A-Z][\w’'-]+)*|\b\d+\b", text)
    if not parts:
        return None
    part = chance.choice(parts)
    new = [name for name in foreign if name not in everything]
    if part.isdecimal():
        numbers = (str(int(part) + step) for step in range(1, 1000))
        new = [number for number in numbers if number not in everything][:5]
    return text.replace(part, chance.choice(new))


def clapnq(data: Path, scratch: Path) -> Corpus:
    """Read CLAPnq: one text file per passage; the passage is paragraph 2, after the title.

    An answer is right if it contains one whole selected sentence of any annotator, or half the content words
    of one annotator's answer. The unanswerable questions are asked without and with their own passages.
    """
    folders = {name: scratch / "clapnq" / name for name in (WHOLE, PRESENT)}
    questions: list[Question] = []
    for row in public_sets.clapnq(data):
        source = _file_name(f"{row.title}-{row.id}")
        for name in (WHOLE, PRESENT) if row.answers else (PRESENT,):
            write_document(folders[name] / source, row.title, [row.passage])
        questions += _clapnq_questions(row, source)
    return Corpus("clapnq", folders, tuple(questions), (ABSENT,))


def _clapnq_questions(row: PassageQuestion, source: str) -> Iterator[Question]:
    if not row.answers:
        yield Question(f"{row.id} absent", row.text, ABSENT)
        yield Question(f"{row.id} present", row.text, PRESENT, index=PRESENT)
        return
    accepted = tuple(text for text in row.selected if len(text.split()) > 2)
    yield Question(row.id, row.text, accepted=accepted, gold=((source, 2),), long_answers=row.answers)


def _file_name(title: str) -> str:
    return re.sub(r"\W+", "-", title).strip("-").lower() + ".txt"


def own(name: str, folder: Path) -> Corpus:
    """Return a folder as it is, with the questions written about it."""
    asked = load_questions(HERE / f"questions_{name.replace('-', '_')}.jsonl")
    return Corpus(name, {WHOLE: folder}, asked, tuple(sorted({item.group for item in asked} - {""})))


NEWS = DATA.parent / "seeds"
# By name: the folder that it needs, and how to make it in a scratch folder.
CORPORA: Mapping[str, tuple[Path, Callable[[Path], Corpus]]] = {
    "xquad": (DATA / "xquad", lambda scratch: xquad(DATA, scratch)),
    "clapnq": (DATA / "clapnq", lambda scratch: clapnq(DATA, scratch)),
    "news": (NEWS, lambda _: own("news", NEWS)),
    "news-test": (NEWS, lambda _: own("news-test", NEWS)),
    "seeds": (SEEDS, lambda _: own("seeds", SEEDS)),
}
