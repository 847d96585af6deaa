"""Every error that Pilcrow raises on purpose. Each message names the remedy.

PilcrowError
├── SettingsError          a bad or unknown setting
├── LoadError              a file that cannot be read; `.source` names it
│   └── UnsupportedFormat
├── StoreError             the index is unreadable, locked, or from a newer version
│   └── EmbedderMismatch   the index was made with another embedder
└── ModelError             weights missing, endpoint down, wrong key, timed out
"""


class PilcrowError(Exception):
    """Base of all; its text is written for the person at the keyboard."""


class SettingsError(PilcrowError):
    """A setting is unknown or has an impossible value."""


class LoadError(PilcrowError):
    """A file cannot be read as a document."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason


class UnsupportedFormat(LoadError):
    """No loader reads this kind of file."""


class StoreError(PilcrowError):
    """The index cannot be opened or written."""


class EmbedderMismatch(StoreError):
    """The index holds vectors of another embedder than the one that is set."""


class ModelError(PilcrowError):
    """A model is missing, damaged or out of reach."""
