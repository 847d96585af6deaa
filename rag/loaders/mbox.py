"""Mailboxes: every mail, each below its subject."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from pathlib import PurePosixPath

from rag.errors import LoadError
from rag.loaders.eml import read_mail
from rag.loaders.paragraphs import Contents

_START = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\r\n\r\n))From [^\r\n]*\d{2}:\d{2}[^\r\n]*\r?\n")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)


def read(data: bytes, source: str, depth: int = 0) -> Contents:
    """Return the paragraphs of the mails in a mailbox that lies within `depth` other files."""
    before, *mails = _START.split(data.lstrip())
    if before.strip() or not mails:
        raise LoadError(source, 'is not a mailbox: it does not start with a line "From …"; export it again')
    messages = (message_from_bytes(_QUOTED.sub(rb"\1", mail), policy=policy.default) for mail in mails)
    read = [read_mail(message, source, depth) for message in messages]
    left_out = tuple(f"mail “{mail.title}”: {each}" for mail in read for each in mail.left_out)
    paragraphs = tuple(each for mail in read for each in mail.paragraphs)
    return Contents(paragraphs, PurePosixPath(source).stem, left_out=left_out)
