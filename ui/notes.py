"""What to know of an answer beside its text, and of an ingestion beside its counts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag import Answer, Citation, Evidence, IngestReport, Statement
from ui.words import either, number, t

NAMED = 5  # documents whose files are gone
NOT_FOUND = "I couldn't find this in your documents."
# What rag/ writes, as the page says it in the reader's language.
OURS = (
    "Ask a question in words.",
    "Hello! Ask me anything about your documents, for example:",
    "You're welcome.",
    NOT_FOUND,
    f"{NOT_FOUND} None of them is dated {{day}} or earlier.",
    "counted over {rows} rows",
    "largest {name} of {rows} rows",
    "smallest {name} of {rows} rows",
    "of the first {read} of {total} documents only",
    "of the first {read} of {total} paragraphs only",
    "recognised, {confidence}",
)


def ours(text: str) -> str:
    """Return a text in the reader's language if it is one of `OURS`, else as it is."""
    for sentence in OURS:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(sentence))
        if found := re.fullmatch(pattern, text):
            return t(sentence, **found.groupdict())
    return text


def not_found(answer: Answer, scope: Sequence[str] = ()) -> str:
    """Return why there is no answer: words that no document mentions, or else not the nearest paragraphs.

    Limited to some documents, an answer's own words would say too much: they speak of all.
    """
    if not scope and not (answer.missing and answer.text.startswith(NOT_FOUND)):
        return ours(answer.text)
    nowhere = "" if scope else answer.text.partition(" The nearest paragraphs")[0]
    unknown = [word for word in answer.missing if f'"{word}"' in nowhere]
    others = [word for word in answer.missing if word not in unknown]
    told = [t("I couldn't find this in {names}.", names=", ".join(scope)) if scope else ours(NOT_FOUND)]
    if unknown:
        told.append(t("None of them mentions {words}.", words=_quoted(unknown)))
    if others:
        told.append(t("The nearest paragraphs don't mention {words}.", words=_quoted(others)))
    return " ".join(told)


def _quoted(words: Sequence[str]) -> str:
    return either([t("“{word}”", word=word) for word in words])


def unsure(answer: Answer) -> str:
    """Return that the answer may be beside the point, or ""."""
    return "" if answer.sure or answer.abstained else t("This may not answer your question.")


def notes(answer: Answer) -> list[str]:
    """Return what is unconfirmed, how it was computed, and which other editions are left out."""
    found = []
    if any(statement.caveat for statement in answer.statements):
        found.append(
            t("Unconfirmed: nothing in the cited paragraphs contradicts it, but no check found it there.")
        )
    if answer.computed:
        kind = t("Overview") if answer.kind == "overview" else t("Computed:")
        found.append(f"{kind} {ours(answer.computed)}.")
    if answer.older:
        found.append(t("Other editions left out: {names}.", names=", ".join(answer.older)))
    return found


def checked(answer: Answer, searched: int = 0, scope: Sequence[str] = ()) -> str:
    """Return what was read for an answer: the cited paragraphs, and how many documents were searched."""
    places = {(one.source, one.paragraph) for one in answer.citations}
    told = []
    if places and not answer.abstained:
        paragraphs = t("Checked against 1 paragraph", "Checked against {count} paragraphs", count=len(places))
        among = len({source for source, _ in places})
        told.append(f"{paragraphs} {t('in 1 document', 'in {count} documents', count=among)}")
    if not searched or not (told or answer.abstained):
        return told[0] if told else ""
    if scope:
        told.append(t("1 document searched", "{count} documents searched", count=searched))
    elif told:
        told.append(t("your only one searched", "all {count} searched", count=searched))
    else:
        told.append(t("your only document searched", "all {count} documents searched", count=searched))
    text = "; ".join(told)
    return text[:1].upper() + text[1:]


def standing(answer: Answer) -> str:
    """Return which statements are supported, quoted and unconfirmed; "" if all are quoted."""
    by_status: dict[str, list[str]] = {}
    for at, statement in enumerate(answer.statements, 1):
        by_status.setdefault(statement.status.value, []).append(str(at))
    if not by_status.keys() - {"quoted"}:
        return ""
    return " ".join(
        f"{status.capitalize()}: statement{'s' * (len(numbers) > 1)} {', '.join(numbers)}."
        for status, numbers in by_status.items()
    )


def how(statement: Statement, answer: Answer) -> str:
    """Return how far a statement is borne out by what it cites."""
    if statement.status == "supported":
        return t("Supported, says the verifier ({support})", support=number(round(statement.support, 2)))
    return t("Computed") if answer.computed else t(statement.status.capitalize())


_CHANGES = {
    "paragraph has changed": "This paragraph has changed since the answer.",
    "paragraph is gone": "This paragraph is no longer in the index.",
    "file has changed": "This file has changed since it was read. Update it in the library.",
    "file is gone": "This file is gone.",
}


def change(found: Citation | Evidence) -> str:
    """Return what happened to a cited paragraph since, as a sentence; "" if nothing."""
    return t(_CHANGES[found.changed]) if found.changed in _CHANGES else ""


def gone_note(report: IngestReport) -> str:
    """Return which documents' files are gone, or ""."""
    if not report.gone:
        return ""
    more = ["…"] if len(report.gone) > NAMED else []
    files = "file is" if len(report.gone) == 1 else "files are"
    documents = "1 document's" if len(report.gone) == 1 else f"{len(report.gone)} documents'"
    return f"{documents} {files} gone: {', '.join([*report.gone[:NAMED], *more])}"
