"""What a sentence says that the words it is checked against do not bear out, in words."""

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
from rag.verification.recombination import torn

_ROUGHLY = 0.1  # by so much "about" may miss
COUNTED = 3  # content words after a number that say what it counts
ALIKE = 2  # words by which two texts may differ that are nearly the same
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


def faults(said: Claims, held: Claims, around: Claims) -> tuple[str, ...]:
    """What `said` claims and `held` does not; names, years and quotes may stand in what is `around`."""
    found = [
        *_wrong_numbers(said, held),
        *_wrong_moments(said, held, around),
        *_wrong_names(said, held, around),
        *_wrong_quotes(said, around),
        *_wrong_shades(said, held),
        *_wrong_words(said, held),
        *_wrong_shares(said, held),
        *_wrong_tense(said, held),
    ]
    return tuple(dict.fromkeys(found or _wrong_sides(said, held)))


def _wrong_numbers(said: Claims, held: Claims) -> Iterator[str]:
    dated = {float(part) for moment in said.moments for part in moment if part}
    for number in said.numbers:
        if number.value in dated:
            continue
        if number.value == 1 and number.written.isalpha():
            yield from _wrong_one(number, held)
            continue
        same = [other for other in held.numbers if _agree(number, other)]
        if not same:
            yield f"the number {number.written}"
        elif not any(_count_alike(number, other, held) for other in same):
            yield f"what {number.written} counts"


def _wrong_one(number: Number, held: Claims) -> Iterator[str]:
    """ "One ship" where the text has two."""
    kept = set(_counted(number)[:1])
    rivals = [other for other in held.numbers if kept & set(_counted(other)[:2])]
    if rivals and all(other.value != 1 for other in rivals):
        yield f"the number {number.written}"


def _agree(number: Number, other: Number) -> bool:
    """Return whether a number as claimed follows from another: "over 9,000" does not from a plain 9,000."""
    if not (number.is_amount and other.is_amount):
        return number.figure == other.figure
    one, two = number.value, other.value
    if number.hedge == "about":
        return abs(one - two) <= _ROUGHLY * max(one, two)
    if one != two:
        rounded = 0 < abs(one - two) <= _ROUGHLY * max(one, two) and not other.hedge
        return rounded and number.hedge == ("over" if two > one else "under")
    return number.hedge == other.hedge or (not number.hedge and other.hedge in {"over", "about"})


def _count_alike(number: Number, other: Number, held: Claims) -> bool:
    """Return whether two equal numbers count the same, in one unit, and not what another number counts."""
    if number.unit or other.unit:
        return number.unit == other.unit
    mine, theirs = set(_counted(number)), set(_counted(other))
    if not mine or not theirs or mine & theirs:
        return True
    rivals = [rival for rival in held.numbers if rival.figure != number.figure]
    return not any(set(_counted(number)[:2]) & set(_counted(rival)[:2]) for rival in rivals)


def _counted(number: Number) -> list[str]:
    """Return the lemmas of the first content words after a number, up to a verb."""
    beside = takewhile(lambda word: word not in AUXILIARIES, number.after)
    return [lemma(word) for word in beside if word not in STOPWORDS][:COUNTED]


def _wrong_moments(said: Claims, held: Claims, around: Claims) -> Iterator[str]:
    for moment in said.moments:
        if any(_is_told(moment, other, around) for other in held.moments):
            continue
        yield f"the date {'-'.join(part for part in moment if part)}"


def _is_told(moment: Moment, other: Moment, around: Claims) -> bool:
    """Whether a time of the text bears out a time as said; a year that it leaves out may stand around it."""
    if any(a and b and a != b for a, b in zip(moment, other, strict=True)):
        return False
    lacking = [bool(a and not b) for a, b in zip(moment, other, strict=True)]
    if lacking[1] or lacking[2]:
        return False
    years = {year for year, _, _ in around.moments if year}
    return not lacking[0] or years == {moment[0]}


def _wrong_names(said: Claims, held: Claims, around: Claims) -> Iterator[str]:
    wanted = list(said.names)
    opening = said.opening
    if opening and opening not in wanted:
        wanted.insert(0, opening)
    together = "".join(words(around.text))
    for name in absent(wanted, set(held.forms | around.forms)):
        if len(name) < 6 or "".join(words(name)) not in together:
            yield f"the name {name}"
    for run in said.runs:
        first, last = run.split()[0], run.split()[-1]
        others = _given_names(last, held, around)
        if first != last and others and base(words(first)[0]) not in others:
            yield f"the name {run}"


def _given_names(last: str, held: Claims, around: Claims) -> set[str]:
    """The base forms of what stands with a last name in the runs of names that end in it."""
    found: set[str] = set()
    for run in (*held.runs, *around.runs):
        parts = run.split()
        if len(parts) > 1 and base(words(parts[-1])[0]) == base(words(last)[0]):
            found |= {base(word) for part in parts[:-1] for word in words(part)}
    return found


def _wrong_quotes(said: Claims, around: Claims) -> Iterator[str]:
    plain = f" {' '.join(words(around.text))} "
    for quote in said.quotes:
        if f" {' '.join(words(quote))} " not in plain:
            yield f"the quote “{quote}”"


