"""All settings with their defaults and bounds. Entry points read them once and pass them on as a value."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from rag.errors import SettingsError
from rag.setting_types import (
    Accounts,
    Collections,
    Collector,
    Database,
    Folder,
    Key,
    LanguageModel,
    ServerUrl,
    Verifier,
    read_accounts,
)

if TYPE_CHECKING:
    from rag.index.stores import Stores
    from rag.loaders.limits import Limits

FILE = "pilcrow.toml"
PREFIX = "PILCROW_"
ARGUMENTS = "the arguments"
DEFAULTS = "the defaults"
_PASSWORD = re.compile(r"://[^/]*@")
SECRET = frozenset({"auth", "llm_key", "chroma_token"})  # never shown, nor a password in an address


class Settings(BaseModel):
    """All settings: `Settings.load` reads them, `Settings(…)` takes values. Both raise SettingsError."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    index: Folder = Field(default=Path("index"), description="folder that holds the index")
    embedder: str = Field(
        default="all-MiniLM-L6-v2",
        min_length=1,
        description="built-in, multilingual, or a sentence-transformers model on this machine: its folder or "
        "cached name",
    )
    reranker: str | None = Field(
        default=None,
        min_length=1,
        description="cross-encoder that reranks the results: its folder or cached name",
    )
    chroma_url: ServerUrl | None = Field(
        default=None, description="address of a Chroma server; replaces the embedded Chroma"
    )
    chroma_token: Key | None = Field(
        default=None, description="token that the Chroma server wants, sent as a bearer token"
    )
    chroma_ca: Folder | None = Field(
        default=None,
        description="certificate authority of the Chroma server: a .pem file",
    )
    catalog_url: Database | None = Field(
        default=None,
        description="address of a PostgreSQL database; replaces SQLite, and needs chroma_url",
    )
    evidence: int = Field(default=8, ge=1, le=50, description="paragraphs read for an answer, 1 to 50")
    host: str = Field(default="127.0.0.1", min_length=1, description="address that the chat page listens on")
    port: int = Field(default=7860, ge=1, le=65535, description="port of the chat page, 1 to 65535")
    auth: Accounts | None = Field(
        default=None, description="who may log in to the chat page, as name:password,name:password"
    )
    questions_a_minute: int = Field(
        default=60, ge=1, description="questions that a user who logs in may ask in a minute"
    )
    llm: LanguageModel | None = Field(
        default=None,
        description="language model that writes answers: an OpenAI-compatible address, or a .gguf file",
    )
    llm_model: str | None = Field(
        default=None, min_length=1, description="model at that address, if it has more than one"
    )
    llm_key: Key | None = Field(default=None, description="API key for that address")
    llm_key_file: Folder | None = Field(
        default=None, description="file that holds the API key; llm_key comes first"
    )
    llm_context: int | None = Field(
        default=None,
        ge=512,
        description="context window in tokens; overrides what the server reports",
    )
    llm_seconds: float = Field(
        default=120,
        gt=0,
        le=3600,
        description="seconds to wait for the language model's next words",
    )
    verifier: Verifier = Field(
        default="llm",
        min_length=1,
        description="what checks a model's sentences: llm (the model itself), a local classifier's folder or "
        "cached name, an OpenAI-compatible address, or none",
    )
    verifier_model: str | None = Field(
        default=None, min_length=1, description="model at the verifier's address, if it has more than one"
    )
    verifier_code: bool = Field(
        default=False, description="run the code that comes with the verifier; only HHEM needs it"
    )
    unconfirmed: Literal["mark", "leave out"] | None = Field(
        default=None,
        description="what to do with an unconfirmed sentence: mark or leave out; by default, mark if the "
        "model that wrote it passed the exam",
    )
    collections: Collections | None = Field(
        default=None,
        description="sets of documents by name, each of folders and patterns, to ask only these",
    )
    file_mib: int = Field(
        default=64, ge=1, le=2048, description="largest file that is read, in MiB, 1 to 2048"
    )
    file_seconds: float = Field(default=120, gt=0, le=86400, description="seconds to read one file")
    file_memory_gib: float = Field(
        default=2, ge=0.25, le=1024, description="memory to read one file, in GiB, 0.25 or more"
    )
    file_paragraphs: int = Field(
        default=200_000, ge=1, description="most paragraphs of one file, or files in an archive"
    )
    unpacked_mib: int = Field(
        default=200, ge=1, le=65536, description="largest unpacked size or text of one file, in MiB"
    )
    traces: Collector | None = Field(
        default=None, description="address of an OpenTelemetry collector; it receives questions and answers"
    )

    @property
    def limits(self) -> Limits:
        """What one file may cost."""
        from rag.loaders.limits import Limits

        return Limits(
            self.file_mib, self.file_seconds, self.file_memory_gib, self.file_paragraphs, self.unpacked_mib
        )

    def public(self) -> dict[str, object]:
        """Return the settings as JSON values, without secrets and addresses that hold a password."""
        written = self.model_dump(mode="json", exclude=set(SECRET))
        return {name: value for name, value in written.items() if not _PASSWORD.search(str(value))}

    @property
    def stores(self) -> Stores:
        """Where the index keeps what it holds; SettingsError for an impossible combination."""
        from rag.index.stores import Stores

        token = self.chroma_token.get_secret_value() if self.chroma_token else None
        return Stores(self.chroma_url, token, self.chroma_ca, self.catalog_url)

    @property
    def accounts(self) -> dict[str, str]:
        """The passwords of the users who may log in, by name; empty if there is no login."""
        return read_accounts(self.auth.get_secret_value()) if self.auth else {}

    @classmethod
    def load(cls, **arguments: object) -> Self:
        """Read the settings. Precedence: arguments other than None, environment, pilcrow.toml, defaults."""
        found = _gather(arguments, cls.model_fields)
        values = {name: value for name, (value, _) in found.items()}
        return cls.model_validate(values, context={name: origin for name, (_, origin) in found.items()})

    @classmethod
    def origins(cls, **arguments: object) -> dict[str, str]:
        """Return where each setting's value comes from if `load` gets the same arguments."""
        found = _gather(arguments, cls.model_fields)
        return {name: found[name][1] if name in found else DEFAULTS for name in cls.model_fields}

    @model_validator(mode="wrap")
    @classmethod
    def _translate(
        cls, values: object, validate: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        origins: dict[str, str] = info.context or {}
        if isinstance(values, dict):
            _refuse_unknown({name: origins.get(name, ARGUMENTS) for name in values}, cls.model_fields)
        try:
            return validate(values)
        except ValidationError as error:
            raise SettingsError(_describe(error, origins)) from error


Found = dict[str, tuple[object, str]]  # name of a setting -> its value, and where it came from


def _gather(arguments: Mapping[str, object], fields: Iterable[str]) -> Found:
    given = {name: (value, ARGUMENTS) for name, value in arguments.items() if value is not None}
    return _from_file(fields) | _from_environment(fields) | given


def _from_file(fields: Iterable[str]) -> Found:
    path = Path(FILE)
    if not path.is_file():
        return {}
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{FILE} can't be read ({error}). Fix it or remove it.") from error
    _refuse_unknown(dict.fromkeys(values, FILE), fields)
    return {name: (value, FILE) for name, value in values.items()}


def _from_environment(fields: Iterable[str]) -> Found:
    names = {PREFIX + name.upper(): name for name in fields}
    found = {key: value for key, value in os.environ.items() if key.startswith(PREFIX)}
    unknown = sorted(found.keys() - names.keys())
    _refuse_unknown(dict.fromkeys(unknown, "the environment"), names)
    # An empty variable is the usual way to unset one.
    return {name: (found[key], key) for key, name in names.items() if found.get(key)}


def _refuse_unknown(origins: Mapping[str, str], fields: Iterable[str]) -> None:
    known = list(fields)
    for name, origin in origins.items():
        if name not in known:
            raise SettingsError(f"Unknown setting {name!r} in {origin}. {_nearest(name, known)}")


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    if close:
        return f"Did you mean {close[0]}?"
    return f"Remove it, or use one of: {', '.join(known)}"


def _describe(error: ValidationError, origins: Mapping[str, str]) -> str:
    problems = []
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0])
        wanted = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
        given = "…" if name in SECRET or "@" in str(detail["input"]) else repr(detail["input"])
        problems.append(
            f"{name} = {given} in {origins.get(name, ARGUMENTS)}: {wanted} "
            f"({Settings.model_fields[name].description})"
        )
    return "; ".join(problems)
