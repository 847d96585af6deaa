"""Read evidence for a question: how well each sentence answers it, and whether any does.

Two small linear models: a conditional logit over the sentences of the evidence, and a logistic regression
for "this evidence answers the question". `reader_weights.py` holds the weights and how they were fitted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from rag.extraction.reader_weights import ANSWERS, BIAS, SENTENCE, SURE, THRESHOLD
from rag.query.question import AnswerKind, Question, Shape, answers_kind, is_year, without_time
from rag.retrieval.rarity import Rarity, text_stems
from rag.retrieval.retriever import Match
from rag.retrieval.search import SearchResult
from rag.text.language import language
from rag.text.names import absent, forms, namesakes
from rag.text.numbers import numbers, read_numbers
from rag.text.words import stems, words
from rag.types import Evidence, Kind, Span, Vectors

SentenceSpan = tuple[int, int, int]  # index of the paragraph in the evidence; start and end in its text

LIKELY = 0.1  # share of the best sentence's probability above which another sentence may be the answer
MAX_SENTENCES = 400  # read for one question
LONG = 30  # words; a longer sentence counts as this long
OTHER_LANGUAGE_COVERS = 0.5  # least coverage taken for a question in another language than its answer
TITLE = 8  # words; a body line of up to as many, without an end, is a title that no one marked


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the evidence: the `index` of its paragraph there, and its span in that text.

    `probability` is its share among all sentences read; `features` are named as in `reader_weights.py`.
    """

    index: int
    start: int
    end: int
    text: str
    probability: float
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Reading:
    """The sentences of the evidence, best first, and the probability that they answer the question.

    `missing` are names and numbers of the question that the best sentence's surroundings lack.
    """

    sentences: tuple[Sentence, ...]
    probability: float
    missing: tuple[str, ...]

    @property
    def is_likely(self) -> bool:
        """Whether the evidence answers the question with enough probability to show an answer."""
        return self.probability >= THRESHOLD

    @property
    def is_sure(self) -> bool:
        """Whether the probability is high enough to show the answer without a warning."""
        return self.probability >= SURE


def read(question: Question, found: SearchResult) -> Reading:
    """Return how well each sentence of the evidence answers, and the probability that any does."""
    evidence, rarity = found.evidence, found.rarity
    spans = candidate_sentences(evidence, found.sentence_similarity)
    if not spans:
        return Reading((), 0.0, question.names)
    cosines = np.array([found.sentence_similarity[index][start, end] for index, start, end in spans])
    rows = sentence_features(question, evidence, rarity, found.matches, spans, cosines)
    odds = np.array([sum(SENTENCE[name] * row[name] for name in SENTENCE) for row in rows])
    shares = np.exp(odds - odds.max())
    shares /= shares.sum()
    ranked = tuple(
        Sentence(index, start, end, evidence[index].text[start:end], float(shares[at]), rows[at])
        for at in np.argsort(-odds, kind="stable")
        for index, start, end in [spans[at]]
    )
    if evidence[ranked[0].index].source in found.current:
        question = without_time(question)  # it is the edition of that time
    features = answer_features(question, found, ranked[0])
    score = BIAS + sum(ANSWERS[name] * features[name] for name in ANSWERS)
    missing = _missing(question, _context(ranked[0], evidence))
    others = namesakes(question.text, _everything(evidence))
    refused = others or _is_too_early(question, ranked, evidence)
    probability = 0.0 if refused else 1 / (1 + math.exp(-score))
    return Reading(ranked, probability, (*missing, *others))


def candidate_sentences(
    evidence: Sequence[Evidence], sentence_similarity: Sequence[Mapping[Span, float]]
) -> list[SentenceSpan]:
    """Return every sentence of the evidence that may be shown.

    Headings have no sentences in the index. Captions that are only titles are left out here.
    """
    shown = [not (item.kind is Kind.CAPTION and item.text[-1].isalnum()) for item in evidence]
    spans = [(i, *span) for i, held in enumerate(sentence_similarity) if shown[i] for span in held]
    return spans[:MAX_SENTENCES]


