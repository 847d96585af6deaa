"""The prompts that embedders were trained with: what goes before a question, and before a passage."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_TASK = "Given a web search query, retrieve relevant passages that answer the query"
_OF_PASSAGES = ("document", "passage", "corpus", "Retrieval-document")
_OF_QUESTIONS = ("query", "Retrieval-query", "question")


@dataclass(frozen=True, slots=True)
class Prompts:
    """The text before each question, and before each passage."""

    query: str = ""
    passage: str = ""


# As the models' cards say; the first pattern that occurs in a model's name counts.
_FAMILIES: tuple[tuple[str, Prompts], ...] = (
    (r"e5\b.*-instruct\b", Prompts(f"Instruct: {_TASK}\nQuery: ")),
    (r"\be5\b", Prompts("query: ", "passage: ")),
    (r"\bbge-(small|base|large)-en\b", Prompts("Represent this sentence for searching relevant passages: ")),
    (r"\bbge-(small|base|large)-zh\b", Prompts("为这个句子生成表示以用于检索相关文章：")),
    (r"\bqwen3-embedding\b", Prompts(f"Instruct: {_TASK}\nQuery:")),
    (r"\bgte-qwen2?\b", Prompts(f"Instruct: {_TASK}\nQuery: ")),
    (r"\bembeddinggemma\b", Prompts("task: search result | query: ", "title: none | text: ")),
)


def prompts_of(name: str, own: Mapping[str, str | None], default: str | None = "") -> Prompts:
    """Return a model's prompts: its own where its files have some, or else those of its family.

    `default` is the prompt that its files want for all texts that have no other. A name without a known
    family, such as GTE's or MiniLM's, gets none.
    """
    written = Prompts(_first(own, _OF_QUESTIONS) or default or "", _first(own, _OF_PASSAGES) or default or "")
    if written != Prompts():
        return written
    lower = name.casefold().replace("_", "-")
    return next((prompts for pattern, prompts in _FAMILIES if re.search(pattern, lower)), Prompts())


def _first(own: Mapping[str, str | None], names: tuple[str, ...]) -> str:
    return next((text for name in names if (text := own.get(name))), "")
