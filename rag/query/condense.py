"""Rules that make a follow-up stand alone: what "he", "there", "that" or "and in 2023?" refer to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.text.folding import fold
from rag.text.names import runs
from rag.text.vocabulary import MONTHS, STOPWORDS
from rag.text.words import content_stems, lemma, words
from rag.types import Turn

_MARK = re.compile(r"\s*\[\d+\]")
_DO = "do|does|did|can|could|will|would|should|may|must"
_AUXILIARY = f"is|are|was|were|has|have|had|{_DO}"
_PLACED, _TIMED = "in|on|at|near|under", "before|after|during|since|until"
_PREPOSITION = f"{_PLACED}|{_TIMED}|by|for|from|with|to|about"
_DETERMINER = "the|a|an|my|our|your|his|her|its|their|this|that|these|those"
_ARTICLES = frozenset(_DETERMINER.split("|"))
_NO_NOUN_NEXT = frozenset("i you we they how most more very too".split())  # noqa: SIM905
_IN_FRAGMENT = frozenset(f"{_PREPOSITION}|{_DETERMINER}|of|and|one|it|them|all|both|other|same".split("|"))
_OPENING = re.compile(
    r"(?i)(?:(?:and|but|so|then|also|ok(?:ay)?|great|thank you|thanks?(?: for \w+)?|in that case)\b(?!-)"
    r"[\s,.!]*)*(?:(?:what|how) about\b\s*)?"
)
_BARE = re.compile(
    r"(?i)(why|when|where|who|how(?: \w+)?|\w+ (?:whom|what|when|which))(?: (?:not|so|exactly|else|then))?"
)
_COUNTED = re.compile(r"(?i)\b(?:which|what|many|much) $")
_CLAUSE = re.compile(r"(?i)[,.;?!]| - |\b(?:and|but|or|because|if|when|while)\b")
_ATTRIBUTE = re.compile(r"(?i)what(?:['’]s| is| are| was| were) (?:the|our|my) (?:\S+ ){1,3}?of ")
_REFERENCE = re.compile(
    r"(?i)\b(?:(?P<one>(?<=which )ones?)|(?P<owner>its|theirs?|his|hers|her(?= [a-z]))"
    r"|(?P<place>(?<!is )(?<!are )(?<!was )(?<!were )(?<!n.t )there(?! (?:is|are|was|were)\b))"
    rf"|(?:this|that|these|those) (?!(?:{_AUXILIARY}|{_PREPOSITION}|{_DETERMINER}|not|mean|\w+n[’']t)\b)"
    r"(?P<kind>[a-z]\w+)"
    r"|it(?! (?:true|possible|worth|safer?|better|normal|necessary|easy|hard|allowed|rains?|snows?|seems)\b)"
    r"|they|them|he|him|she|her|this|that|these|those)\b(?P<short>[’'](?:s|re)\b)?"
)
_MONTH = f"May|(?i:{'|'.join(month for month in MONTHS if month != 'may')})"
_TIME = rf"(?:(?i:in|on|by|{_TIMED}) )?(?:(?:{_MONTH}|\d{{1,2}})\b[ ,]*)*(?:(?:1[5-9]|20)\d\d|{_MONTH})"
# A fragment replaces a part of its shape: a time, an ordinal, a code, a number with its unit.
_ORDINAL, _CODE = (
    r"\d+(?:st|nd|rd|th)\b(?: [A-Z]\w+)*",
    r"[A-Za-z]{1,6}[-_]?\d[\w.-]*|\d+(?:\.\d+)+(?! ?[a-z]{1,6}\b)",
)
_SHAPES = [re.compile(rf"\b(?:{shape})\b") for shape in (_TIME, _ORDINAL, _CODE, r"\d[\d.,]*(?: ?[a-z]+)?")]


def plain(answer: str) -> str:
    """Return the text of an answer without its citation marks, which mean nothing outside it."""
    return _MARK.sub("", answer).strip()


def condense(question: str, history: Sequence[Turn]) -> str:
    """Return the question with what it refers to in earlier turns filled in."""
    before, subjects = "", list[str]()
    for index, turn in enumerate(history):
        before, subjects = _resolve(turn.question.strip(), before, subjects, history[:index])
    understood, _ = _resolve(question.strip(), before, subjects, history)
    return understood if _spoken(question) else question.strip()


def _spoken(question: str) -> str:
    """Return the question without "ok thanks, and" and its punctuation; "" if it asks nothing."""
    return _OPENING.sub("", question.strip(), count=1).strip().rstrip("?!. ")


def _resolve(
    question: str, before: str, subjects: list[str], history: Sequence[Turn]
) -> tuple[str, list[str]]:
    """Return the question standing alone, and the noun phrases that "it" may mean after it, likely first."""
    few = _spoken(question)
    if not before or not few:
        return (question, _subjects(question)) if few else (before, subjects)
    if bare := _BARE.fullmatch(few):
        return _ask_again(bare[1].capitalize(), before.rstrip("?!. "), subjects), subjects
    whole = question[question.index(few) :]
    asks = question.endswith("?") and len(few.split()) < 3 and bool(_phrases(few))
    if _is_fragment(few, whole != question or asks):
        moved = _transfer(_refer(few, subjects, history)[0], before[0].upper() + before[1:])
        return (moved, _subjects(moved) + subjects) if moved else (question, subjects)
    understood, meant = _refer(whole, subjects, history)
    if understood != question:
        understood = understood[0].upper() + understood[1:]
    return understood, [*meant, *_subjects(whole), *subjects]


def _is_fragment(few: str, opened: bool) -> bool:
    """Return whether a few words are no sentence, but a part to put into the previous question."""
    parts = fold(few).split()
    if len(parts) > 6 or any(part in STOPWORDS and part not in _IN_FRAGMENT for part in parts):
        return False
    return opened or parts[0] in _PREPOSITION.split("|") or any(shape.fullmatch(few) for shape in _SHAPES)


def _ask_again(asked: str, before: str, subjects: list[str]) -> str:
    """Return the previous question with another question word: "why?" after "When did he leave?"."""
    if found := re.match(rf"(?i)(?:(?:when|where|why|how) )?((?:{_AUXILIARY}) .+)", before):
        return f"{asked} {found[1][0].lower()}{found[1][1:]}?"
    if found := re.match(
        rf"(?i)(?:how many|how much|which|what) ?((?:\S+ ){{0,3}}?)((?:{_AUXILIARY}) .+)", before
    ):
        return f"{asked} {found[2]} {found[1]}".strip() + "?"
    return f"{asked} ({subjects[0] if subjects else before})?"


def _transfer(fragment: str, before: str) -> str:
    """Return the previous question with the fragment in place of the part most like it, or ""."""
    preposition, name = re.findall(rf"(?is)^(?:({_PREPOSITION}|of) )?(?:the )?(.+?)(?: ones?)?$", fragment)[0]
    for shape in _SHAPES:
        if shape.fullmatch(name) and (old := shape.search(before)):
            kept = re.match(rf"(?i)(?:{_PREPOSITION}) ", old.group())
            return _swap(
                before, old.span(), f"{preposition or kept.group().strip()} {name}" if kept else name
            )
    if preposition:
        return _transfer_link(preposition.lower(), fragment, before)
    if (named := runs(before)) and runs(f"the {name}") == [name]:
        return before.replace(named[0], name, 1)

    def likeness(span: tuple[int, int]) -> tuple[int, bool, bool, bool, int]:
        phrase = before[slice(*span)]
        shared = len(content_stems(phrase) & content_stems(name))
        same_article = _article(phrase) == _article(fragment)
        same_case = bool(runs(f"the {phrase}")) == bool(runs(f"the {name}"))
        return shared, not _COUNTED.search(before[: span[0]]), same_article, same_case, span[0]

    best = max(_phrases(before), key=likeness, default=(0, 0))
    is_like = any(best) and any(likeness(best)[:2]) and len(before.split()) <= 15
    return _swap(before, best, fragment) if is_like else ""


def _transfer_link(preposition: str, fragment: str, before: str) -> str:
    """Return the previous question with "on the legs" in place of "in the face", or at its end."""
    alike = next((group for group in (_PLACED, _TIMED) if preposition in group.split("|")), preposition)
    for start, end in reversed(_phrases(before)):
        old = re.search(rf"(?i)\b({alike}) $", before[:start])
        if old and (old[1] == preposition or bool(runs(before[start:end])) == bool(runs(fragment))):
            return _swap(before, (old.start(), end), fragment)
    return f"{before.rstrip('?!. ')} {fragment}?"


def _article(phrase: str) -> str:
    return next((word[0] for word in fold(phrase).split()[:1] if word in _ARTICLES), "")


def _swap(text: str, span: tuple[int, int], new: str) -> str:
    return f"{text[: span[0]]}{new}{text[span[1] :]}".rstrip("?!. ") + "?"


def _refer(question: str, subjects: list[str], history: Sequence[Turn]) -> tuple[str, list[str]]:
    """Return the question with its first pronoun replaced by what it means, and that phrase, if any."""
    found = next(filter(_points_back, _REFERENCE.finditer(question)), None)
    if not found:
        return question, []
    ahead, pronoun, end = question[: found.start()], found.group().lower(), found.end()
    texts = [text for turn in reversed(history) for text in (turn.question, plain(turn.answer))]
    meant = next(
        (subject for subject in subjects if _agrees(subject, pronoun)), subjects[0] if subjects else ""
    )
    if re.match("s?he|hi[ms]|her", pronoun) or (
        pronoun[:4] in ("they", "them", "thei") and texts[0].lower().startswith("who")
    ):
        meant = next(_people(texts), meant)
    if found["place"]:
        meant = next((name for text in texts for name in runs(text) if _is_place(name, text)), meant)
    if not meant:
        return question, []
    subject = meant
    if found["one"]:
        subject = re.sub(rf"(?i)^(?:{_DETERMINER}) ", "", meant)
    elif found["place"]:
        subject = f"at {meant}" if meant in subjects else f"in {meant}"
    elif found["owner"]:
        subject = meant + ("’" if meant.endswith("s") else "’s")
    elif found["short"]:
        subject = meant + (" are" if "re" in found["short"] else " is")
    elif (found["kind"] or (re.search(r"\bdo(?:es)? $", ahead) and not _spoken(question[end:]))) and (
        words(meant)[-1:] != [found["kind"]]
    ):
        subject = f"{found.group()} ({meant})"
    return f"{ahead}{subject}{question[end:]}", [meant]


def _points_back(found: re.Match[str]) -> bool:
    """Return whether a pronoun means something in an earlier question, not in its own."""
    ahead, after = found.string[: found.start()], found.string[found.end() :].strip("?!. ,")
    last = ahead.lower().split()[-1:] or ["about"]
    joins = found.group().lower().startswith("that") and after
    if joins and last[0] not in f"{_AUXILIARY}|{_PREPOSITION}|of|what|which|why|how|when|where".split("|"):
        return False
    return not (runs(ahead) if found["owner"] else _CLAUSE.search(ahead) and _subjects(ahead))


def _agrees(phrase: str, pronoun: str) -> bool:
    """Return whether a pronoun has the number of a noun in the phrase, or none, as "that"."""
    parts = re.split(rf" (?:of|{_PREPOSITION}) ", phrase.partition(" that ")[0])
    plural = [noun[-1] == "s" and lemma(noun) != noun for part in parts for noun in words(part)[-1:]]
    return pronoun[:4] in ("that", "this") or pronoun.startswith("th") in plural


def _people(texts: Sequence[str]) -> Iterator[str]:
    """Yield names that may be people, the likely ones first: two words or more, not after "in"."""
    texts = [texts[1], texts[0], *texts[2:]] if texts[0].lower().startswith("who") else texts
    found = [
        name for text in texts for name in runs(text) if not _is_place(name, text) and not name.isupper()
    ]
    yield from sorted(found, key=lambda name: " " not in name)


def _is_place(name: str, text: str) -> bool:
    return bool(re.search(rf"\b(?i:{_PLACED}|to|from) (?:the )?{re.escape(name)}", text))


def _subjects(question: str) -> list[str]:
    """Return the noun phrases of a question, the one it is about first."""
    spans = _phrases(question)
    if _ATTRIBUTE.match(question):
        spans.reverse()
    elif len(spans) > 1 and _COUNTED.search(question[: spans[0][0]]):
        spans = [*spans[1:], spans[0]]
    phrases = [question[start:end] for start, end in spans]
    linked = (
        re.match(rf" (?:of|{_PREPOSITION}) $", question[spans[0][1] : spans[1][0]])
        if len(spans) > 1
        else None
    )
    if linked and not _ATTRIBUTE.match(question):
        phrases.insert(0, question[spans[0][0] : spans[1][1]])
    counted = re.match(
        r"(?i)(?:how many|which) (\S+(?: \S+)?) (has|have|had|will|can) (.+)", question.rstrip("?!. ")
    )
    if counted and phrases and counted[3].startswith(phrases[0]):
        verb = f"{phrases[0]} {counted[2]}{counted[3].removeprefix(phrases[0])}"
        phrases.insert(0, f"the {counted[1]} that {verb}")
    return phrases


def _phrases(text: str) -> list[tuple[int, int]]:
    """Return where the noun phrases of a question are: its content words between function words and verbs."""
    found: list[tuple[int, int]] = []
    run: list[re.Match[str]] = []
    ahead = last = ""
    for token in re.finditer(r"[^\W_](?:[\w’'.-]*\w)?|[^\w\s]|$", text):
        word, is_lower = fold(token.group()), token.group().islower()
        is_content = word[:1].isalnum() and not set(re.split("[’']", word)) <= STOPWORDS
        is_past = is_lower and lemma(word) != word and word[-1] != "s" and last not in _ARTICLES
        is_after = last in _NO_NOUN_NEXT or (
            last in ("who", "what", "to")
            and (word[-1:] == "s") is (last != "to")
            and _can_be_verb(lemma(word))
        )
        is_base = (
            is_lower
            and bool(run)
            and last not in _ARTICLES
            and ahead in _DO.split("|")
            and _can_be_verb(word)
        )
        if is_content and not is_past and not is_after and not is_base:
            run.append(token)
        else:
            if run and fold(run[-1].group()) not in _ARTICLES and not run[-1].group().endswith("ly"):
                found.append((run[0].start(), run[-1].end()))
            run = [token] if word in _ARTICLES else []
            ahead = last if run else word
        last = word
    return found


def _can_be_verb(word: str) -> bool:
    bare = word.removesuffix("e")
    return any(lemma(form) != form for form in (word + "ed", bare + "ed", bare + "ing"))
