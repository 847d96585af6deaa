"""What reading one file may cost, and the errors that name the limit and the setting that raises it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rag.errors import LoadError

MIB = 2**20
GIB = 2**30


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost; all but `nesting` are settings of the same names.

    `unpacked_mib` holds for the members of an archive, and for the text that any file yields. `nesting` is
    how many files may still lie within each other.
    """

    file_mib: int = 64
    file_seconds: float = 120
    file_memory_gib: float = 2
    file_paragraphs: int = 200_000
    unpacked_mib: int = 200
    nesting: int = 5

    def within(self, source: str) -> Limits:
        """Return the limits for the files within a file; LoadError if that lies within too many others."""
        if not self.nesting:
            raise LoadError(source, "lies within too many other files; unpack it and ingest its files")
        return replace(self, nesting=self.nesting - 1)

    def check_size(self, size: int, source: str) -> None:
        """Raise LoadError if a file of `size` bytes is too large."""
        if size > self.file_mib * MIB:
            raise exceeded(source, f"is {_mib(size)} MiB, more than {self.file_mib:,}", "file_mib")

    def check_unpacked(self, size: int, source: str) -> None:
        """Raise LoadError if a file unpacks to too many bytes, or has a text of too many letters."""
        if size > self.unpacked_mib * MIB:
            reason = f"unpacks to {_mib(size)} MiB, more than {self.unpacked_mib:,}"
            raise exceeded(source, reason, "unpacked_mib")

    def check_count(self, count: int, things: str, source: str) -> None:
        """Raise LoadError if a file holds too many paragraphs, or other things that may hold one each."""
        if count > self.file_paragraphs:
            reason = f"holds {count:,} {things}, more than {self.file_paragraphs:,}"
            raise exceeded(source, reason, "file_paragraphs")


DEFAULT = Limits()


def exceeded(
    source: str, reason: str, setting: str, remedy: str = "split it into smaller files"
) -> LoadError:
    """Return the error for a file beyond a limit, with the setting that raises the limit."""
    variable = f"PILCROW_{setting.upper()}"
    return LoadError(source, f"{reason}; {remedy}, or raise {setting} in pilcrow.toml (or {variable})")


def _mib(size: int) -> str:
    """Return a size in MiB, rounded up so that a size beyond a limit looks so."""
    return f"{-(-size // MIB):,}"
