"""Switch off each part of the pipeline in turn and print how the figures change.

    python -m scripts.ablate SCRATCH [WORD…]

SCRATCH keeps the indexes for the next run. With WORDs, only parts whose name contains one are tried. Nothing
is fitted again: a weight set to 0 leaves the others and the threshold as they are. Takes about an hour.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from math import isnan, nan
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any
from unittest.mock import patch

import typer

from eval.scores.reply import Reply
from rag.extraction import conflicts, extractive
from rag.extraction.reader import sentence_features
from rag.extraction.reader_weights import ANSWERS, SENTENCE
from rag.query.question import AnswerKind, Question, Shape, read_question
from rag.query.when import When
from scripts.bench import corpora
from scripts.bench.asking import Pilcrow, Run
from scripts.bench.scoring import figures

SETS = ("xquad", "clapnq", "news", "seeds")
COLUMNS = {  # figures of the bench, by their headings here
    "hit@1": "hit@1",
    "right": "answer right",
    "whole": "answer right and complete",
    "cited": "citation right, of those answered",
    "prec": "citation precision",
    "refus": "answerable refused",
    "abst": "abstention recall",
    "swap": f"abstains: {corpora.SWAPPED}",
}
JUDGED = ("right", "whole", "prec", "abst", "swap")
NOISE = 0.003  # a part is idle if no set loses more than this without it
NEVER = re.compile(r"(?!)()")  # matches nothing

Part = Mapping[str, Any]  # what stands in for each attribute, by the attribute's full name


def asking(**changes: Any) -> Part:
    """Return the part that reads these fields from every question."""
    read = lambda text: replace(read_question(text), **changes)  # noqa: E731
    return {f"rag.{module}.read_question": read for module in ("answering", "retrieval.search")}


def bare_features(asked: Question, evidence: Sequence[Any], *rest: Any) -> list[dict[str, float]]:
    """Return the features of sentences without their headings."""
    return sentence_features(asked, [replace(item, heading="") for item in evidence], *rest)


def extracted(*given: Any) -> conflicts.Extracted:
    """Return the extractive drafts without checking for conflicts."""
    return conflicts.Extracted(extractive.extract(*given))


def nothing(*_: object) -> tuple[()]:
    """Return an empty sequence."""
    return ()


def no(*_: object) -> bool:
    """Return False."""
    return False


PARTS: Mapping[str, Part] = {
    "BM25": {"rag.retrieval.search.searched_forms": lambda *_: []},
    "dense": {"rag.index.vectors.VectorStore.query": lambda *_: []},
    "windows": {"rag.index.sqlite_snapshot.SqliteSnapshot.windows_at": lambda *_: {}},
    "words of the document": {"rag.retrieval.retriever.DOCUMENT": 0.0},
    "codes": {"rag.retrieval.retriever.EXACT": 0.0},
    "older editions left out": {"rag.retrieval.search.superseded": lambda *_: {}},
    "spelling": {"rag.answering.correct": lambda question, _: question},
    "duplicates folded": {"rag.retrieval.retriever.merge_duplicates": lambda hits, most: hits[:most]},
    "neighbours": {"rag.retrieval.evidence.WIDENED": 0},
    "sections": {"rag.retrieval.evidence.SECTION_WORDS": 0},
    "time asked for": asking(when=When()),
    "seats of government": {"rag.text.names._SEATS": ()},
    "other names of countries": {"rag.text.names._GROUP": {}},
    "names with a typo": {"rag.text.names._nearly_equal": no},
    "headings in sentence features": {"rag.extraction.reader.sentence_features": bare_features},
    "rows and captions apart": {
        "rag.extraction.reader.Kind": SimpleNamespace(CAPTION=0, TABLE_ROW=0, BODY=0, LIST_ITEM=0)
    },
    "rule: foreign": {"rag.extraction.reader._is_foreign": no},
    "rule: namesakes": {"rag.extraction.reader.namesakes": nothing},
    "rule: too early": {"rag.extraction.reader._is_too_early": no},
    "kinds of question": asking(kind=AnswerKind.THING),
    **{f"sentence: {name}": {"rag.extraction.reader.SENTENCE": SENTENCE | {name: 0.0}} for name in SENTENCE},
    **{f"answers: {name}": {"rag.extraction.reader.ANSWERS": ANSWERS | {name: 0.0}} for name in ANSWERS},
    "shapes": asking(shape=Shape.ANSWER),
    "tables": {"rag.answering.compute": lambda *_: None},
    "requests": {"rag.answering.requested": lambda *_: None},
    "longer lists": {"rag.extraction.extractive.LIST_WORDS": extractive.WORDS},
    "colon rule": {"rag.extraction.extractive._with_announced": lambda chosen, _: chosen},
    "lead-back": {"rag.extraction.extractive._REFERS_BACK": NEVER},
    "whole paragraphs": {"rag.extraction.extractive.PASSAGE_WORDS": 0},
    "second paragraphs": {"rag.extraction.extractive.OTHER": 2.0},
    "no more when sure": {"rag.extraction.extractive.ENOUGH": 2.0},
    "repeats dropped": {"rag.extraction.extractive._repeats": no},
    "conflicts": {"rag.answering.write": extracted},
    "abstention": {"rag.extraction.reader.THRESHOLD": 0.0},
    "spellings": {"rag.text.words._SPELLINGS": ()},
    "prefixes": {"rag.text.words._PREFIX": NEVER},
}
INDEXED = ("spellings", "prefixes")  # these parts change what is indexed, so they need their own indexes


@contextmanager
def switched_off(part: Part) -> Iterator[None]:
    """Replace the attributes during a block; caches are cleared before and after it."""
    with ExitStack() as stack:
        for name, instead in part.items():
            stack.enter_context(patch(name, instead))
        _clear_caches()
        yield
    _clear_caches()


def _clear_caches() -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith(("rag.text", "rag.retrieval", "rag.extraction", "rag.verification")):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def measure(name: str, scratch: Path, sample: int) -> dict[str, float]:
    """Return the figures of a sample of a set's questions, by heading; NaN where the set has none."""
    corpus = corpora.load(name, scratch / "texts")
    if corpus is None:
        raise typer.BadParameter(f"The data of {name} are missing: {corpora.missing(name)}")
    asked = [item for item in corpus.questions if item.index != corpora.PRESENT]
    asked = random.Random(4).sample(asked, min(sample, len(asked)))  # noqa: S311
    replies: dict[str, Reply] = {}
    for index in sorted({item.index for item in asked}):
        with closing(Pilcrow(scratch / name / index)) as system:
            system.ingest(corpus.folders[index])
            replies |= {item.id: system.ask(item.text) for item in asked if item.index == index}
    found = figures(corpus, Run(replies))
    return {heading: found[figure].value if figure in found else nan for heading, figure in COLUMNS.items()}


