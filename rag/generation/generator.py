"""Answers that a model writes: each sentence is held against the paragraphs before it counts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from rag.errors import ModelError
from rag.extraction.extractive import LIST_ITEM, SAME_PARAGRAPH
from rag.extraction.reader import Reading
from rag.generation.citation_marks import Marked, Reader, mend, split
from rag.generation.prompts import NOT_FOUND, answer_messages, clean, condense_messages, repair_messages
from rag.models.llm import complete, context_size, count_tokens
from rag.query.condense import condense, keeps
from rag.query.question import Question
from rag.text.words import content_stems, sentences
from rag.types import Draft, Evidence, Step, Turn, Vectors
from rag.verification.grounding import Grounding, grounded
from rag.verification.verifier import Citing, compose

if TYPE_CHECKING:
    from llama_index.core.llms import LLM, ChatMessage

MOST = 6  # paragraphs that the model is given
WORTH = (
    0.02  # of the best sentence's probability, that of the best one in a paragraph that the model is given
)
ANSWER_TOKENS = 320
REPAIR_TOKENS = 96
CONDENSE_TOKENS = 64
ALIKE = 0.7  # of a sentence's words, from which another one that has them tells the same
FEWEST = 3  # content words of what has no full stop, from which it may be a sentence
REPAIRS = 2  # sentences of an answer that the model may mend
ELSEWHERE = (
    0.25  # of the best sentence's probability, that of one in another paragraph that a statement rests on
)

# What is written to a reader that obeys, not to one that reads: no statement rests on it.
_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget) (?:all |any |the |your |these |previous |above )+"
    r"|\b(?:you (?:must|should|are (?:now|an?)))\b"
    r"|\byour (?:answer|response|reply|instructions?|task|system prompt)\b"
    r"|\b(?:as an?|the|dear) (?:AI|language model|assistant|chatbot)\b"
    r"|^(?:\W*)(?:say|write|answer|respond|reply|repeat|print|output|include|append|tell|add|insert|translate)\b",
    re.IGNORECASE,
)
# A model that does not answer, asks, or repeats the prompt.
_SAYS_NOTHING = re.compile(rf"{NOT_FOUND.pattern}|==[0-9a-f]{{12}}==|\?\W*$|^Question\b")
_ENDS = re.compile(r"[.!?…][”\"’)\]]*$")
Embed = Callable[[Sequence[str]], Vectors]


@dataclass(slots=True)
class Told:
    """What has become of a model's text: calls, tokens, seconds of checking, and what was left out."""

    calls: int = 0
    checking: float = 0.0
    prompt_tokens: int = 0
    tokens: int = 0
    begun: bool = False
    dropped: list[str] = field(default_factory=list)

    def joined(self, text: str) -> str:
        """A piece of the answer with the space that parts it from the one before."""
        space, self.begun = " " * self.begun, True
        return space + text

    def figures(self) -> dict[str, float]:
        """Calls, tokens, and the seconds of them that went into checking, by name."""
        return {
            "calls": self.calls,
            "prompt tokens": self.prompt_tokens,
            "tokens": self.tokens,
            "check": self.checking,
        }


@dataclass(frozen=True, slots=True)
class Supported:
    """A sentence that counts, how well it is supported (0 to 1), and the numbers of the evidence that do."""

    text: str
    how_well: float
    by: tuple[int, ...]


def write_by(
    llm: LLM,
    question: Question,
    evidence: Sequence[Evidence],
    reading: Reading,
    embed: Embed,
    citing: Citing,
    told: Told,
) -> Iterator[Step]:
    """Has the model write, and adds to `citing` each sentence that counts, as soon as it does.

    A sentence that no paragraph supports may be mended once; else it is left out. ModelError where the model
    does not answer. Closing the iterator stops the model.
    """
    wanted = _worth_reading(evidence, reading)
    budget = context_size(llm) - ANSWER_TOKENS
    messages, given = answer_messages(question.text, wanted, budget, partial(count_tokens, llm))
    check, reader = _Check(question, evidence, given, reading, embed), Reader()
    failed: list[tuple[Marked, Grounding]] = []
    for piece in _asked(llm, messages, ANSWER_TOKENS, told):
        whole = reader.feed(piece) if piece else _finished(reader.close(), told.tokens >= ANSWER_TOKENS)
        for counts in _timed(check, whole, failed, told):
            yield _added(counts, evidence, citing, told)
        yield Step(unchecked=reader.rest)
    for number, (sentence, found) in enumerate(failed):
        if number >= REPAIRS:
            told.dropped.append(sentence.text)
            continue
        yield Step(unchecked=sentence.text)
        cited = [item for item in given if item.number in (sentence.numbers or found.by)] or given[:1]
        before = told.tokens
        text = "".join(_asked(llm, repair_messages(question.text, sentence.text, cited), REPAIR_TOKENS, told))
        one = _finished([one for one, _ in split(mend(text))], told.tokens - before >= REPAIR_TOKENS)[:1]
        mended = _timed(check, one, [], told)
        for counts in mended:
            yield _added(counts, evidence, citing, told)
        if not mended:
            told.dropped.append(sentence.text)


def lacking(
    drafts: Sequence[Draft], citing: Citing, reading: Reading, evidence: Sequence[Evidence], told: Told
) -> Sequence[Draft]:
    """The drafts that an answer still needs: the first where it lacks the best sentence, or none.

    Where a sentence of the model was left out, all that the others do not tell stand in for it.
    """
    if not citing.statements or not drafts:
        return drafts
    if told.dropped:
        said = [content_stems(statement.text) for statement in citing.statements]
        return [rest for draft in drafts for rest in _untold(draft, said)]
    best = reading.sentences[0]
    item = evidence[best.index]
    held = any(
        (cited.source, cited.paragraph) == (item.source, item.paragraph)
        and cited.start < best.end
        and best.start < cited.end
        for cited in citing.citations
    )
    return () if held else drafts[:1]


