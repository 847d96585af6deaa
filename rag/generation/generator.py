"""Answers that a language model writes: each sentence is checked before it is shown."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from rag.errors import ModelError
from rag.extraction.reader import Reading
from rag.generation.check import Check, is_finished, repeats
from rag.generation.citation_marks import Marked, SentenceReader, normalise, split_sentences
from rag.generation.prompts import NOT_FOUND, answer_messages, paragraph, repair_messages
from rag.generation.usage import Usage, ask
from rag.models.llm import complete, context_size, count_tokens
from rag.query.question import Question
from rag.text.words import content_stems, sentences
from rag.types import Draft, Evidence, Status, Step
from rag.verification.verifier import Examined, Verified, compose

if TYPE_CHECKING:
    from llama_index.core.llms import LLM, ChatMessage

PARAGRAPHS = 6  # given to the model, at most
WORTH_READING = 0.02  # share of the best sentence's probability that a paragraph's best sentence needs
ANSWER_TOKENS = 320
REPAIR_TOKENS = 96
REPAIRS = 2  # unsupported sentences of an answer that the model may repair


@dataclass(frozen=True, slots=True)
class Generated:
    """What a model wrote: the statements that passed the checks, the sentences that didn't, the usage.

    `unsupported` are sentences that no paragraph supports; `dropped` the texts of those left out for good.
    `not_found`: whether the model wrote that the paragraphs do not answer.
    """

    verified: Verified = field(default_factory=Verified)
    unsupported: tuple[Marked, ...] = ()
    dropped: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)
    not_found: bool = False

    def using(self, usage: Usage) -> Generated:
        """Return the same with this usage added."""
        return replace(self, usage=self.usage + usage)


def generate(
    llm: LLM, question: Question, evidence: Sequence[Evidence], reading: Reading, examined: Examined | None
) -> Generator[Step, None, Generated]:
    """Yield each sentence of the model's answer as soon as it is checked; return the whole.

    Raises ModelError if the model doesn't answer, or if its context is too small for the best paragraph.
    """
    budget, count = context_size(llm) - ANSWER_TOKENS, partial(count_tokens, llm)
    trusted = examined is not None and examined.counts
    relevant = _worth_reading(evidence, reading, trusted)
    messages, given = answer_messages(question.text, relevant, budget, count)
    if relevant and not given:
        raise too_small(llm, messages, count(paragraph(relevant[0])) + ANSWER_TOKENS)
    check = Check.of(question, evidence, given, reading, examined)
    return (yield from write(llm, question.text, messages, check, ANSWER_TOKENS, REPAIRS))


def too_small(llm: LLM, messages: Sequence[ChatMessage], more: int) -> ModelError:
    """Return the error for a context that doesn't hold the messages and this many `more` tokens."""
    needed = -(-(Usage.of(llm, messages).prompt_tokens + more) // 256) * 256
    return ModelError(
        f"The context window of {llm.metadata.model_name} ({context_size(llm)} tokens) is too small for the "
        f"question, a paragraph and the answer. Set llm_context to {needed} or more; a server needs its own "
        "option too (Ollama: OLLAMA_CONTEXT_LENGTH, llama.cpp: --ctx-size, vLLM: --max-model-len)."
    )


def write(
    llm: LLM, asked: str, messages: Sequence[ChatMessage], check: Check, limit: int, repairs: int
) -> Generator[Step, None, Generated]:
    """Yield each sentence that the model writes as soon as it is checked; return the whole.

    It may repair as many unsupported sentences, once each; others are dropped. Raises ModelError if it
    doesn't answer. Closing the generator stops the model.
    """
    reader, text = SentenceReader(), ""
    written = Generated(usage=Usage.of(llm, messages))
    with closing(complete(llm, messages, limit)) as pieces:
        for piece in pieces:
            text += piece
            written = yield from _check(check, reader.feed(piece), written.using(Usage(tokens=1)))
            yield Step(unchecked=reader.rest)
    rest = _without_fragment(reader.close(), cut=written.usage.tokens >= limit)
    written = yield from _check(check, rest, written)
    written = replace(written, not_found=not written.verified.statements and bool(NOT_FOUND.search(text)))
    yield Step()
    for sentence in written.unsupported[:repairs]:
        yield Step(unchecked=sentence.text)
        written = yield from _repair(llm, asked, sentence, check, written)
    given_up = tuple(sentence.text for sentence in written.unsupported[repairs:])
    return replace(written, dropped=written.dropped + given_up)


def _check(check: Check, new: Sequence[Marked], written: Generated) -> Generator[Step, None, Generated]:
    """Yield the sentences that pass; return what was written so far with them."""
    for sentence in new:
        start, shown = perf_counter(), written.verified.statements
        found = check.verdict(sentence, shown)
        written = written.using(Usage(checking=perf_counter() - start))
        if found and (found.status in (Status.QUOTED, Status.SUPPORTED) or (found.status and check.marks)):
            verified = written.verified.plus(
                sentence.text, found.support, check.whole(found.by), found.status
            )
            written = replace(written, verified=verified)
            yield Step((" " if shown else "") + compose(written.verified.statements[-1:]))
        elif found:
            written = replace(written, unsupported=(*written.unsupported, sentence))
    return written


def _repair(
    llm: LLM, asked: str, sentence: Marked, check: Check, written: Generated
) -> Generator[Step, None, Generated]:
    """Have the model write an unsupported sentence again; drop it if that fails the checks too."""
    given = list(check.given.values())
    cited = [item for item in given if item.number in sentence.numbers] or given[:1]
    text, usage = ask(llm, repair_messages(asked, sentence.text, cited), REPAIR_TOKENS)
    again = [marked for marked, _ in split_sentences(normalise(text))]
    again = list(_without_fragment(again, cut=usage.tokens >= REPAIR_TOKENS))[:1]
    repaired = yield from _check(check, again, written.using(usage))
    failed = repaired.verified == written.verified
    dropped = (*written.dropped, sentence.text) if failed else written.dropped
    return replace(repaired, unsupported=written.unsupported, dropped=dropped)


def drafts_to_add(
    drafts: Sequence[Draft],
    generated: Generated,
    reading: Reading,
    evidence: Sequence[Evidence],
    trusted: bool,
) -> Sequence[Draft]:
    """Return the extracted drafts that the model's answer still needs.

    All of them if it has no statement; the sentences it lacks if one was dropped. None if a `trusted` model
    says that the paragraphs do not answer; of another, the first if nothing cites the best sentence.
    """
    statements, citations = generated.verified.statements, generated.verified.citations
    if trusted and (generated.not_found or (statements and not generated.dropped)):
        return ()
    if not statements or not drafts:
        return drafts
    if generated.dropped:
        shown = [content_stems(statement.text) for statement in statements]
        return [rest for draft in drafts for rest in _new_sentences(draft, shown)]
    best = reading.sentences[0]
    item = evidence[best.index]
    covered = any(
        (cited.source, cited.paragraph) == (item.source, item.paragraph)
        and cited.start < best.end
        and best.start < cited.end
        for cited in citations
    )
    return () if covered else drafts[:1]


def _new_sentences(draft: Draft, shown: Sequence[set[str]]) -> Iterator[Draft]:
    """Yield the sentences of a draft that no statement repeats, consecutive ones as one draft."""
    start = end = 0
    for first, last in sentences(draft.text):
        if repeats(content_stems(draft.text[first:last]), shown):
            if end > start:
                yield Draft(draft.text[start:end].strip(), draft.evidence)
            start = last
        end = last
    if end > start:
        yield Draft(draft.text[start:end].strip(), draft.evidence)


def _without_fragment(found: Sequence[Marked], cut: bool) -> Sequence[Marked]:
    """Return the sentences, without an unfinished last one if the model was cut off at its token limit."""
    return found[:-1] if cut and found and not is_finished(found[-1].text) else found


def _worth_reading(evidence: Sequence[Evidence], reading: Reading, trusted: bool) -> list[Evidence]:
    """Return the paragraphs whose best sentences may answer, best first; for a trusted model, others too."""
    best = reading.sentences[0].probability if reading.sentences else 0.0
    likely = [one.index for one in reading.sentences if one.probability >= WORTH_READING * best]
    others = range(len(evidence)) if trusted else ()
    return [evidence[index] for index in dict.fromkeys([*likely, *others])][:PARAGRAPHS]
