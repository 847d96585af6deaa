"""What a claim says that its source does not support, described in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import takewhile

from rag.text.names import absent, base
from rag.text.numbers import Number
from rag.text.tokens import AUXILIARIES
from rag.text.vocabulary import STOPWORDS
from rag.text.words import words
from rag.verification.alignment import changed_places, replaced
from rag.verification.claims import Claims
from rag.verification.lexicon import ORDINALS, RELATIVE_DAYS, SAYING, SWEEPING, lemma, opposites
from rag.verification.recombination import wrongly_joined

_ROUGHLY = 0.1  # share by which "about" may be off
COUNTED = 3  # content words after a number that say what it counts
NEARLY_SAME = 2  # words by which two nearly equal texts differ at most
_SWEEPING = frozenset(map(lemma, SWEEPING))
_SAYING = frozenset(map(lemma, SAYING))
_PRESENT, _PAST = frozenset(("is", "are")), frozenset(("was", "were"))
_ORDINALS = frozenset(map(lemma, ORDINALS))
_DAYS = frozenset(map(lemma, RELATIVE_DAYS))
_SHARES = re.compile(
    r"\b(?:(much|most|many|some|parts?|half|several|few|majority|minority|one|two|three)"
    r" of (?:the |its |their |his |her |these |those )?|(most|many|some|several|few) )(\w+)",
    re.IGNORECASE,
)
Moment = tuple[str, str, str]


def find_contradictions(claim: Claims, source: Claims, context: Claims) -> tuple[str, ...]:
    """Return what the source does not support; names, years and quotes may also be in the context."""
    found = [
        *_wrong_numbers(claim, source),
        *_wrong_moments(claim, source, context),
        *_wrong_names(claim, source, context),
        *_wrong_quotes(claim, context),
        *_wrong_modifiers(claim, source),
        *_wrong_words(claim, source),
        *_wrong_shares(claim, source),
        *_wrong_tense(claim, source),
    ]
    return tuple(dict.fromkeys(found or _wrong_roles(claim, source)))


def _wrong_numbers(claim: Claims, source: Claims) -> Iterator[str]:
    dated = {float(part) for moment in claim.moments for part in moment if part}
    for number in claim.numbers:
        if number.value in dated:
            continue
        if number.value == 1 and number.written.isalpha():
            yield from _wrong_one(number, source)
            continue
        same = [other for other in source.numbers if _agree(number, other)]
        if not same:
            yield f"the number {number.written}"
        elif not any(_count_alike(number, other, source) for other in same):
            yield f"what {number.written} counts"


def _wrong_one(number: Number, source: Claims) -> Iterator[str]:
    """Yield "one" if the source counts the same thing differently: "one ship" for "two ships"."""
    kept = set(_counted(number)[:1])
    rivals = [other for other in source.numbers if kept & set(_counted(other)[:2])]
    if rivals and all(other.value != 1 for other in rivals):
        yield f"the number {number.written}"


def _agree(number: Number, other: Number) -> bool:
    """Return whether a claimed number follows from another: "over 9,000" doesn't follow from "9,000"."""
    if not (number.is_amount and other.is_amount):
        return number.figure == other.figure
    one, two = number.value, other.value
    if number.hedge == "about":
        return abs(one - two) <= _ROUGHLY * max(one, two)
    if one != two:
        rounded = 0 < abs(one - two) <= _ROUGHLY * max(one, two) and not other.hedge
        return rounded and number.hedge == ("over" if two > one else "under")
    return number.hedge == other.hedge or (not number.hedge and other.hedge in {"over", "about"})


def _count_alike(number: Number, other: Number, source: Claims) -> bool:
    """Return whether two equal numbers have the same unit or, without units, may count the same thing."""
    if number.unit or other.unit:
        return number.unit == other.unit
    mine, theirs = set(_counted(number)), set(_counted(other))
    if not mine or not theirs or mine & theirs:
        return True
    rivals = [rival for rival in source.numbers if rival.figure != number.figure]
    return not any(set(_counted(number)[:2]) & set(_counted(rival)[:2]) for rival in rivals)


