"""Highlight the words of a statement that answer the question: a conditional logit over its spans.

The features of a span are the words at its borders, what it contains of the kind asked for, and how near it
is to the question's own words. `highlight_weights.py` holds the weights and how they were fitted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rag.extraction.highlight_weights import SURE, WEIGHTS
from rag.query.question import AnswerKind, Question
from rag.text.tokens import Token, tokenize
from rag.text.words import stem
from rag.types import Statement

MAX_TOKENS = 12  # in a span
FAR = 12  # content words; greater distances count as this one
WEIGHED = 60  # spans scored in full: those with the best borders
Features = dict[str, float]

_NO_START = frozenset(("conj", "comma", "end", "close", "sym", "unit", "pron", "aux"))
_NO_END = frozenset(("det", "prep", "conj", "comma", "end", "open", "sym", "money", "aux", "sub"))
_BREAKS = frozenset(("comma", "sub", "conj", "end"))
_INNER = ("aux", "comma", "conj", "prep", "verb", "sub", "pron", "quote")
_HOLDS = {
    "num": "number",
    "year": "year",
    "month": "day",
    "unit": "measure",
    "money": "measure",
    "name": "name",
}
_NAMED = frozenset(("name", "opening", "prep", "det"))
_INSEPARABLE = frozenset(  # pairs of token kinds that no span cuts
    [("num", "num"), ("money", "num"), ("num", "month"), ("month", "num"), ("month", "year")]
)
_YEAR = stem("year")
_ASKING = frozenset(("who", "whom", "whose", "what", "which", "when", "where", "why", "how"))
_ORDERS = dict.fromkeys(("did", "do", "does"), "obj") | dict.fromkeys(("is", "was", "are", "were"), "be")
_GROUPS = {
    AnswerKind.NUMBER: "quantity",
    AnswerKind.SIZE: "quantity",
    AnswerKind.AGE: "quantity",
    AnswerKind.REASON: "clause",
    AnswerKind.TIME: "time",
    AnswerKind.PERSON: "person",
    AnswerKind.PLACE: "place",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a question's word order says about its answer; `stems` are those of its content words.

    `head` is the noun after "which", `verb` the first word after it, `last` the last word, all as stems;
    `order` is what the question asks for: subj (the subject), obj, be or mod.
    """

    stems: frozenset[str]
    group: str
    head: str
    plural: bool
    verb: str
    last: str
    preposition: str
    order: str


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """A span of a text, and the probability, 0 to 1, that it answers.

    `share` is its part of the odds of all spans and of "no span", which has odds 1. Overlapping spans count
    in proportion to the overlap.
    """

    start: int
    end: int
    share: float


