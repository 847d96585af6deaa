"""The types of settings: how each is checked and read."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from rag.text.encoding import encodable


def _server_url(url: str) -> str:
    if "@" in urlsplit(url).netloc:
        raise ValueError("should be the address alone; a token goes into chroma_token")
    return _address(url, "should be the address of a Chroma server, such as http://127.0.0.1:8000")


def _database(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ValueError(
            "should be the address of a PostgreSQL database, such as postgresql://user@127.0.0.1/pilcrow"
        )
    return url


def _collector(url: str) -> str:
    return _address(url, "should be the address of an OpenTelemetry collector, such as http://127.0.0.1:4318")


def _address(url: str, wanted: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(wanted)
    return url


def _language_model(where: str) -> str:
    if where.lower().endswith(".gguf") and "://" not in where:
        return str(Path(where).expanduser())
    parts = urlsplit(where)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError(
            "should be an address such as http://127.0.0.1:11434/v1, or a file that ends in .gguf"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("should be the address alone; a key goes into llm_key")
    return where.rstrip("/")


def _verifier(name: str) -> str:
    return _language_model(name) if "://" in name else name


def _key(key: SecretStr) -> SecretStr:
    written = key.get_secret_value()
    if not (written.isascii() and written.isprintable()) or not written or " " in written:
        raise ValueError("should be a key: letters, digits and punctuation without spaces")
    return key


def read_accounts(written: str) -> dict[str, str]:
    accounts: dict[str, str] = {}
    for account in written.split(","):
        name, _, password = account.strip().partition(":")
        if not name.strip() or not password or name in accounts:
            raise ValueError("should be name:password, or several separated by commas, each name once")
        accounts[name] = password
    return accounts


def _accounts(auth: SecretStr) -> SecretStr:
    read_accounts(auth.get_secret_value())
    return auth


def _tables(written: object) -> object:
    """Return collections as lists of patterns by name; the environment has TOML, and a list may be one."""
    wanted = 'should be lists of folders and patterns by name, such as {contracts = ["contracts", "*.docx"]}'
    if isinstance(written, str):
        try:
            written = tomllib.loads(f"collections = {written}")["collections"]
        except ValueError:
            raise ValueError(wanted) from None
    if not isinstance(written, dict) or not all(map(str, written)):
        raise ValueError(wanted)
    return {
        encodable(str(name)): [patterns] if isinstance(patterns, str) else patterns
        for name, patterns in written.items()
    }


Folder = Annotated[Path, AfterValidator(Path.expanduser)]
ServerUrl = Annotated[str, AfterValidator(_server_url)]
Database = Annotated[str, AfterValidator(_database)]
Collector = Annotated[str, AfterValidator(_collector)]
LanguageModel = Annotated[str, AfterValidator(_language_model)]
Verifier = Annotated[str, AfterValidator(_verifier)]
Key = Annotated[SecretStr, AfterValidator(_key)]
Accounts = Annotated[SecretStr, AfterValidator(_accounts)]
Pattern = Annotated[str, Field(min_length=1)]
Collections = Annotated[dict[str, list[Pattern]], BeforeValidator(_tables)]
