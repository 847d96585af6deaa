"""Rules that make a follow-up stand alone: what "he", "there", "that" or "and in 2023?" refer to."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.text.names import runs
from rag.text.numbers import numbers
from rag.text.vocabulary import MONTHS
from rag.text.words import content_stems, content_words, fold, words
from rag.types import Turn

_MARK = re.compile(r"\s*\[\d+\]")
_HE = re.compile(r"\b(?:he|him|she|his|hers?)\b", re.IGNORECASE)
_THERE = re.compile(r"\b(?<!is )(?<!are )(?<!was )(?<!were )there\b(?! (?:is|are|was|were)\b)", re.IGNORECASE)
_IT = re.compile(
    r"\bso\b(?=\s*\?*$)|\b(?:it|its|they|them|theirs?|this|these|those|the same)\b"
    r"|\bthat\b(?=\s*(?:[?.!,]|$|(?:is|was|did|happen\w*|mean|cost|number|figure|deal|event"
    r"|meeting|decision|company|project|city|country)\b))",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"^(?:(?:and|but|so|then|also|ok|okay)\b[,\s]*)*(?:(?:what|how) about\b\s*)?", re.IGNORECASE
)
_BARE = re.compile(
    r"^(?:why|when|where|who|how|how many|how much)(?: (?:not|so|exactly|else|then))?\s*\?*$", re.IGNORECASE
)
_ASKS = re.compile(
    r"^(?:(?:from|in|to|by|at|on|for|with|of) )?(?:who|what|which|when|where|why|how|whose|whom|is|are|was"
    r"|were|do|does|did|has|have|had|can|could|will"
    r"|would|should|list|name|tell|give|show|explain|describe)\b",
    re.IGNORECASE,
)
_MONTHS = "|".join(MONTHS)
_TIME = re.compile(
    r"\b(?:(?:in|on|by|since|until|before|after) )?"
    rf"(?:(?:{_MONTHS}|\d{{1,2}})\b[ ,]*)*(?:\d{{4}}|(?:{_MONTHS}))\b",
    re.IGNORECASE,
)
_LINKED = re.compile(r"^(?:in|on|by|for|from|with|at|to|of|after|before|since|until|during)\b", re.IGNORECASE)
_ORDINAL = re.compile(r"\b\d+(?:st|nd|rd|th)\b(?: [A-Z]\w+)*")
_PERSON_TITLE = re.compile(
    r"\b(?:president|minister|general|gen|mr|mrs|ms|dr|governor|mayor|spokes\w+|secretary|commander|leader|chief"
    r"|adviser|chancellor|king|queen|ambassador|senator|colonel|captain|officer)\b\.?",
    re.IGNORECASE,
)
_NOT_A_PERSON = re.compile(
    r"^(?:North|South|East|West|New|United|Great|Saint|San|Mount|Lake|Cape)\b"
    r"|\b(?:Army|Ministry|Office|Group|Union|Nations|Council|Forces?|Party|Committee|Department|Region|Province"
    r"|District|County|Sea|Summit|War|States?|Federation|Kingdom|City|Treaty|Convention|Initiative|Service"
    r"|Company|University|News)\b"
)
_PLACE_BEFORE = re.compile(r"\b(?:in|at|near|to|from|around|outside)\s+(?:the\s+)?$", re.IGNORECASE)


def plain(answer: str) -> str:
    """Return the text of an answer without its citation marks, which mean nothing outside it."""
    return _MARK.sub("", answer).strip()


def condense(question: str, history: Sequence[Turn]) -> str:
    """Return the question with what it refers to in earlier turns filled in."""
    before = ""
    for index, turn in enumerate(history):
        before = _resolve(turn.question, before, history[:index])
    return _resolve(question, before, history)


def keeps(written: str, question: str, by_rules: str, history: Sequence[Turn]) -> bool:
    """Return whether a model's rewritten question keeps the question's words and adds only its context.

    It must have one of the words that the rules added, if any, and no word from outside the conversation.
    """
    context = " ".join([question, by_rules, *(f"{turn.question} {plain(turn.answer)}" for turn in history)])
    asked, ruled, rewritten, known = map(content_stems, (question, by_rules, written, context))
    added = ruled - asked
    return (
        bool(written)
        and len(written.splitlines()) == 1
        and numbers(question) <= numbers(written) <= numbers(context)
        and asked <= rewritten <= known
        and (not added or bool(added & rewritten))
    )


def _resolve(question: str, before: str, history: Sequence[Turn]) -> str:
    question = question.strip()
    if not history or not question:
        return question
    rest = _OPENING.sub("", question, count=1).strip() or question
    if _BARE.match(rest):
        subject = _subject(before, rest)
        return f"{rest.rstrip('? ').capitalize()} ({subject})?" if subject else question
    if not _ASKS.match(rest) and words(rest) and (rest != question or _is_fragment(rest)):
        return _transfer(rest.rstrip("?!. "), before)
    return _replace(rest[0].upper() + rest[1:], before, history)


def _is_fragment(rest: str) -> bool:
    """Return whether a few words are a follow-up by themselves: a name, a time, "by whom"."""
    few = rest.rstrip("?!. ")
    named = runs(f"the {few}") == [few] or _ORDINAL.search(few) or _TIME.search(few)
    return len(few.split()) <= 4 and bool(named or _LINKED.match(few))


def _transfer(fragment: str, before: str) -> str:
    """Return the previous question with its time, ordinal or first name replaced by the fragment's."""
    time, old_time = _TIME.search(fragment), _TIME.search(before)
    if time and old_time and len(time.group()) >= len(fragment) - 4:
        return before[: old_time.start()] + fragment + before[old_time.end() :]
    name = re.sub(r"^(?:the|in|for|by|from|to|of|with)\s+", "", fragment, flags=re.IGNORECASE)
    if _ORDINAL.search(name) and (old := _ORDINAL.search(before)):
        return before[: old.start()] + name + before[old.end() :]
    if not time and runs(before) and runs(f"the {name}") == [name]:
        return before.replace(runs(before)[0], name, 1)
    return f"{before.rstrip('?! ')} {fragment}?"


