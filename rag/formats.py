"""Which files can be read, by their names."""

from __future__ import annotations

from rag.loaders import is_read, unsupported


def unreadable(name: str) -> str:
    """Return why a file of this name can't be read and what to do, or "" if it can."""
    return "" if is_read(name) else unsupported(name)