def shown(found: Mapping[str, float], sign: str = "") -> str:
    """Return the figures of a set, seven characters per column; a dot for no change."""
    texts = ["" if isnan(value) else f"{value:{sign}.3f}" for value in found.values()]
    return "".join(f"{'.' if text in {'+0.000', '-0.000'} else text:>7}" for text in texts) + "   "


def main(
    scratch: Annotated[Path, typer.Argument(help="Folder for the indexes.")],
    words: Annotated[list[str] | None, typer.Argument(help="Only parts whose name contains one.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only this set; may be repeated.")] = None,
    sample: Annotated[int, typer.Option(help="Questions of each set.")] = 400,
) -> None:
    """Print the figures of the full pipeline, and what each part's absence adds or takes away."""
    sets = only or SETS
    titles = "".join(f"{column:>7}" for column in COLUMNS) + "   "
    print(" " * 31 + "".join(f"{name:59}" for name in sets) + "\n" + " " * 31 + titles * len(sets))
    full = {name: measure(name, scratch / "full", sample) for name in sets}
    print(f"{'all parts on':31}" + "".join(map(shown, full.values())), flush=True)
    idle = []
    for title, part in PARTS.items():
        if words and not any(word in title for word in words):
            continue
        with switched_off(part):
            folder = scratch / (title if title in INDEXED else "full")
            found = {name: measure(name, folder, sample) for name in sets}
        change = {name: {key: found[name][key] - full[name][key] for key in COLUMNS} for name in sets}
        print(f"{title:31}" + "".join(shown(each, "+") for each in change.values()), flush=True)
        if not any(each[column] < -NOISE for each in change.values() for column in JUDGED):
            idle.append(title)
    print(f"\nNo set loses more than {NOISE} in {', '.join(JUDGED)} without: {'; '.join(idle)}.")


if __name__ == "__main__":
    typer.run(main)
