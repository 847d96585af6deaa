"""All errors that Pilcrow raises on purpose. Each message says what to do.

PilcrowError
├── SettingsError          a bad or unknown setting
├── LoadError              a file that can't be read; `.source` names it
│   └── UnsupportedFormat
├── StoreError             the index is unreadable, locked, or from a newer version
│   ├── EmbedderMismatch   the index was made with another embedder
│   ├── IndexInUse         another process holds the index
│   └── HolderGone         the process that holds the index ended, or closed it, during a call
└── ModelError             weights missing, endpoint down, wrong key, timeout
"""


class PilcrowError(Exception):
    """The base of all these errors; its text is a message to the user."""


class SettingsError(PilcrowError):
    """A setting is unknown or has an impossible value."""


class LoadError(PilcrowError):
    """A file can't be read as a document."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason

    @property
    def problem(self) -> str:
        """The reason without the remedy, which follows a semicolon."""
        return self.reason.partition(";")[0]


class UnsupportedFormat(LoadError):
    """No loader reads this kind of file."""


class StoreError(PilcrowError):
    """The index can't be opened or written."""


class EmbedderMismatch(StoreError):
    """The index was made with another embedder than the configured one."""


class IndexInUse(StoreError):
    """Another process holds the index."""


class HolderGone(StoreError):
    """The process that holds the index ended, or closed it, during a call. The call may be repeated."""


class ModelError(PilcrowError):
    """A model is missing, damaged or unreachable."""


def first_problem(error: Exception) -> str:
    """Return the first problem that pydantic found, with its field, such as citations.0.quote."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    detail = error.errors(include_url=False)[0]
    place = ".".join(map(str, detail["loc"]))
    return f"{place}: {detail['msg']}" if place else detail["msg"]
