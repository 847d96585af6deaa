"""Words that deny, weaken, plan or attribute a statement, and the words that they apply to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.text.tokens import Token
from rag.text.words import words
from rag.verification.lexicon import ABLE, ALMOST, CONDITIONAL, DENYING, PLANNING, REPORTING, SUPPOSING, lemma

SCOPE = 3  # content words that a modifier applies to


@dataclass(frozen=True, slots=True)
class Modifier:
    """A word that denies, supposes, plans or conditions ("not", "may", "if"), and what it applies to."""

    kind: str
    word: str
    scope: tuple[str, ...]


_KINDS = (
    ("not", DENYING),
    ("maybe", SUPPOSING),
    ("reported", REPORTING),
    ("almost", ALMOST),
    ("planned", PLANNING),
    ("can", ABLE),
    ("if", CONDITIONAL),
)
_CONDITIONS = frozenset(("if", "unless"))
_MODIFYING = {lemma(word): kind for kind, listed in _KINDS for word in listed}


def read_modifiers(tokens: Sequence[Token]) -> Iterator[Modifier]:
    """Yield the modifiers among these words, and attributions such as "according to"."""
    for at, token in enumerate(tokens):
        if _is_planned(tokens, at):
            yield Modifier("planned", f"{token.text} to", tuple(_scope(tokens, at + 2)))
        if _is_attribution(tokens, at):
            yield Modifier(
                "reported", token.text.casefold(), tuple(_scope(tokens, _start_of_claim(tokens, at)))
            )
        if token.text.casefold() in _CONDITIONS:
            yield Modifier("if", token.text.casefold(), tuple(_scope(tokens, _start_of_claim(tokens, at))))
        kind = _MODIFYING.get(lemma(token.text.casefold()))
        if kind is None or token.kind == "month" or (token.kind == "name" and token.text != "NOT"):
            continue
        if kind == "planned" and _is_thing(tokens, at):
            continue
        aside = at + 1 < len(tokens) and tokens[at + 1].kind == "comma"
        scope = tuple(_scope(tokens, at + 1 + aside))
        if kind == "reported" and not scope:  # "It sank, the ministry claimed."
            scope = tuple(_scope(tokens, 0))
        yield Modifier(kind, token.text.casefold(), scope)


def _is_attribution(tokens: Sequence[Token], at: int) -> bool:
    """Return whether "according to", "reports that" or "reports of" begins here."""
    here, after = ([*(token.text.casefold() for token in tokens[at : at + 2]), ""])[:2]
    return (here, after) == ("according", "to") or (here in {"report", "reports"} and after in {"that", "of"})


def _start_of_claim(tokens: Sequence[Token], at: int) -> int:
    """Return where the words with this attribution or condition begin: after its comma, or at the start."""
    if tokens[at].text.casefold() in {"report", "reports"}:
        return at + 2
    comma = next((end for end in range(at, len(tokens)) if tokens[end].kind == "comma"), None)
    opens = at == 0 or tokens[at - 1].kind in {"comma", "conj"}
    return comma + 1 if comma and opens else 0


def _is_planned(tokens: Sequence[Token], at: int) -> bool:
    """Return whether "is to" or "are to" begins here, as in "is to spend"."""
    return [token.text.casefold() for token in tokens[at : at + 2]] in [["is", "to"], ["are", "to"]]


def _is_thing(tokens: Sequence[Token], at: int) -> bool:
    """Return whether "order" is "an order that …" and not "order to …"."""
    after = tokens[at + 1].text.casefold() if at + 1 < len(tokens) else ""
    return at > 0 and tokens[at - 1].kind == "det" and after != "to"


def _scope(tokens: Sequence[Token], at: int) -> Iterator[str]:
    """Yield the next content words of the clause, without adverbs and other modifiers."""
    taken = 0
    for token in tokens[at:]:
        if token.kind in {"end", "comma"} or taken == SCOPE:
            return
        word = lemma(next(iter(words(token.text)), ""))
        if token.content and token.kind != "adv" and word not in _MODIFYING:
            taken += 1
            yield word