def _counted(number: Number) -> list[str]:
    """Return the lemmas of the first content words after a number, up to a verb."""
    beside = takewhile(lambda word: word not in AUXILIARIES, number.after)
    return [lemma(word) for word in beside if word not in STOPWORDS][:COUNTED]


def _wrong_moments(claim: Claims, source: Claims, context: Claims) -> Iterator[str]:
    for moment in claim.moments:
        if any(_supports_date(moment, other, context) for other in source.moments):
            continue
        yield f"the date {'-'.join(part for part in moment if part)}"


def _supports_date(moment: Moment, other: Moment, context: Claims) -> bool:
    """Return whether a date of the source supports a claimed one; its year may be in the context."""
    if any(a and b and a != b for a, b in zip(moment, other, strict=True)):
        return False
    lacking = [bool(a and not b) for a, b in zip(moment, other, strict=True)]
    if lacking[1] or lacking[2]:
        return False
    years = {year for year, _, _ in context.moments if year}
    return not lacking[0] or years == {moment[0]}


def _wrong_names(claim: Claims, source: Claims, context: Claims) -> Iterator[str]:
    wanted = list(claim.names)
    opening = claim.opening
    if opening and opening not in wanted:
        wanted.insert(0, opening)
    together = "".join(words(context.text))
    for name in absent(wanted, set(source.forms | context.forms)):
        if len(name) < 6 or "".join(words(name)) not in together:
            yield f"the name {name}"
    for run in claim.runs:
        first, last = run.split()[0], run.split()[-1]
        others = _given_names(last, source, context)
        if first != last and others and base(words(first)[0]) not in others:
            yield f"the name {run}"


def _given_names(last: str, source: Claims, context: Claims) -> set[str]:
    """Return the base forms of the words before a last name in the names that end in it."""
    found: set[str] = set()
    for run in (*source.runs, *context.runs):
        parts = run.split()
        if len(parts) > 1 and base(words(parts[-1])[0]) == base(words(last)[0]):
            found |= {base(word) for part in parts[:-1] for word in words(part)}
    return found


def _wrong_quotes(claim: Claims, context: Claims) -> Iterator[str]:
    plain = f" {' '.join(words(context.text))} "
    for quote in claim.quotes:
        if f" {' '.join(words(quote))} " not in plain:
            yield f"the quote “{quote}”"


def _wrong_modifiers(claim: Claims, source: Claims) -> Iterator[str]:
    """Yield denials, doubts and plans that only one of the two has about the same word."""
    for modifier in source.modifiers:
        head = modifier.scope[0] if modifier.scope else ""
        plain = claim.order.count(head) - _modified(head, modifier.kind, claim)
        if plain > source.order.count(head) - _modified(head, modifier.kind, source):
            yield f"“{_written(head, claim)}”, where the paragraph says “{modifier.word}”"
    for modifier in claim.modifiers:
        head = modifier.scope[0] if modifier.scope else ""
        there = _modified(head, modifier.kind, source)
        if any(other.kind == modifier.kind and not other.scope for other in source.modifiers):
            continue  # of a table row: "State: promised"
        new = lemma(modifier.word) not in source.words and not there
        if modifier.kind != "can" and (
            new or (head in source.content and _modified(head, modifier.kind, claim) > there)
        ):
            yield f"“{modifier.word}”"
    if len(claim.content ^ source.content) <= NEARLY_SAME:
        yield from _miscounted(claim, source)


def _miscounted(claim: Claims, source: Claims) -> Iterator[str]:
    """Yield the kinds of modifiers that two nearly equal texts use a different number of times."""
    mine = Counter(modifier.kind for modifier in claim.modifiers)
    theirs = Counter(
        modifier.kind
        for modifier in source.modifiers
        if not modifier.scope or modifier.scope[0] in claim.content
    )
    for kind in sorted(set(mine) | set(theirs)):
        if mine[kind] != theirs[kind]:
            yield f"more or less often “{kind}” than in the paragraph"


def _modified(head: str, kind: str, claims: Claims) -> int:
    """Return how often a word is denied or weakened in this way."""
    return sum(modifier.kind == kind and head in modifier.scope[:2] for modifier in claims.modifiers)