def _untold(draft: Draft, said: Sequence[set[str]]) -> Iterator[Draft]:
    """The sentences of a draft that no statement tells, those that follow one another together."""
    start = end = 0
    for first, last in sentences(draft.text):
        if _tells(content_stems(draft.text[first:last]), said):
            if end > start:
                yield Draft(draft.text[start:end].strip(), draft.evidence)
            start = last
        end = last
    if end > start:
        yield Draft(draft.text[start:end].strip(), draft.evidence)


def _tells(told: set[str], said: Sequence[set[str]]) -> bool:
    """Whether one of the statements has nearly all of these words."""
    return any(len(told & other) > ALIKE * len(told) for other in said)


def rewrite(question: str, history: Sequence[Turn], llm: LLM | None, told: Told) -> str:
    """The question made to stand alone: by the model where that loses nothing, else by rules."""
    by_rules = condense(question, history)
    if not llm or not history:
        return by_rules
    try:
        text = "".join(_asked(llm, condense_messages(question, history), CONDENSE_TOKENS, told))
    except ModelError:
        return by_rules  # the answer's own call will tell
    written = text.strip().strip('"“”').removeprefix("Question:").strip()
    return written if keeps(written, question, by_rules, history) else by_rules


def _asked(llm: LLM, messages: Sequence[ChatMessage], most: int, told: Told) -> Iterator[str]:
    """The pieces of what the model writes, then "" at its end."""
    told.calls += 1
    told.prompt_tokens += sum(count_tokens(llm, str(message.content)) for message in messages)
    with closing(complete(llm, messages, most)) as pieces:
        for piece in pieces:
            told.tokens += 1
            if piece:
                yield piece
    yield ""


def _finished(sentences: Sequence[Marked], cut: bool) -> Sequence[Marked]:
    """The sentences without the last one where the model was cut off in the middle of it."""
    return sentences[:-1] if cut and sentences and not _ENDS.search(sentences[-1].text) else sentences


def _timed(
    check: _Check, sentences: Sequence[Marked], failed: list[tuple[Marked, Grounding]], told: Told
) -> list[Supported]:
    start = perf_counter()
    counting = list(check.each(sentences, failed))
    told.checking += perf_counter() - start
    return counting


def _added(counts: Supported, evidence: Sequence[Evidence], citing: Citing, told: Told) -> Step:
    by = [item for item in evidence if item.number in counts.by]
    statement = citing.add(counts.text, counts.how_well, by)
    return Step(told.joined(compose([statement])))


class _Check:
    """What a sentence must be to count: supported, to the point, new, and nobody's order."""

    def __init__(
        self,
        question: Question,
        evidence: Sequence[Evidence],
        given: Sequence[Evidence],
        reading: Reading,
        embed: Embed,
    ) -> None:
        self._given = {item.number: item for item in given}
        self._embed = embed
        self._said: list[set[str]] = []
        best = reading.sentences[0]
        bar = LIST_ITEM if question.wants_list else ELSEWHERE
        self._worth: dict[int, float] = {}
        for sentence in reading.sentences:
            number = evidence[sentence.index].number
            share = sentence.probability / best.probability
            enough = share >= (SAME_PARAGRAPH if sentence.index == best.index else bar)
            if enough and number in self._given:
                self._worth[number] = max(share, self._worth.get(number, 0.0))

    def each(
        self, sentences: Sequence[Marked], failed: list[tuple[Marked, Grounding]]
    ) -> Iterator[Supported]:
        """The sentences that count; those that are only not supported are added to `failed`."""
        for sentence in sentences:
            if _SAYS_NOTHING.search(sentence.text) or self._repeats(sentence.text):
                continue
            if not _ENDS.search(sentence.text) and len(content_stems(sentence.text)) < FEWEST:
                continue
            cited = [self._given[number] for number in sentence.numbers if number in self._given]
            found = grounded(sentence.text, cited or list(self._given.values()), self._embed)
            if not found.supported and cited:  # a wrong mark on a right sentence
                found = grounded(sentence.text, list(self._given.values()), self._embed)
            by = tuple(
                number for number in found.by if number in self._worth and self._is_fact(number, sentence)
            )
            if found.supported and by:
                self._said.append(content_stems(sentence.text))
                yield Supported(sentence.text, found.support, by)
            elif not found.supported:
                failed.append((sentence, found))

    def _repeats(self, text: str) -> bool:
        told = content_stems(text)
        heading = any(text.strip(" .()") in item.heading for item in self._given.values())
        return heading or not told or _tells(told, self._said)

    def _is_fact(self, number: int, sentence: Marked) -> bool:
        """Whether the paragraph tells the sentence, and does not order it to be said."""
        if _ORDER.search(sentence.text):
            return False
        text = clean(self._given[number].text)
        orders = [part for part in re.split(r"(?<=[.!?:\n])\s+", text) if _ORDER.search(part)]
        ordered = {word for part in orders for word in content_stems(part)}
        told = content_stems(sentence.text)
        return len(told & ordered) <= 0.5 * len(told)


def _worth_reading(evidence: Sequence[Evidence], reading: Reading) -> list[Evidence]:
    """The paragraphs whose best sentences may answer, best first."""
    best = reading.sentences[0].probability
    likely = [one.index for one in reading.sentences if one.probability >= WORTH * best]
    return [evidence[index] for index in dict.fromkeys(likely)][:MOST]
