"""The functions that programs may call, through Gradio's client and as MCP tools."""

# No `from __future__ import annotations`: Gradio reads a function's return type at run time.
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import wraps
from inspect import Parameter, isgeneratorfunction, signature
from time import monotonic
from typing import Annotated, Any, get_args

import gradio as gr
from anyio import from_thread
from mcp.server.lowlevel.server import request_ctx
from mcp.types import ListToolsRequest, ServerResult, ToolAnnotations
from pydantic import Field, ValidationError, validate_call
from pydantic_core import to_jsonable_python
from starlette.requests import Request

from rag import Assistant, PilcrowError
from rag.errors import first_problem
from ui.completions import SLOTS, TOO_MANY
from ui.metrics import RUNNING, count_answer, count_refused
from ui.quota import Quota
from ui.runs import MAX_QUESTION

Question = Annotated[str, Field(min_length=1, max_length=MAX_QUESTION)]
Limit = Annotated[int, Field(ge=1, le=50)]
EVERY = 0.1  # seconds between two values of a growing answer


def add(server: gr.Server, assistant: Assistant, quota: Quota) -> None:
    """Add `ask`, `search`, `show_paragraph` and `list_documents` to the server, before its launch."""
    tools = _Tools(assistant)
    for tool in (tools.ask, tools.search, tools.show_paragraph, tools.list_documents):
        counted = quota if "question" in signature(tool).parameters else None
        # No queue: MCP calls through it would lose the user's login. Gradio's client still queues.
        server.api(_endpoint(tool, counted), queue=False, concurrency_limit=4, concurrency_id="tools")


def describe(server: gr.Server) -> None:
    """Give the MCP tools their titles and hints, which Gradio can't, after the server's launch."""
    offered: Any = server.get_blocks().mcp_server_obj
    handlers: dict[Any, Any] = offered.mcp_server.request_handlers
    listed, offered.mcp_server.name = handlers[ListToolsRequest], "Pilcrow"

    async def with_hints(request: ListToolsRequest) -> ServerResult:
        result: Any = await listed(request)
        for tool in result.root.tools:
            tool.title = tool.name.replace("_", " ").capitalize()
            tool.annotations = ToolAnnotations(title=tool.title, readOnlyHint=True, openWorldHint=False)
        return ServerResult(result.root)

    handlers[ListToolsRequest] = with_hints


