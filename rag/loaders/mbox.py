"""Mailboxes: every mail, each below its subject."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from rag.errors import LoadError
from rag.loaders import eml
from rag.loaders.limits import DEFAULT, Limits
from rag.loaders.paragraphs import Contents, RawParagraph

_START = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\r\n\r\n))From [^\r\n]*\d{2}:\d{2}[^\r\n]*\r?\n")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)


def read(data: bytes, source: str, limits: Limits = DEFAULT) -> Contents:
    """Return the paragraphs of the mails in a mailbox; a damaged mail costs only itself."""
    before, *mails = _START.split(data.lstrip())
    if before.strip() or not mails:
        raise LoadError(source, 'is not a mailbox: it does not start with a line "From …"; export it again')
    paragraphs: list[RawParagraph] = []
    left_out: list[str] = []
    for number, mail in enumerate(mails, start=1):
        try:
            contents = eml.read(_QUOTED.sub(rb"\1", mail), source, limits)
        except LoadError as error:
            left_out.append(f"mail {number} {error.problem}")
        else:
            paragraphs += contents.paragraphs
            left_out += [f"mail “{contents.title}”: {each}" for each in contents.left_out]
    return Contents(tuple(paragraphs), PurePosixPath(source).stem, left_out=tuple(left_out))