def _wrong_words(claim: Claims, source: Claims) -> Iterator[str]:
    """Yield sweeping words, ordinals and relative days that the source lacks, and opposites of its words."""
    for listed in (_SWEEPING, _ORDINALS, _DAYS):
        for word in sorted((claim.words & listed) - source.words):
            yield f"“{_written(word, claim)}”"
    for word in sorted(claim.words & opposites().keys()):
        for side, against in opposites()[word]:
            reversed_meaning = not source.words & side and source.words & against
            if reversed_meaning or (
                _count(side, claim) > _count(side, source)
                and _count(against, claim) < _count(against, source)
            ):
                yield f"“{_written(word, claim)}”, where the paragraph says the opposite"


def _wrong_shares(claim: Claims, source: Claims) -> Iterator[str]:
    """Yield wholes where the source names only a part: "much of Friesland" doesn't support "Friesland"."""
    for of, bare, whole in _SHARES.findall(source.text):
        share = of or bare
        if (
            lemma(next(iter(words(whole)), "")) in claim.content
            and lemma(share.casefold()) not in claim.words
        ):
            yield f"“{whole}”, where the paragraph says “{share} of” it"


def _wrong_tense(claim: Claims, source: Claims) -> Iterator[str]:
    """Yield a present tense for a past one: "is" for "was", "belongs" for "belonged"."""
    mine, there = set(words(claim.text)), set(words(source.text))
    if mine & _PRESENT and there & _PAST and not there & _PRESENT:
        yield f"“{min(mine & _PRESENT)}”, where the paragraph says “{min(there & _PAST)}”"
    past = {
        lemma(token.text): token.text for line in source.tokens for token in line if token.text.endswith("ed")
    }
    for token in claim.tokens[0]:
        was = past.get(lemma(token.text))
        if was and token.text.endswith("s") and token.text not in source.text:
            yield f"“{token.text}”, where the paragraph says “{was}”"


def _count(listed: frozenset[str], claims: Claims) -> int:
    return sum(word in listed for word in claims.order)


def _wrong_roles(claim: Claims, source: Claims) -> Iterator[str]:
    """Yield swapped actors and objects, and words in the wrong place or role."""
    for who, did, whom in claim.acts:
        if who != whom and (whom, did, who) in source.acts and (who, did, whom) not in source.acts:
            yield f"who did what: “{_written(did, claim)}”"
    agreed = {frozenset((who, whom)) for who, _, whom in claim.acts & source.acts}
    for one, other in changed_places(claim, source):
        if frozenset((one.forms[-1], other.forms[-1])) not in agreed:
            yield f"“{one.text}” and “{other.text}” have changed places"
    for one, other in replaced(claim, source):
        yield f"“{one.text}”, where the paragraph has “{other.text}”"
    yield from _wrong_subject(claim, source)
    yield from wrongly_joined(claim.tokens[0], source.tokens)
    mentioned = {base(word) for word in words(claim.text)}
    for path, name in claim.roles - source.roles:
        rivals = {other for where, other in source.roles if where == path}
        if rivals & mentioned and name in source.forms:
            yield f"“{path} {name}”"


def _wrong_subject(claim: Claims, source: Claims) -> Iterator[str]:
    """Yield a statement moved to another subject: to a country's industry, or to whoever reported it."""
    nearest = max(source.lines, key=lambda line: sum(not claim.words.isdisjoint(word.forms) for word in line))
    one, other = claim.subjects[0], source.subjects[source.lines.index(nearest)]
    if one is None or other is None:
        return
    there = {form for word in nearest for form in word.forms}
    if not one.head.kind and other.head.kind != "number" and there.isdisjoint(one.head.forms):
        yield f"“{one.head.text}”, where the paragraph has “{other.head.text}”"
    same = not set(one.head.forms).isdisjoint(other.head.forms)
    if same and other.verb in _SAYING and other.verb not in claim.words:
        yield f"“{one.verb}”, where the paragraph has “{other.verb}”"


def _written(word: str, claims: Claims) -> str:
    """Return a lemma as the text writes it."""
    return next((other for other in words(claims.text) if lemma(other) == word), word)