class _Tools:
    """The functions; programs read their docstrings as descriptions."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant

    def ask(self, question: Question, sources: list[str] | None = None) -> Iterator[dict[str, Any]]:
        """Answer a question from the user's own documents. Every sentence of the answer cites its file and
        paragraph, with the exact quote. If the documents don't say it, `abstained` is true.

        Parameters:
            question: The question, in plain words, at most 2,000 characters.
            sources: Only in these: documents, collections, folders, or patterns such as "contracts/*.docx".
        Returns:
            The answer: text with [1]… after each sentence, citations with their quotes, statements with their
            status (quoted, supported or unconfirmed), abstained, nearest. Before it is complete: its text so
            far, and `unchecked`, a sentence that isn't checked yet.
        """
        text, due = "", 0.0
        with RUNNING.track_inprogress(), closing(self._assistant.stream(question, sources=sources)) as stream:
            try:
                for piece in stream:
                    text += piece
                    if (now := monotonic()) >= due:  # words may arrive faster than anyone reads
                        due = now + EVERY
                        yield {"text": text, "unchecked": stream.unchecked}
            except PilcrowError:
                count_answer(None)
                raise
            count_answer(stream.answer)
            yield stream.answer.as_json()

    def search(
        self, question: Question, sources: list[str] | None = None, limit: Limit = 8
    ) -> list[dict[str, Any]]:
        """Find the paragraphs of the user's own documents that are relevant to a question, best first.

        Parameters:
            question: What to look for, in plain words, at most 2,000 characters.
            sources: Only in these: documents, collections, folders, or patterns such as "contracts/*.docx".
            limit: The largest number of paragraphs to return, 1 to 50.
        Returns:
            The paragraphs, [] if the index is empty: source, paragraph (its number), text, heading, page,
            line, date, score, changed ("" or what happened to it or its file since it was read).
        """
        return list(to_jsonable_python(self._assistant.search(question, sources, limit)))

    def show_paragraph(self, source: str, paragraph: int) -> dict[str, Any]:
        """Show one whole paragraph of a document, for example a cited one.

        Parameters:
            source: The document, named as in a citation or by list_documents.
            paragraph: The paragraph's number, from 1.
        Returns:
            The paragraph: source, number, text, kind, heading, page, line, date.
        """
        return {"source": source, **to_jsonable_python(self._assistant.paragraph(source, paragraph))}

    def list_documents(self) -> list[dict[str, Any]]:
        """List the user's own documents.

        Returns:
            The documents, [] if there are none: source (its name in citations), title, paragraphs (how many),
            date, sha256, collections (that it is in), changed ("" or what happened to its file since).
        """
        collections, changed = self._assistant.collections(), self._assistant.changed()
        return [
            to_jsonable_python(one)
            | {"collections": [name for name, sources in collections.items() if one.source in sources]}
            | {"changed": changed.get(one.source, "")}
            for one in self._assistant.documents()
        ]


def _endpoint(tool: Callable[..., Any], quota: Quota | None) -> Callable[..., Any]:
    """Wrap a tool: check its arguments, report its errors and, for MCP, return its result as JSON text."""
    checked, plain, returned = validate_call(tool), signature(tool), tool.__annotations__["return"]

    def once(request: gr.Request | Request, *given: object) -> object:
        with _slot(request, quota):
            return _written(checked(**plain.bind(*given).arguments), request)

    def growing(request: gr.Request | Request, *given: object) -> Iterator[object]:
        is_queued = isinstance(request, gr.Request) and not {"run", "api"} & {*request.url.path.split("/")}
        with _slot(request, quota), closing(checked(**plain.bind(*given).arguments)) as values:
            for step, value in enumerate(values, 1):
                if is_queued:
                    yield value
                elif not isinstance(request, gr.Request):
                    _progress(step, value["text"])
        if not is_queued:  # only the first value is read
            yield _written(value, request)

    if isgeneratorfunction(tool):
        [returned] = get_args(returned)
    endpoint = wraps(tool)(growing if isgeneratorfunction(tool) else once)
    # Gradio passes the request to a parameter of this type.
    first = Parameter("request", Parameter.POSITIONAL_ONLY, annotation=gr.Request)
    shown = plain.replace(parameters=[first, *plain.parameters.values()], return_annotation=returned)
    endpoint.__signature__ = shown  # type: ignore[attr-defined]
    endpoint.__annotations__ = tool.__annotations__ | {"request": gr.Request, "return": returned}
    return endpoint


@contextmanager
def _slot(request: gr.Request | Request, quota: Quota | None) -> Iterator[None]:
    """Take one of `SLOTS`, and one of the user's questions if they are limited; report errors as Gradio's."""
    if not SLOTS.acquire(blocking=False):
        count_refused()
        raise gr.Error(TOO_MANY, print_exception=False)
    try:
        if quota:
            user = request.username if isinstance(request, gr.Request) else request.state.user.name
            quota.take(user or "")
        yield
    except (ValidationError, PilcrowError) as error:
        raise gr.Error(first_problem(error), print_exception=False) from error
    finally:
        SLOTS.release()


def _progress(step: int, text: str) -> None:
    """Send the text so far to the MCP client, if it asked for progress."""
    context = request_ctx.get()
    if context.meta and context.meta.progressToken is not None:
        about = context.meta.progressToken, step, None, text, str(context.request_id)
        from_thread.run(context.session.send_progress_notification, *about)


def _written(result: object, request: gr.Request | Request) -> object:
    """Return the result; for MCP, which passes Starlette's own request, as JSON text instead of a repr."""
    return result if isinstance(request, gr.Request) else json.dumps(result, ensure_ascii=False)