def mark(question: Question, statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """Return the statements, each with the words that answer highlighted where that is certain enough."""
    wanted = want(question)
    found = [best(wanted, statement.text) for statement in statements]
    return tuple(
        replace(statement, highlight=(span.start, span.end)) if span and span.share >= SURE else statement
        for statement, span in zip(statements, found, strict=True)
    )


def best(wanted: Wanted, text: str) -> ScoredSpan | None:
    """Return the span of a text that answers best; None if no words of it could."""
    tokens = tokenize(text)
    left = [_weigh(features) for features in left_features(wanted, tokens)]
    right = [_weigh(features) for features in right_features(wanted, tokens)]
    spans = list(candidate_spans(wanted, tokens))
    spans = sorted(spans, key=lambda span: -left[span[0]] - right[span[1]])[:WEIGHED]
    if not spans:
        return None
    scores = [left[i] + right[j] + _weigh(span_features(wanted, tokens, i, j)) for i, j in spans]
    chosen = spans[scores.index(max(scores))]
    odds = [math.exp(score) for score in scores]
    overlapping = sum(odd * overlap(span, chosen) for odd, span in zip(odds, spans, strict=True))
    return ScoredSpan(tokens[chosen[0]].start, tokens[chosen[1]].end, overlapping / (1 + sum(odds)))


def overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return the F1 of two spans of tokens, both ends included."""
    shared = min(one[1], other[1]) - max(one[0], other[0]) + 1
    return 2 * max(0, shared) / (one[1] - one[0] + other[1] - other[0] + 2)


def _weigh(features: Mapping[str, float]) -> float:
    return sum(WEIGHTS[name] * value for name, value in features.items() if name in WEIGHTS)


def want(question: Question) -> Wanted:
    """Return what a question's word order says about its answer."""
    tokens = [token for token in tokenize(question.text) if token.text[0].isalnum()]
    at = next((i for i, token in enumerate(tokens) if token.text.casefold() in _ASKING), -1)
    asking = tokens[at].text.casefold() if at >= 0 else ""
    noun: list[Token] = []
    if asking in {"what", "which", "whose"}:
        noun = list(_noun(tokens[at + 1 :]))
    elif asking == "how" and tokens[at + 1 : at + 2] and tokens[at + 1].kind != "aux":
        noun = [tokens[at + 1]]
    rest = tokens[at + 1 + len(noun) :]
    opening = rest[0] if rest and rest[0].kind == "aux" else None
    order = _ORDERS.get(opening.text.casefold(), "mod") if opening else "subj"
    content = [token.stem for token in tokens if token.content]
    beside = [*tokens[max(0, at - 1) : max(0, at)], *tokens[-1:]]
    return Wanted(
        stems=frozenset(content),
        group=_group(question, asking, bool(noun), order),
        head=noun[-1].stem if noun else "",
        plural=bool(noun) and noun[-1].text.endswith("s"),
        verb=next((token.stem for token in rest if token.kind != "aux"), ""),
        last=content[-1] if content else "",
        preposition=next((token.text.casefold() for token in beside if token.kind == "prep"), ""),
        order=order,
    )


def _noun(tokens: Iterable[Token]) -> Iterator[Token]:
    """Yield the words after "which" up to a verb or preposition."""
    for token in tokens:
        if token.kind in {"aux", "verb", "prep"}:
            return
        yield token


def _group(question: Question, asking: str, noun: bool, order: str) -> str:
    if question.kind in _GROUPS:
        return _GROUPS[question.kind]
    if asking == "how":
        return "clause"
    return "what_noun" if noun else "what_do" if order == "obj" else "what_is"


def candidate_spans(wanted: Wanted, tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Yield the first and last token of each span in a sentence that may be a phrase with a new word."""
    for i, first in enumerate(tokens):
        if first.kind in _NO_START or (i and _cuts(wanted, tokens[i - 1], first)):
            continue
        brackets = quotes = 0
        new = False
        for j in range(i, min(len(tokens), i + MAX_TOKENS)):
            token = tokens[j]
            brackets += (token.kind == "open") - (token.kind == "close")
            quotes += token.kind == "quote"
            new = new or ((token.content or token.kind == "num") and token.stem not in wanted.stems)
            if token.sentence != first.sentence or token.kind == "end" or brackets < 0:
                break
            follows = j + 1 < len(tokens) and _cuts(wanted, token, tokens[j + 1])
            if new and not follows and not brackets and quotes % 2 == 0 and token.kind not in _NO_END:
                yield i, j


def _cuts(wanted: Wanted, one: Token, other: Token) -> bool:
    """Return whether a border here cuts a number or date; "which year" may have the year alone."""
    pair = one.kind, other.kind
    return pair in _INSEPARABLE and not (pair == ("month", "year") and wanted.head == _YEAR)


def left_features(wanted: Wanted, tokens: Sequence[Token]) -> list[Features]:
    """Return the features of a span that begins at each token."""
    rows: list[Features] = []
    covers = _covers(wanted, tokens)
    for i, (token, (near, dense, previous)) in enumerate(zip(tokens, _sweep(wanted, tokens), strict=True)):
        before = tokens[i - 1] if i and tokens[i - 1].sentence == token.sentence else None
        row = _border(wanted, "left", near, dense)
        row[f"before={before.kind if before else 'none'}"] = 1.0
        row[f"first={token.kind}"] = 1.0
        row[f"first={token.kind}|{wanted.group}"] = 1.0
        row["covers"] = covers[token.sentence]
        if before and before.kind == "prep":
            row["preposition"] = float(before.text.casefold() == wanted.preposition)
            row[f"after_{before.text.casefold()}|{wanted.group}"] = 1.0
        if before and before.kind == token.kind == "name":
            row["splits_name"] = float(before.stem not in wanted.stems)
        if previous:
            row["after_head"] = float(previous.stem == wanted.head)
            row["after_verb"] = float(previous.stem == wanted.verb)
            row["after_last"] = float(previous.stem == wanted.last)
        rows.append(row)
    return rows


def _covers(wanted: Wanted, tokens: Sequence[Token]) -> dict[int, float]:
    """Return the share of the question's words in each sentence, by the sentence's start."""
    stems: dict[int, set[str]] = {}
    for token in tokens:
        stems.setdefault(token.sentence, set()).add(token.stem)
    return {start: len(found & wanted.stems) / max(1, len(wanted.stems)) for start, found in stems.items()}


def right_features(wanted: Wanted, tokens: Sequence[Token]) -> list[Features]:
    """Return the features of a span that ends at each token."""
    rows: list[Features] = []
    swept = _sweep(wanted, tokens[::-1])[::-1]
    for i, (token, (near, dense, following)) in enumerate(zip(tokens, swept, strict=True)):
        after = tokens[i + 1] if i + 1 < len(tokens) and tokens[i + 1].sentence == token.sentence else None
        row = _border(wanted, "right", near, dense)
        row[f"after={after.kind if after else 'none'}"] = 1.0
        row[f"last={token.kind}"] = 1.0
        row["last_is_head"] = float(token.stem == wanted.head)
        if after and after.kind == token.kind == "name":
            row["cuts_name"] = float(after.stem not in wanted.stems)
        if following:
            row["before_head"] = float(following.stem == wanted.head)
            row["before_verb"] = float(following.stem == wanted.verb)
        rows.append(row)
    return rows


def _sweep(wanted: Wanted, tokens: Sequence[Token]) -> list[tuple[float, float, Token | None]]:
    """Return how near the question's words are before each token, and the last content word before it.

    The first number is the log of the steps back to the nearest one in the sentence, the second the sum of
    1 / steps over all. Each content word, comma and conjunction is a step.
    """
    found: list[tuple[float, float, Token | None]] = []
    step, sentence = 0, -1
    asked: list[int] = []
    last: Token | None = None
    for token in tokens:
        if token.sentence != sentence:
            step, sentence, asked, last = 0, token.sentence, [], None
        ways = [step - at + 1 for at in asked]
        found.append((math.log(min(ways[-1], FAR) if ways else FAR), sum(1 / way for way in ways), last))
        if token.content or token.kind in _BREAKS:
            step += 1
        if token.content:
            last = token
            asked += [step] if token.stem in wanted.stems else []
    return found


def _border(wanted: Wanted, side: str, near: float, dense: float) -> Features:
    return {
        f"{side}_near": near,
        f"{side}_near|{wanted.order}": near,
        f"{side}_touches": float(near == 0),
        f"{side}_dense": dense,
    }


def span_features(wanted: Wanted, tokens: Sequence[Token], i: int, j: int) -> Features:
    """Return the features of the span from the i-th to the j-th token."""
    span = tokens[i : j + 1]
    inner = {token.kind for token in span[1:]}
    content = [token.stem for token in span if token.content]
    repeated = sum(word in wanted.stems for word in content)
    length = math.log(j - i + 1)
    row = {
        "any": 1.0,
        "length": length,
        f"length|{wanted.group}": length,
        "words": j - i + 1.0,
        "said": float(repeated),
        "all_said": float(bool(content) and repeated == len(content)),
        "new": math.log(1 + len(content) - repeated),
        "head": float(wanted.head in content),
        "listed": float(wanted.plural and "conj" in inner),
    }
    row |= {f"inner_{kind}": 1.0 for kind in _INNER if kind in inner}
    for token in span:
        if token.kind in _HOLDS and token.stem not in wanted.stems:
            row[f"{_HOLDS[token.kind]}|{wanted.group}"] = 1.0
    if all(token.kind in _NAMED for token in span):
        row[f"all_name|{wanted.group}"] = 1.0
    return row
