"""Language models that answer at the usual addresses of this machine; they are sent no text."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import httpx

USUAL = (
    "http://127.0.0.1:11434/v1",  # Ollama
    "http://127.0.0.1:8080/v1",  # llama.cpp
    "http://127.0.0.1:8000/v1",  # vLLM
    "http://127.0.0.1:1234/v1",  # LM Studio
    "http://127.0.0.1:1337/v1",  # Jan
)
PATIENCE = 1.0  # seconds for all of them
SHOWN = 5  # names of models


@dataclass(frozen=True, slots=True)
class Offer:
    """An address at which language models answer, and their names."""

    address: str
    models: tuple[str, ...]

    def __str__(self) -> str:
        more = ["…"] if len(self.models) > SHOWN else []
        return f"{', '.join([*self.models[:SHOWN], *more])} at {self.address}"

    @property
    def lines(self) -> tuple[str, ...]:
        """What to put into pilcrow.toml to use it; of several models, the first."""
        first = (f"llm_model = {json.dumps(self.models[0], ensure_ascii=False)}",)
        return (f'llm = "{self.address}"', *(first if len(self.models) > 1 else ()))


def nearby() -> list[Offer]:
    """Return what answers at the usual addresses, after `PATIENCE` at the latest."""
    return asyncio.run(_ask_all())


async def _ask_all() -> list[Offer]:
    async with httpx.AsyncClient(trust_env=False) as client:
        found = await asyncio.gather(*(_models(client, address) for address in USUAL))
    return [Offer(address, names) for address, names in zip(USUAL, found, strict=True) if names]


async def _models(client: httpx.AsyncClient, address: str) -> tuple[str, ...]:
    """Return the models that a server lists; () if none answers there, or it answers something else."""
    try:
        async with asyncio.timeout(PATIENCE):
            listed = (await client.get(f"{address}/models")).json()["data"]
        # Another Pilcrow is no language model, and one for embeddings writes nothing.
        names = [one["id"] for one in listed if one.get("owned_by") != "pilcrow"]
        return tuple(name for name in names if name.isprintable() and "embed" not in name.lower())
    except (httpx.HTTPError, TimeoutError, ValueError, TypeError, LookupError, AttributeError):
        return ()
