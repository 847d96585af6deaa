"""What is said to the assistant without asking for a fact: a greeting, or "summarise the contract"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from rag.text.folding import fold
from rag.text.words import content_words


class RequestKind(StrEnum):
    """What is wanted."""

    GREETING = "greeting"
    THANKS = "thanks"
    LISTING = "listing"
    OVERVIEW = "overview"


@dataclass(frozen=True, slots=True)
class Request:
    """A request; an overview is of the documents that `about` describes, "" for all, as a listing is."""

    kind: RequestKind
    about: str = ""


_GREETING = re.compile(
    r"(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening)|greetings)(?: there| all| everyone)?"
    r"|(?:hi|hello|hey)?[,! ]*how are you"
)
_THANKS = re.compile(
    r"(?:ok(?:ay)?|great|perfect|cool|super)?[,! ]*(?:thanks?(?: you)?|thx|cheers|ta)"
    r"(?: (?:a lot|so much|very much))?"
    r"|ok(?:ay)?|great|perfect|bye|goodbye"
)
_DOCUMENTS = r"(?:documents?|files?|papers?|texts?|collection|library|index|corpus)"
_LISTING = re.compile(
    rf"\b(?:what|which|how many|list|show)\b.*\b{_DOCUMENTS} (?:do|can|are|have|is|did)\b.*"
    r"\b(?:you|there|here|loaded|indexed|available)\b"
    rf"|^(?:please )?(?:list|show|name)\b.*\b(?:the|your|all|my) {_DOCUMENTS}\b"
    r"|^what (?:do you know|can (?:you|i) (?:tell|help|do|answer|ask)\b.*|can i ask(?: you)?(?: about)?)$"
)
_ALL = re.compile(
    rf"\b(?:overview|summary|outline|summari[sz]e|describe)\b.*\b(?:the|these|my|your|this) {_DOCUMENTS}$"
    rf"|^what (?:is|are) (?:this|these|that|it|(?:the|my|your|this|these) {_DOCUMENTS}) (?:all )?about$"
)
_ONE = re.compile(
    r"^(?:please |can you |could you |pls )*(?:summari[sz]e|sum up|outline) (?P<summed>.+)$"
    r"|^(?:please |can you |could you )*(?:give|show|write|what are|list)?\s*(?:me |us )?(?:an?|the)? ?"
    r"(?:\w+ )?(?:overview|summary|outline|gist|(?:main|key) (?:points?|takeaways?|messages?|ideas?)) "
    r"(?:of|in|from) (?P<of>.+)$"
    r"|^what(?:'s| is| does| are)? (?P<about>.+?) (?:all |mainly )?(?:about|deal with)$"
)


def read_request(question: str) -> Request | None:
    """Return what is requested; None for a question about what the documents say."""
    plain = re.sub(r"[\s!?.,;:)(]+$", "", fold(question)).strip()
    if _GREETING.fullmatch(plain):
        return Request(RequestKind.GREETING)
    if _THANKS.fullmatch(plain):
        return Request(RequestKind.THANKS)
    if _LISTING.search(plain):
        return Request(RequestKind.LISTING)
    if _ALL.search(plain):
        return Request(RequestKind.OVERVIEW)
    if one := _ONE.match(plain):
        about = next(filter(None, one.groups()), "")
        return Request(RequestKind.OVERVIEW, about) if content_words(about) else Request(RequestKind.OVERVIEW)
    return None