def _wrong_shades(said: Claims, held: Claims) -> Iterator[str]:
    """A denial, a doubt or a plan that one has and the other has not, about the same word."""
    for shade in held.shades:
        head = shade.scope[0] if shade.scope else ""
        plain = said.order.count(head) - _shaded(head, shade.kind, said)
        if plain > held.order.count(head) - _shaded(head, shade.kind, held):
            yield f"“{_written(head, said)}”, where the paragraph says “{shade.word}”"
    for shade in said.shades:
        head = shade.scope[0] if shade.scope else ""
        there = _shaded(head, shade.kind, held)
        if any(other.kind == shade.kind and not other.scope for other in held.shades):
            continue  # of a table: "State: promised"
        new = lemma(shade.word) not in held.words and not there
        if shade.kind != "can" and (
            new or (head in held.content and _shaded(head, shade.kind, said) > there)
        ):
            yield f"“{shade.word}”"
    if len(said.content ^ held.content) <= ALIKE:
        yield from _miscounted(said, held)


def _miscounted(said: Claims, held: Claims) -> Iterator[str]:
    """Denials and doubts of which two texts of nearly the same words have not equally many."""
    mine = Counter(shade.kind for shade in said.shades)
    theirs = Counter(shade.kind for shade in held.shades if not shade.scope or shade.scope[0] in said.content)
    for kind in sorted(set(mine) | set(theirs)):
        if mine[kind] != theirs[kind]:
            yield f"more or less often “{kind}” than in the paragraph"


def _shaded(head: str, kind: str, claims: Claims) -> int:
    """How often a word is denied or weakened in this way."""
    return sum(shade.kind == kind and head in shade.scope[:2] for shade in claims.shades)


def _wrong_words(said: Claims, held: Claims) -> Iterator[str]:
    """Sweeping words, ordinals and relative days that are not there, and opposites of what is."""
    for listed in (_SWEEPING, _ORDINALS, _DAYS):
        for word in sorted((said.words & listed) - held.words):
            yield f"“{_written(word, said)}”"
    for word in sorted(said.words & opposites().keys()):
        for side, against in opposites()[word]:
            turned = not held.words & side and held.words & against
            if turned or (
                _count(side, said) > _count(side, held) and _count(against, said) < _count(against, held)
            ):
                yield f"“{_written(word, said)}”, where the paragraph says the opposite"


def _wrong_shares(said: Claims, held: Claims) -> Iterator[str]:
    """The whole of what is told of a part: "much of Friesland is flat" is no "Friesland is flat"."""
    for of, bare, whole in _SHARES.findall(held.text):
        share = of or bare
        if lemma(next(iter(words(whole)), "")) in said.content and lemma(share.casefold()) not in said.words:
            yield f"“{whole}”, where the paragraph says “{share} of” it"


def _wrong_tense(said: Claims, held: Claims) -> Iterator[str]:
    """What was, said to be: "is" for "was", "belongs" for "belonged"."""
    mine, there = set(words(said.text)), set(words(held.text))
    if mine & _PRESENT and there & _PAST and not there & _PRESENT:
        yield f"“{min(mine & _PRESENT)}”, where the paragraph says “{min(there & _PAST)}”"
    past = {
        lemma(token.text): token.text for line in held.tokens for token in line if token.text.endswith("ed")
    }
    for token in said.tokens[0]:
        was = past.get(lemma(token.text))
        if was and token.text.endswith("s") and token.text not in held.text:
            yield f"“{token.text}”, where the paragraph says “{was}”"


def _count(listed: frozenset[str], claims: Claims) -> int:
    return sum(word in listed for word in claims.order)


def _wrong_sides(said: Claims, held: Claims) -> Iterator[str]:
    """Who did what turned round, and names that changed places after "from", "to", "by"."""
    for who, did, whom in said.acts:
        if who != whom and (whom, did, who) in held.acts and (who, did, whom) not in held.acts:
            yield f"who did what: “{_written(did, said)}”"
    agreed = {frozenset((who, whom)) for who, _, whom in said.acts & held.acts}
    for one, other in changed_places(said, held):
        if frozenset((one.forms[-1], other.forms[-1])) not in agreed:
            yield f"“{one.text}” and “{other.text}” have changed places"
    for one, other in replaced(said, held):
        yield f"“{one.text}”, where the paragraph has “{other.text}”"
    yield from _wrong_subject(said, held)
    yield from torn(said.tokens[0], held.tokens)
    mentioned = {base(word) for word in words(said.text)}
    for path, name in said.roles - held.roles:
        rivals = {other for where, other in held.roles if where == path}
        if rivals & mentioned and name in held.forms:
            yield f"“{path} {name}”"


def _wrong_subject(said: Claims, held: Claims) -> Iterator[str]:
    """What is told of one thing, said of another: of a land's industry, or of who told it."""
    nearest = max(held.lines, key=lambda line: sum(not said.words.isdisjoint(word.forms) for word in line))
    one, other = said.subjects[0], held.subjects[held.lines.index(nearest)]
    if one is None or other is None:
        return
    there = {form for word in nearest for form in word.forms}
    if not one.head.kind and other.head.kind != "number" and there.isdisjoint(one.head.forms):
        yield f"“{one.head.text}”, where the paragraph has “{other.head.text}”"
    same = not set(one.head.forms).isdisjoint(other.head.forms)
    if same and other.verb in _SAYING and other.verb not in said.words:
        yield f"“{one.verb}”, where the paragraph has “{other.verb}”"


def _written(word: str, claims: Claims) -> str:
    """A word as the text has it, of which the lemma is given."""
    return next((other for other in words(claims.text) if lemma(other) == word), word)
