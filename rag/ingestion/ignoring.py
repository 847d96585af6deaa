"""Which entries below a folder its ignore files leave out, as git decides it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

GIT, OWN = ".gitignore", ".pilcrowignore"

# Each ignore file, the outermost first: its folder, and its patterns, the last first.
Patterns = tuple[tuple[Path, tuple[GitIgnoreSpecPattern, ...]], ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """The ignore files that count in a folder; a `.pilcrowignore` overrides every `.gitignore`."""

    git: Patterns = ()
    own: Patterns = ()

    def within(self, folder: Path) -> Rules:
        """Return the rules in a folder, its own ignore files included; OSError if one can't be read."""
        return Rules((*self.git, *_read(folder, GIT)), (*self.own, *_read(folder, OWN)))

    def ignore(self, path: Path, is_folder: bool) -> bool:
        """Return whether an entry is left out; the innermost file with a matching pattern decides."""
        for folder, patterns in (*reversed(self.own), *reversed(self.git)):
            name = path.relative_to(folder).as_posix() + "/" * is_folder
            for pattern in patterns:
                if _matches(pattern, name):
                    return bool(pattern.include)
        return False


def rules_above(root: Path) -> Rules:
    """Return the rules that a repository around `root` has for it; none if they ignore `root` itself."""
    folders = [root, *root.parents]
    top = next((at for at, folder in enumerate(folders) if (folder / ".git").exists()), 0)
    rules = Rules()
    for folder in reversed(folders[: top + 1]):
        if rules.ignore(folder, is_folder=True):
            return Rules()
        if folder != root:
            rules = rules.within(folder)
    return rules


def _read(folder: Path, name: str) -> Iterator[tuple[Path, tuple[GitIgnoreSpecPattern, ...]]]:
    with suppress(FileNotFoundError, IsADirectoryError):
        text = (folder / name).read_text("utf-8-sig", errors="surrogateescape")
        yield folder, tuple(pattern for line in reversed(text.split("\n")) for pattern in _pattern(line))


def _pattern(line: str) -> Iterator[GitIgnoreSpecPattern]:
    with suppress(ValueError):  # git passes over a line that is no pattern too
        yield GitIgnoreSpecPattern(line)


def _matches(pattern: GitIgnoreSpecPattern, name: str) -> bool:
    """Return whether a pattern names this very entry; pathspec accepts a folder above it as well."""
    found = None if pattern.include is None else pattern.match_file(name)
    if found is None:
        return False
    match, whole = found.match, found.match.end() == len(name)
    # pathspec's only group is the slash after a folder that the pattern names; `*/` is that slash alone.
    if not name.endswith("/"):
        return match.lastgroup is None
    return bool(whole == (match.lastgroup is not None) or match[0] == "/")