def _replace(question: str, before: str, history: Sequence[Turn]) -> str:
    older = [text for turn in reversed(history[:-1]) for text in (turn.question, plain(turn.answer))]
    texts = [before, plain(history[-1].answer), *older]
    person = next((name for sure in (True, False) for text in texts for name in _people(text, sure)), "")
    if (found := _HE.search(question)) and person:
        return _insert_name(question, found, person)
    place = next((name for text in texts for name in _places(text)), "")
    if (found := _THERE.search(question)) and place:
        return _insert_name(question, found, f"in {place}")
    if _IT.search(question) or _HE.search(question) or _THERE.search(question):
        subject = _subject(before, question)
        return f"{question.rstrip('?! ')} ({subject})?" if subject else question
    return question


def _insert_name(question: str, found: re.Match[str], name: str) -> str:
    pronoun, after = found.group().lower(), question[found.end() :]
    is_possessive = pronoun in ("his", "hers") or (pronoun == "her" and re.match(r"\s+[a-z]", after))
    return f"{question[: found.start()]}{name}{'’s' if is_possessive else ''}{after}"


def _people(text: str, sure: bool) -> list[str]:
    """Return names that may be people: the `sure` ones (after a title, or two words), or else the others."""

    def is_sure(run: str) -> bool:
        ahead = text[: text.find(run)].rstrip()[-20:]
        titled = re.search(_PERSON_TITLE.pattern + r"$", ahead, re.IGNORECASE)
        return bool(titled) or (" " in run and not _PLACE_BEFORE.search(ahead + " "))

    candidates = [run for run in runs(text) if not run.isupper() and not _NOT_A_PERSON.search(run)]
    return [run for run in candidates if is_sure(run) is sure]


def _places(text: str) -> list[str]:
    return [run for run in runs(text) if _PLACE_BEFORE.search(text[: text.find(run)])]


def _subject(before: str, question: str) -> str:
    """Return the content words of the previous question that the new one lacks, as written."""
    written = {fold(word).removesuffix("'s"): word for word in re.findall(r"\w[\w’'-]*", before)}
    held = set(content_words(question))
    return " ".join(written.get(word, word) for word in content_words(before) if word not in held)
