"""E-mails: the subject, who wrote to whom, the text, then the attached files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage, Message, MIMEPart
from functools import partial

from rag.errors import LoadError
from rag.loaders import html, text
from rag.loaders.decoding import decode
from rag.loaders.limits import DEFAULT, Limits
from rag.loaders.members import Member, below, read_members
from rag.loaders.paragraphs import Contents, RawParagraph, is_blank
from rag.loaders.tables import table_row
from rag.types import Kind

# What the email package raises for headers that it can't read.
_MALFORMED = (ValueError, OverflowError, TypeError, LookupError, AttributeError, MessageError)
_NAMES = ("From", "To", "Cc", "Date")
_SIGNATURES = {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
_SUFFIXES = {"message/rfc822": ".eml", "text/plain": ".txt", "text/html": ".html", "text/csv": ".csv"}


def read(data: bytes, source: str, limits: Limits = DEFAULT) -> Contents:
    """Return the subject as a heading, the addresses and the date, the text, and the attachments."""
    within = limits.within(source)
    try:
        message = message_from_bytes(data, policy=policy.default)
        leaves = _leaves(message)
        text_parts = [part for part in leaves if _is_body(part)]
        attached = [part for part in leaves if part not in text_parts]
        attached = [part for part in attached if part.get_content_type() not in _SIGNATURES]
        attachments = read_members([_member(part) for part in attached], 2, within)
        paragraphs = (*_text(message, text_parts, source), *attachments.paragraphs)
    except _MALFORMED as error:
        raise LoadError(source, f"is damaged ({error}); save it again, or as .txt") from error
    return Contents(paragraphs, _header(message, "Subject"), _day(message), attachments.left_out)


def _text(message: EmailMessage, parts: Sequence[MIMEPart], source: str) -> Iterator[RawParagraph]:
    """Yield the subject, the addresses and the date, and the text of a mail."""
    fields = {name: value for name in _NAMES if (value := _header(message, name))}
    subject = _header(message, "Subject") or (f"Mail from {fields['From']}" if "From" in fields else "")
    if subject:
        yield RawParagraph(subject, Kind.HEADING, date=_day(message))
    if fields:
        yield table_row(list(fields), list(fields.values()))
    for part in parts:
        yield from below(_body(part, source), 1)


def _header(message: EmailMessage, name: str) -> str:
    """Return a header's text, the date in ISO form; "" if it is missing or can't be read."""
    try:
        value = message[name]
        moment = value.datetime if name == "Date" and value is not None else None
    except _MALFORMED:
        return ""
    if isinstance(moment, datetime):
        return moment.strftime("%Y-%m-%d %H:%M")
    return " ".join(str(value or "").split())


def _day(message: EmailMessage) -> date | None:
    """Return the day on which a mail was sent."""
    sent = _header(message, "Date")
    try:
        return date.fromisoformat(sent[:10])
    except ValueError:
        return None


def _leaves(part: MIMEPart) -> list[MIMEPart]:
    """Return the parts that are no containers; of alternative texts only the plain one, or else the last."""
    if part.get_content_maintype() != "multipart" or not part.is_multipart():
        return [part]
    groups = [_leaves(inner) for inner in part.iter_parts()]
    if part.get_content_type() != "multipart/alternative":
        return [leaf for group in groups for leaf in group]
    texts = [group for group in groups if any(map(_is_body, group))]
    plain = [group for group in texts if any(_is_plain(leaf) for leaf in group)]
    chosen = (plain or texts or [[]])[-1]
    return [leaf for group in groups for leaf in group if group is chosen or not _is_body(leaf)]


def _is_body(part: MIMEPart) -> bool:
    """Return whether a part is text to read in the mail itself."""
    named = part.get_filename() is not None or part.get_content_disposition() == "attachment"
    return part.get_content_type() in {"text/plain", "text/html"} and not named


def _is_plain(part: MIMEPart) -> bool:
    return _is_body(part) and part.get_content_type() == "text/plain" and bool(_payload(part).strip())


def _payload(part: MIMEPart) -> bytes:
    """Return a part's bytes; those of a forwarded mail as they were sent."""
    if part.get_content_type() == "message/rfc822" and isinstance(inner := part.get_payload(), list):
        return bytes(inner[0]) if inner and isinstance(inner[0], Message) else b""
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _body(part: MIMEPart, source: str) -> tuple[RawParagraph, ...]:
    """Return the paragraphs of a text in a mail."""
    content = decode(_payload(part), source, part.get_content_charset(""))
    if is_blank(content):
        return ()
    reader = html if part.get_content_type() == "text/html" else text
    # With a byte-order mark, as an HTML text may declare the encoding that it had in the mail.
    return tuple(
        _without_line(each) for each in reader.read(content.encode("utf-8-sig", "replace"), source).paragraphs
    )


def _without_line(paragraph: RawParagraph) -> RawParagraph:
    """Return the paragraph without its line, which counts from the start of the part, not of the file."""
    return replace(paragraph, line=None)


def _member(part: MIMEPart) -> Member:
    """Return the name and the content of an attachment."""
    kind = part.get_content_type()
    name = " ".join((part.get_filename() or "").split())
    return name or f"attachment{_SUFFIXES.get(kind, f' ({kind})')}", partial(_payload, part)
