"""What to know of an answer beside its text, and of an ingestion beside its counts."""

from __future__ import annotations

from rag import Answer, Citation, Evidence, IngestReport, Statement

NAMED = 5  # documents whose files are gone


def notes(answer: Answer) -> list[str]:
    """Return what is unsure or unconfirmed, how it was computed, and which other editions are left out."""
    found = []
    if not (answer.sure or answer.abstained):
        found.append("Not sure that this answers your question.")
    if any(statement.caveat for statement in answer.statements):
        found.append(
            "Unconfirmed: nothing in the cited paragraphs contradicts it, but no check found it there."
        )
    if answer.computed:
        found.append(f"{'Overview' if answer.kind == 'overview' else 'Computed:'} {answer.computed}.")
    if answer.older:
        found.append(f"Other editions left out: {', '.join(answer.older)}.")
    return found


def standing(answer: Answer) -> str:
    """Return which statements are supported, quoted and unconfirmed; "" if all are quoted."""
    by_status: dict[str, list[str]] = {}
    for number, statement in enumerate(answer.statements, 1):
        by_status.setdefault(statement.status.value, []).append(str(number))
    if not by_status.keys() - {"quoted"}:
        return ""
    return " ".join(
        f"{status.capitalize()}: statement{'s' * (len(numbers) > 1)} {', '.join(numbers)}."
        for status, numbers in by_status.items()
    )


def how(statement: Statement, answer: Answer) -> str:
    """Return how far a statement is borne out by what it cites."""
    if statement.status == "supported":
        return f"Supported, says the verifier ({statement.support:.2f})"
    return "Computed" if answer.computed else statement.status.capitalize()


_CHANGES = {
    "paragraph has changed": "This paragraph has changed since the answer.",
    "paragraph is gone": "This paragraph is no longer in the index.",
    "file has changed": "This file has changed since it was read. Read it again.",
    "file is gone": "This file is gone.",
}


def change(found: Citation | Evidence) -> str:
    """Return what happened to a cited paragraph since, as a sentence; "" if nothing."""
    return _CHANGES.get(found.changed, "")


def gone_note(report: IngestReport) -> str:
    """Return which documents' files are gone, or ""."""
    if not report.gone:
        return ""
    more = ["…"] if len(report.gone) > NAMED else []
    files = "file is" if len(report.gone) == 1 else "files are"
    documents = "1 document's" if len(report.gone) == 1 else f"{len(report.gone)} documents'"
    return f"{documents} {files} gone: {', '.join([*report.gone[:NAMED], *more])}"
