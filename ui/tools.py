"""The functions that programs may call, through Gradio's client and as MCP tools."""

# No `from __future__ import annotations`: Gradio reads a function's return type at run time.
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from functools import wraps
from inspect import Parameter, signature
from threading import BoundedSemaphore
from typing import Annotated, Any

import gradio as gr
from pydantic import Field, ValidationError, validate_call
from starlette.requests import Request

from rag import Assistant, DocumentInfo, Evidence, Paragraph, PilcrowError
from ui.completions import MAX_CONCURRENT, first_problem
from ui.runs import MAX_QUESTION

Question = Annotated[str, Field(min_length=1, max_length=MAX_QUESTION)]
Limit = Annotated[int, Field(ge=1, le=50)]


def add(server: gr.Server, assistant: Assistant) -> None:
    """Add `ask`, `search`, `show_paragraph` and `list_documents` to the server."""
    tools, slots = _Tools(assistant), BoundedSemaphore(MAX_CONCURRENT)
    for tool in (tools.ask, tools.search, tools.show_paragraph, tools.list_documents):
        # No queue: MCP calls through it would lose the user's login. Gradio's client still queues.
        server.api(_endpoint(tool, slots), queue=False, concurrency_limit=4, concurrency_id="tools")


class _Tools:
    """The functions; programs read their docstrings as descriptions."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant

    def ask(self, question: Question, sources: list[str] | None = None) -> dict[str, Any]:
        """Answer a question from the user's own documents. Every sentence of the answer cites its file and
        paragraph, with the exact quote. If the documents don't say it, `abstained` is true.

        Parameters:
            question: The question, in plain words, at most 2,000 characters.
            sources: Search only in these: documents or collections, named as in list_documents, folders, or
                patterns such as "contracts/*.docx".
        Returns:
            The answer: text with [1]… after each sentence, citations with their quotes, statements with their
            status (quoted, supported or unconfirmed), abstained, nearest.
        """
        return self._assistant.ask(question, sources=sources).as_json()

    def search(
        self, question: Question, sources: list[str] | None = None, limit: Limit = 8
    ) -> list[dict[str, Any]]:
        """Find the paragraphs of the user's own documents that are relevant to a question, best first.

        Parameters:
            question: What to look for, in plain words, at most 2,000 characters.
            sources: Search only in these: documents or collections, named as in list_documents, folders, or
                patterns such as "contracts/*.docx".
            limit: The largest number of paragraphs to return, 1 to 50.
        Returns:
            The paragraphs: source, paragraph (its number), text, heading, page, line, date, score,
            changed ("" or what happened to it or its file since it was read).
            Returns [] if the index is empty.
        """
        return [_as_json(found) for found in self._assistant.search(question, sources, limit)]

    def show_paragraph(self, source: str, paragraph: int) -> dict[str, Any]:
        """Show one whole paragraph of a document, for example a cited one.

        Parameters:
            source: The document, named as in a citation or by list_documents.
            paragraph: The paragraph's number, from 1.
        Returns:
            The paragraph: source, number, text, kind, heading, page, line, date.
        """
        return {"source": source} | _as_json(self._assistant.paragraph(source, paragraph))

    def list_documents(self) -> list[dict[str, Any]]:
        """List the user's own documents.

        Returns:
            The documents: source (its name in citations), title, paragraphs (how many), date, sha256,
            collections (that it is in), changed ("" or what happened to its file since it was read).
            Returns [] if the index is empty.
        """
        collections, changed = self._assistant.collections(), self._assistant.changed()
        return [
            _as_json(one)
            | {"collections": [name for name, sources in collections.items() if one.source in sources]}
            | {"changed": changed.get(one.source, "")}
            for one in self._assistant.documents()
        ]


def _endpoint(tool: Callable[..., object], slots: BoundedSemaphore) -> Callable[..., object]:
    """Wrap a tool: check its arguments, report its errors and, for MCP, return its result as JSON text."""
    checked = validate_call(tool)
    plain = signature(tool)

    @wraps(tool)
    def endpoint(request: gr.Request | Request, *given: object) -> object:
        if not slots.acquire(blocking=False):
            raise gr.Error(
                f"Too many calls: {MAX_CONCURRENT} are running. Try again in a moment.", print_exception=False
            )
        try:
            result = checked(**dict(zip(plain.parameters, given, strict=True)))
        except ValidationError as error:
            raise gr.Error(first_problem(error)[1], print_exception=False) from error
        except PilcrowError as error:
            raise gr.Error(str(error), print_exception=False) from error
        finally:
            slots.release()
        # MCP passes Starlette's own request, and would write the repr of the result as text.
        return result if isinstance(request, gr.Request) else json.dumps(result, ensure_ascii=False)

    # Gradio passes the request to a parameter of this type.
    first = Parameter("request", Parameter.POSITIONAL_ONLY, annotation=gr.Request)
    endpoint.__signature__ = plain.replace(parameters=[first, *plain.parameters.values()])  # type: ignore[attr-defined]
    endpoint.__annotations__ = tool.__annotations__ | {"request": gr.Request}
    return endpoint


def _as_json(found: Evidence | Paragraph | DocumentInfo) -> dict[str, Any]:
    """Return the fields as JSON values."""
    return {
        name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(found).items()
    }
