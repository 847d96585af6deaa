"""What programs may call: the same functions through Gradio's client and as tools of MCP."""

# No postponed annotations here: Gradio reads a function's return type as it stands.
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from functools import wraps
from inspect import Parameter, signature
from threading import BoundedSemaphore
from typing import Annotated, Any

import gradio as gr
from gradio.events import api
from pydantic import Field, ValidationError, validate_call
from starlette.requests import Request

from rag import Assistant, DocumentInfo, Evidence, Paragraph, PilcrowError
from ui.chat import LONGEST
from ui.completions import AT_ONCE

Question = Annotated[str, Field(min_length=1, max_length=LONGEST)]
Limit = Annotated[int, Field(ge=1, le=50)]


def add(assistant: Assistant) -> None:
    """Adds `ask`, `search`, `show_paragraph` and `list_documents` to the page that is being built."""
    tools, places = _Tools(assistant), BoundedSemaphore(AT_ONCE)
    for tool in (tools.ask, tools.search, tools.show_paragraph, tools.list_documents):
        # Off the queue, since MCP would go through it without the user's login; Gradio's client does queue.
        api(_served(tool, places), queue=False, concurrency_limit=4, concurrency_id="tools")


class _Tools:
    """The functions, each with the description that programs read."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant

    def ask(self, question: Question, sources: list[str] | None = None) -> dict[str, Any]:
        """Answer a question from the user's own documents. Every sentence of the answer cites its file and
        paragraph, with the exact quote; where the documents do not say it, `abstained` is true.

        Parameters:
            question: The question, in plain words, at most 2,000 characters.
            sources: Look only into these documents, named as list_documents names them.
        Returns:
            The answer: text with [1]… after each sentence, citations with their quotes, abstained, nearest.
        """
        return self._assistant.ask(question, sources=sources).as_json()

    def search(
        self, question: Question, sources: list[str] | None = None, limit: Limit = 8
    ) -> list[dict[str, Any]]:
        """Find the paragraphs of the user's own documents that bear on a question, best first, unanswered.

        Parameters:
            question: What to look for, in plain words, at most 2,000 characters.
            sources: Look only into these documents, named as list_documents names them.
            limit: At most so many paragraphs, 1 to 50.
        Returns:
            The paragraphs: source, paragraph (its number), text, heading, page, line, date, score.
        """
        return [_plain(found) for found in self._assistant.search(question, sources, limit)]

    def show_paragraph(self, source: str, paragraph: int) -> dict[str, Any]:
        """Show one whole paragraph of a document, such as one that an answer cites.

        Parameters:
            source: The document, named as in a citation or by list_documents.
            paragraph: The paragraph's number, from 1.
        Returns:
            The paragraph: source, number, text, kind, heading, page, line, date.
        """
        return {"source": source} | _plain(self._assistant.paragraph(source, paragraph))

    def list_documents(self) -> list[dict[str, Any]]:
        """List the user's own documents that can be asked.

        Returns:
            The documents: source (its name in citations), title, paragraphs (how many), date, sha256.
        """
        return [_plain(document) for document in self._assistant.documents()]


def _served(tool: Callable[..., object], places: BoundedSemaphore) -> Callable[..., object]:
    """The tool with its arguments checked and its errors told; through MCP, its result is JSON as text."""
    checked = validate_call(tool)
    plain = signature(tool)

    @wraps(tool)
    def served(request: gr.Request | Request, *given: object) -> object:
        if not places.acquire(blocking=False):
            raise gr.Error(
                f"{AT_ONCE} calls are being answered; ask again in a moment", print_exception=False
            )
        try:
            result = checked(**dict(zip(plain.parameters, given, strict=True)))
        except ValidationError as error:
            raise gr.Error(_first(error), print_exception=False) from error
        except PilcrowError as error:
            raise gr.Error(str(error), print_exception=False) from error
        finally:
            places.release()
        # MCP comes with Starlette's own request, and would write Python's form of the result as text.
        return result if isinstance(request, gr.Request) else json.dumps(result, ensure_ascii=False)

    # Gradio hands the request over where a parameter has its type.
    first = Parameter("request", Parameter.POSITIONAL_ONLY, annotation=gr.Request)
    served.__signature__ = plain.replace(parameters=[first, *plain.parameters.values()])  # type: ignore[attr-defined]
    served.__annotations__ = tool.__annotations__ | {"request": gr.Request}
    return served


def _plain(found: Evidence | Paragraph | DocumentInfo) -> dict[str, Any]:
    """Its fields in values that JSON has."""
    return {
        name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(found).items()
    }


def _first(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"
