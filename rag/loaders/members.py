"""Files inside a file, such as attachments of a mail: each below a heading with its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from rag.errors import LoadError, UnsupportedFormat
from rag.loaders import check_suffix, read
from rag.loaders.limits import Limits
from rag.loaders.paragraphs import Contents, RawParagraph, is_blank
from rag.types import Kind

MAX_NAMES = 100  # names of unread files that are listed

Member = tuple[str, Callable[[], bytes]]  # its name, and a function that returns its bytes


def read_members(members: Iterable[Member], level: int, limits: Limits) -> Contents:
    """Return a list of the members that can't be read, then the others' text below headings of `level`.

    `limits` are those of each member.
    """
    unread: list[str] = []
    left_out: list[str] = []
    found: list[RawParagraph] = []
    count = 0
    for name, data in members:
        count += 1
        try:
            contents = _read(name, data, limits)
        except UnsupportedFormat:
            unread.append(name)
        except RecursionError:
            unread.append(f"{name} (is nested too deeply)")
        except LoadError as error:
            unread.append(f"{name} ({error.problem})")
        else:
            found.append(RawParagraph(name, Kind.HEADING, level, date=contents.date))
            found += below(contents.paragraphs, level)
            left_out += [f"{name}: {each}" for each in contents.left_out]
    if unread:
        more = [f"{len(unread) - MAX_NAMES} more"] if len(unread) > MAX_NAMES else []
        names = ", ".join([*unread[:MAX_NAMES], *more])
        found.insert(0, RawParagraph(f"Not read: {names}"))
        left_out.insert(0, f"{len(unread)} of {count} files inside it can't be read: {names}")
    return Contents(tuple(found), left_out=tuple(left_out))


def below(paragraphs: Iterable[RawParagraph], level: int) -> Iterator[RawParagraph]:
    """Yield the paragraphs with their headings lowered to below a heading of `level`."""
    for each in paragraphs:
        yield replace(each, level=each.level + level + 1) if each.kind is Kind.HEADING else each


def _read(name: str, data: Callable[[], bytes], limits: Limits) -> Contents:
    """Return the contents of one member; LoadError if it has none."""
    check_suffix(name, name)
    contents = read(name[name.rindex(".") :], data(), name, limits)
    if all(is_blank(each.text) for each in contents.paragraphs):
        raise LoadError(name, "has no text")
    return contents
