"""Language models that answer at the usual addresses of this machine; they are sent no text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx

USUAL = (
    "http://127.0.0.1:11434/v1",  # Ollama
    "http://127.0.0.1:8080/v1",  # llama.cpp
    "http://127.0.0.1:8000/v1",  # vLLM
    "http://127.0.0.1:1234/v1",  # LM Studio
    "http://127.0.0.1:1337/v1",  # Jan
)
PATIENCE = 1.0  # seconds
SHOWN = 5  # names of models


def nearby(addresses: Sequence[str] = USUAL) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each address that lists models, and their names."""
    with ThreadPoolExecutor(len(addresses)) as pool:
        yield from (
            (at, names) for at, names in zip(addresses, pool.map(_models, addresses), strict=True) if names
        )


def _models(address: str) -> tuple[str, ...]:
    """Return the models that a server lists; () if none answers there, or it answers something else."""
    try:
        reply = httpx.get(f"{address}/models", timeout=PATIENCE, trust_env=False).json()
        return tuple(str(entry["id"]) for entry in reply["data"])[:SHOWN]
    except (httpx.HTTPError, ValueError, TypeError, LookupError):
        return ()
