"""The faithfulness of answers, by the judge of one's choice, and what that judge is itself worth."""

from __future__ import annotations

import asyncio
import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from ragas.metrics.collections import Faithfulness

from eval.judge.faithfulness import SUPPORTED, LocalFaithfulness, apart, verdict
from eval.judge.planted import Fault, Planted, Right, planted
from eval.judge.words import statements
from eval.metrics import RESAMPLES, SEED, Figure, share
from rag import PilcrowError

SAMPLE = 400  # claims of each public set
_WICE = "People's labels; partly supported counts as not. The local judge is fitted to them, and here judges \
each claim by weights that were fitted without its article."
_SUMMEDITS = (
    "People's labels; nothing is fitted to them. Published balanced accuracy: people .91, GPT-4 .82, \
ChatGPT .71, models of 7B .50 to .58 (Laban et al. 2023)."
)


@dataclass(frozen=True, slots=True)
class Said:
    """One answer to be judged: its text, marks such as [1] and all, and the paragraphs that it cites."""

    id: str
    question: str
    answer: str
    contexts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """The share of an answer's statements that its paragraphs support, 0 to 1; else None and the reason.

    `failed`: a score should have come and did not; else None says that there was nothing to judge.
    `statements`: each with the probability that it is supported, where the judge tells it.
    """

    id: str
    score: float | None
    reason: str = ""
    failed: bool = False
    statements: tuple[tuple[str, float], ...] = ()

    @property
    def rank(self) -> float:
        """What orders answers by how well they are supported: the lowest probability, else the score."""
        return min((chance for _, chance in self.statements), default=self.score or 0.0)


@dataclass(frozen=True, slots=True)
class Trial:
    """What the judge is worth on one set of claims of which it is known whether they are supported.

    `figures` by name: balanced accuracy and AUC on a public set; on planted faults detection, also of each
    kind, and false alarms. `scored`, `failed`, `abstained`: how many claims.
    """

    name: str
    figures: Mapping[str, Figure]
    scored: int
    failed: int
    abstained: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is judged, whether people hold it to be supported, and the document or article that it is of."""

    said: Said
    supported: bool
    group: str


def faithfulness(rows: Sequence[Said], judge: Faithfulness | None = None) -> tuple[Judged, ...]:
    """Judges each answer, one at a time, in order; without a judge by the local one.

    With an LLM it is `judge_llm.judge(...)` or `judge_llm.judge_at(...)`. Not to be called in an event loop.
    """
    return asyncio.run(_each(rows, judge or LocalFaithfulness()))


async def _each(rows: Sequence[Said], judge: Faithfulness) -> tuple[Judged, ...]:
    return tuple([await _one(row, judge) for row in rows])


async def _one(row: Said, judge: Faithfulness) -> Judged:
    if not statements(row.answer):
        return Judged(row.id, None, "no statement to judge")
    if not any(context.strip() for context in row.contexts):
        return Judged(row.id, None, "no paragraph cited")
    try:
        result = await judge.ascore(
            user_input=row.question, response=row.answer, retrieved_contexts=list(row.contexts)
        )
    except (PilcrowError, ValueError) as error:
        return Judged(row.id, None, str(error), failed=True)
    score = result.value
    if not isinstance(score, int | float) or math.isnan(score):
        return Judged(row.id, None, "the judge gave no score", failed=True)
    told: tuple[tuple[str, float], ...] = ()
    if isinstance(judge, LocalFaithfulness):
        told = tuple((text, verdict(text, row.contexts)) for text in statements(row.answer))
    return Judged(row.id, float(score), statements=told)


def mean(judged: Sequence[Judged]) -> tuple[Figure, int, int]:
    """The mean score of those scored, with its interval; how many failed; on how many it abstained."""
    scored = [item.score for item in judged if item.score is not None]
    failed, abstained = _unscored(judged)
    return share(scored), failed, abstained


def drawn(ids: Iterable[str], size: int | None) -> Collection[str]:
    """So many of the ids (None: all), the same ones every night."""
    return set(sorted(set(ids), key=lambda id_: (crc32(id_.encode()), id_))[:size])


def judge_the_judge(
    data: Path | None,
    answers: Mapping[str, Sequence[Said]],
    judge: Faithfulness | None = None,
    sample: int | None = None,
) -> tuple[Trial, ...]:
    """Tries the judge on the public sets below `data`, where there, and on faults planted in right answers.

    `answers`: under a name each, sets of right answers, such as those of the run and the reference answers.
    `sample`: so many claims and answers of each set, for a judge that is slow; else SAMPLE public claims.
    """
    trials = []
    for name, claims, note in _public(data):
        ids = drawn((claim.said.id for claim in claims), sample or SAMPLE)
        trials.append(on_labels(name, [claim for claim in claims if claim.said.id in ids], judge, note))
    for name, rows in answers.items():
        ids = drawn((row.id for row in rows), sample)
        trials.append(on_faults(name, [row for row in rows if row.id in ids], judge))
    return tuple(trials)


def _public(data: Path | None) -> Iterator[tuple[str, list[Claim], str]]:
    if data and (file := data / "wice" / "oracle_chunks_claim_dev.jsonl").exists():
        yield "WiCE", wice(file), _WICE
    if data and (files := sorted((data / "summedits").glob("summedits_*.json"))):
        yield "SummEdits", [claim for file in files for claim in summedits(file)], _SUMMEDITS


def wice(file: Path) -> list[Claim]:
    """WiCE's claims, each with the first set of evidence that it comes with."""
    claims: dict[str, Claim] = {}
    for line in file.read_text("utf-8").splitlines():
        row = json.loads(line)
        id_, title = row["meta"]["id"], row["meta"]["claim_title"]
        said = Said(id_, f"What is said of {title}?", row["claim"], tuple(row["evidence"]))
        claims.setdefault(id_, Claim(said, row["label"] == "supported", title))
    return list(claims.values())


