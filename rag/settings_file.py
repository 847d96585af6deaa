"""Write changed settings into pilcrow.toml; its comments, its order and all other settings stay."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock

import tomlkit

from rag.errors import SettingsError
from rag.settings import DEFAULTS, FILE, SECRET, Settings

_writing = Lock()


def save(changes: Mapping[str, object]) -> None:
    """Write these settings into pilcrow.toml of the working directory; None takes one out.

    Raises SettingsError for a bad value, a secret, or a file that can't be written; then the file stays.
    """
    if secret := sorted(SECRET & {name for name, value in changes.items() if value is not None}):
        raise SettingsError(
            f"{', '.join(secret)} is a secret and is not written into {FILE}. Use llm_key_file."
        )
    path = Path(FILE).resolve()  # where a link points to
    with _writing:
        try:
            written = _edited(path.read_bytes().decode() if path.exists() else "", changes)
            Settings.model_validate(
                tomllib.loads(written), context=dict.fromkeys(Settings.model_fields, FILE)
            )
            replace_file(path, written.encode())
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise SettingsError(f"{path} can't be changed ({reason}). Edit it yourself.") from error


def overriding(names: Iterable[str]) -> list[str]:
    """Return what overrides pilcrow.toml for these settings, such as PILCROW_LLM in the environment."""
    origins = Settings.origins()
    return sorted({origins[name] for name in names} - {FILE, DEFAULTS})


def _edited(text: str, changes: Mapping[str, object]) -> str:
    document = tomlkit.parse(text)
    for name, value in changes.items():
        if value is None:
            document.pop(name, None)
        elif name not in document or document[name] != value:
            document[name] = str(value) if isinstance(value, Path) else value
    return tomlkit.dumps(document)


def replace_file(path: Path, content: bytes, rights: int | None = None) -> None:
    """Write a file whole or not at all, with these rights, or those that it had: it may hold a key.

    Raises OSError.
    """
    if rights is None and path.exists():
        rights = stat.S_IMODE(path.stat().st_mode)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(0o666 if rights is None else 0o600, exist_ok=False)
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if rights is not None:
        fresh.chmod(rights)
    fresh.replace(path)
