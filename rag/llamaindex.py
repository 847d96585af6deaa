"""Pilcrow as parts of a LlamaIndex program: a retriever, and a query engine that cites its sources."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import Response
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from rag.types import Answer, Citation, Evidence


class PilcrowRetriever(BaseRetriever):
    """The paragraphs that `search` finds, as nodes with their place as metadata."""

    def __init__(self, search: Callable[[str], Sequence[Evidence]]) -> None:
        super().__init__()
        self._search = search

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = self._search(query_bundle.query_str)
        return [_node(item, item.text, item.score, heading=item.heading) for item in found]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)


class PilcrowQueryEngine(BaseQueryEngine):
    """The answers of `ask`; source nodes are the cited paragraphs, the metadata is the answer as JSON."""

    def __init__(self, ask: Callable[[str], Answer]) -> None:
        super().__init__(callback_manager=None)
        self._ask = ask

    def _query(self, query_bundle: QueryBundle) -> Response:
        answer = self._ask(query_bundle.query_str)
        support = {number: one.support for one in answer.statements for number in one.citations}
        heading = {(item.source, item.paragraph): item.heading for item in answer.evidence}
        nodes = [
            _node(
                cited,
                cited.paragraph_text,
                support.get(cited.number, 0.0),
                heading=heading.get((cited.source, cited.paragraph), ""),
                citation=cited.number,
                quote=cited.quote,
                start=cited.start,
                end=cited.end,
            )
            for cited in answer.citations
        ]
        return Response(answer.text, nodes, answer.as_json())

    async def _aquery(self, query_bundle: QueryBundle) -> Response:
        return await asyncio.to_thread(self._query, query_bundle)

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}


def _node(found: Evidence | Citation, text: str, score: float, **more: object) -> NodeWithScore:
    """Return a paragraph as a node; only its text and heading are embedded or shown to a model."""
    metadata = {
        "source": found.source,
        "paragraph": found.paragraph,
        "page": found.page,
        "line": found.line,
        "date": found.date.isoformat() if found.date else None,
        "changed": found.changed,
        **more,
    }
    hidden = [key for key in metadata if key != "heading"]
    # Two citations of a paragraph are two nodes: LlamaIndex drops nodes with the same id.
    name = f"{found.source}¶{found.paragraph}" + (f"[{found.number}]" if "citation" in more else "")
    node = TextNode(id_=name, text=text, metadata=metadata, excluded_embed_metadata_keys=hidden)
    node.excluded_llm_metadata_keys = [key for key in hidden if key not in {"source", "date"}]
    return NodeWithScore(node=node, score=score)