def summedits(file: Path) -> list[Claim]:
    """SummEdits' summaries of one kind of document, each with its document as the one paragraph."""
    return [
        Claim(
            Said(row["id"], "What does the document say?", row["summary"], (row["doc"],)),
            row["label"] == 1,
            row["doc"],
        )
        for row in json.loads(file.read_text("utf-8"))
    ]


def on_labels(name: str, claims: Sequence[Claim], judge: Faithfulness | None, note: str = "") -> Trial:
    """The judge against people; it holds an answer to be supported where it holds all its statements to be.

    The local judge, which is fitted to WiCE, judges that set by weights fitted without the claim's article.
    """
    if name == "WiCE" and (judge is None or isinstance(judge, LocalFaithfulness)):
        judged = tuple(
            Judged(claim.said.id, float(chance >= SUPPORTED), statements=((claim.said.answer, chance),))
            for claim in claims
            for chance in (apart(claim.group, claim.said.answer, claim.said.contexts),)
        )
    else:
        judged = faithfulness([claim.said for claim in claims], judge)
    pairs = [pair for pair in zip(claims, judged, strict=True) if pair[1].score is not None]
    return Trial(name, _against_people(pairs), len(pairs), *_unscored(judged), note)


def _against_people(pairs: Sequence[tuple[Claim, Judged]]) -> dict[str, Figure]:
    """Balanced accuracy and AUC; their intervals are of resampled documents, whose claims go together."""
    truth = np.array([claim.supported for claim, _ in pairs], dtype=bool)
    held = np.array([judged.score == 1 for _, judged in pairs], dtype=bool)
    rank = np.array([judged.rank for _, judged in pairs], dtype=float)
    groups: dict[str, list[int]] = defaultdict(list)
    for at, (claim, _) in enumerate(pairs):
        groups[claim.group].append(at)
    of_groups = [np.array(rows) for rows in groups.values()]
    chance = np.random.default_rng(SEED)
    draws = [
        np.concatenate([of_groups[at] for at in chance.integers(len(of_groups), size=len(of_groups))])
        for _ in range(RESAMPLES if of_groups else 0)
    ]
    rows = np.arange(len(pairs))
    balanced = [_balanced(truth[at], held[at]) for at in (rows, *draws)]
    areas = [_area(truth[at], rank[at]) for at in (rows, *draws)]
    return {"balanced accuracy": _figure(balanced, len(rows)), "AUC": _figure(areas, len(rows))}


def _figure(values: Sequence[float], count: int) -> Figure:
    """The first of the values, between the ends of the middle 95 % of the others that there are."""
    others = [value for value in values[1:] if not math.isnan(value)]
    if math.isnan(values[0]) or not others:
        return Figure(values[0], count=count)
    low, high = np.percentile(others, [2.5, 97.5])
    return Figure(values[0], float(low), float(high), count)


def _balanced(truth: np.ndarray, held: np.ndarray) -> float:
    if truth.all() or not truth.any():
        return math.nan
    return float((held[truth].mean() + (~held[~truth]).mean()) / 2)


def _area(truth: np.ndarray, rank: np.ndarray) -> float:
    """How often a supported claim ranks above another, ties half (Hanley and McNeil 1982)."""
    if truth.all() or not truth.any():
        return math.nan
    below = np.sort(rank[~truth])
    beaten = np.searchsorted(below, rank[truth], "left") + np.searchsorted(below, rank[truth], "right")
    return float(beaten.mean() / 2 / len(below))


def on_faults(name: str, rows: Sequence[Said], judge: Faithfulness | None) -> Trial:
    """Of right answers with one fault each, those that the judge finds fault with; and of those without."""
    rights = [Right(row.id, row.answer, row.contexts) for row in rows]
    faults = planted(rights)
    questions = {row.id: row.question for row in rows}
    untouched = faithfulness(rows, judge)
    judged = faithfulness(
        [Said(item.id, questions[item.id], item.text, item.contexts) for item in faults], judge
    )
    pairs = [pair for pair in zip(faults, judged, strict=True) if pair[1].score is not None]
    figures = {"detection": _detection(pairs)}
    figures |= {f"detection: {fault}": _detection(pairs, fault) for fault in Fault}
    alarms = [float(item.score < 1) for item in untouched if item.score is not None]
    figures["false alarms"] = share(alarms)
    failed, abstained = _unscored((*untouched, *judged))
    return Trial(f"faults planted in {name}", figures, len(pairs) + len(alarms), failed, abstained)


def _detection(pairs: Sequence[tuple[Planted, Judged]], fault: Fault | None = None) -> Figure:
    """The share that was noticed; its interval is of resampled answers, whose faults go together."""
    noticed: dict[str, list[bool]] = defaultdict(list)
    for item, judged in pairs:
        if fault in {None, item.fault}:
            noticed[item.id].append(judged.score != 1)
    return share([sum(each) for each in noticed.values()], [len(each) for each in noticed.values()])


def _unscored(judged: Sequence[Judged]) -> tuple[int, int]:
    """How many failed, and on how many the judge abstained."""
    failed = sum(item.failed for item in judged)
    return failed, sum(item.score is None for item in judged) - failed