def sentence_features(
    question: Question,
    evidence: Sequence[Evidence],
    rarity: Rarity,
    matches: Sequence[Match],
    spans: Sequence[SentenceSpan],
    cosines: Vectors,
) -> list[dict[str, float]]:
    """Return each sentence's features: its own similarity and that of its paragraph, words, kind, form."""
    languages = [language(item.text) for item in evidence]  # of its sentences and heading, too
    heading = [text_stems(item.heading, code) for item, code in zip(evidence, languages, strict=True)]
    own = [text_stems(evidence[i].text[start:end], languages[i]) | heading[i] for i, start, end in spans]
    before, after = _previous(evidence, spans, own), _next(spans, own)
    pairs = set(pairwise(stems(question.text)))
    listed = question.shape in (Shape.LIST, Shape.STEPS)
    rows: list[dict[str, float]] = []
    for at, (index, start, end) in enumerate(spans):
        text = evidence[index].text[start:end]
        rows.append(
            {
                "sentence_cosine": float(cosines[at]),
                "paragraph_match": matches[index].score,
                "with_previous_covers": rarity.covered(own[at] | before[at]),
                "with_next_covers": rarity.covered(own[at] | after[at]),
                "heading_covers": rarity.covered(heading[index]),
                "is_listed": float(listed and evidence[index].kind is Kind.LIST_ITEM),
                "right_kind": _right_kind(question, text),
                "word_pairs": len(pairs & set(pairwise(stems(text, languages[index])))) / max(1, len(pairs)),
                "length": min(len(text.split()), LONG) / LONG,
                "is_title": float(_is_title(text, evidence[index].kind)),
            }
        )
    return rows


def _previous(
    evidence: Sequence[Evidence], spans: Sequence[SentenceSpan], own: Sequence[frozenset[str]]
) -> list[frozenset[str]]:
    """Return the stems of the sentence before each one, also across two neighbouring paragraphs."""
    last = {(evidence[index].source, evidence[index].paragraph): at for at, (index, _, _) in enumerate(spans)}
    found = []
    for at, (index, _, _) in enumerate(spans):
        if at and spans[at - 1][0] == index:
            found.append(own[at - 1])
        else:
            previous = last.get((evidence[index].source, evidence[index].paragraph - 1))
            is_row = evidence[index].kind is Kind.TABLE_ROW
            found.append(frozenset() if previous is None or is_row else own[previous])
    return found


def _next(spans: Sequence[SentenceSpan], own: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    """Return the stems of the sentence after each one in its paragraph."""
    last = len(spans) - 1
    return [
        own[at + 1] if at < last and spans[at + 1][0] == index else frozenset()
        for at, (index, _, _) in enumerate(spans)
    ]


def answer_features(question: Question, found: SearchResult, best: Sentence) -> dict[str, float]:
    """Return the features of "this is an answer": of the best sentence and its surroundings."""
    context = _context(best, found.evidence)
    covers = found.rarity.covered(text_stems(context))
    across = found.across and bool(question.words) and language(context) != question.language
    return {
        "sentence_cosine": best.features["sentence_cosine"],
        "context_covers": max(covers, OTHER_LANGUAGE_COVERS) if across else covers,
        "foreign": float(not across and _is_foreign(question, found)),
    }


def _is_title(text: str, kind: Kind) -> bool:
    return kind is Kind.BODY and text[-1].isalnum() and len(text.split()) <= TITLE


def _everything(evidence: Sequence[Evidence]) -> str:
    return " ".join(f"{item.heading} {item.text}" for item in evidence)


def _right_kind(question: Question, text: str) -> float:
    return float(question.kind is not AnswerKind.THING and answers_kind(question, text))


def _context(best: Sentence, evidence: Sequence[Evidence]) -> str:
    """Return the best sentence's paragraph, heading and date, and the evidence within two paragraphs."""
    own = evidence[best.index]
    parts = [own.heading, own.text, str(own.date or "")]
    if own.kind is not Kind.TABLE_ROW:  # a row says nothing about its neighbours
        parts += [
            item.text
            for item in evidence
            if item.source == own.source and 0 < abs(item.paragraph - own.paragraph) <= 2
        ]
    return " ".join(parts)


def _missing(question: Question, text: str) -> list[str]:
    """Return the names and numbers of the question that a text lacks, as written."""
    figures = frozenset() if question.confirms else question.figures - numbers(text)
    written = {n.written.split()[0] for n in read_numbers(question.topic) if n.figure in figures}
    return absent(question.names, forms(text), question.language) + sorted(written)


def _is_foreign(question: Question, found: SearchResult) -> bool:
    """Return whether the question has a name, code or number that no document contains.

    The best sentence is then about another company, country or year, however similar it is.
    """
    unknown = [word for word in question.words if found.rarity.unknown(word)]
    missing = _missing(question, _everything(found.evidence)) if unknown else []
    return any(word in words(thing, question.language) for thing in missing for word in unknown)


def _is_too_early(question: Question, ranked: Sequence[Sentence], evidence: Sequence[Evidence]) -> bool:
    """Return whether all likely sentences were written before the time asked about, and don't mention it."""
    years = {int(figure) for figure in question.figures if is_year(figure)}
    asked = question.when.since or (date(max(years), 1, 1) if years else None)
    named = question.when.named or set(map(str, years))
    likely = [one for one in ranked if one.probability >= LIKELY * ranked[0].probability]
    return asked is not None and all(
        (evidence[one.index].date or asked) < asked and not named <= set(words(_context(one, evidence)))
        for one in likely
    )
