"""The chat page, on Pilcrow's public API. It loads nothing from another host and gives out no file."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import gradio as gr

from rag import Assistant, PilcrowError, Settings
from ui import chat, library, render, server, tools
from ui.conversations import FILE, Conversations
from ui.routes import routes
from ui.suggest import suggestions
from ui.theme import THEME

TITLE = "Pilcrow"
Row = tuple[Any, ...]  # a value for each part that an event changes
STYLE = Path(__file__).with_name("page.css")
SCRIPT = Path(__file__).with_name("page.js")
BRAND = '<h1 class="pilcrow-brand"><span aria-hidden="true">¶</span> Pilcrow</h1>'
PANEL = (
    '<aside id="pilcrow-panel" aria-label="Source" hidden><button type="button" data-close '
    'aria-label="Close the source">Close</button><div class="pilcrow-panel-body"></div></aside>'
)


def build(assistant: Assistant, conversations: Conversations) -> gr.Blocks:
    """The page over an open assistant, not yet served."""
    page: gr.Blocks
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(3600, 3600), fill_width=True) as page:
        _Page(assistant, conversations).lay_out(page)
        tools.add(assistant)
    return page


def run(settings: Settings) -> None:
    """Open the index that is set and serve the page over it until Ctrl-C."""
    server.refuse_open_host(settings)
    with TemporaryDirectory(prefix="pilcrow-") as folder, Assistant.open(settings=settings) as assistant:
        os.environ["GRADIO_TEMP_DIR"] = folder
        with Conversations(settings.index / FILE) as conversations:
            suggestions(assistant)  # now, so that the first question does not wait for the model
            page = build(assistant, conversations)
            address = serve(page, assistant, conversations)
            sys.stderr.write(f"Pilcrow is at {address} (Ctrl-C ends it)\n")
            try:
                Event().wait()
            finally:
                page.close(verbose=False)


def serve(page: gr.Blocks, assistant: Assistant, conversations: Conversations) -> str:
    """Serve the page, its paragraphs and its exports from a thread until `page.close()`; its address."""
    ours = routes(assistant, conversations)
    return server.launch(
        page,
        assistant,
        assistant.settings,
        ours,
        theme=THEME,
        css_paths=STYLE,
        head=f"<script>{SCRIPT.read_text('utf-8')}</script>",
    )


def _html(text: str = "", **arguments: Any) -> gr.Markdown:
    """HTML that `render` made. Gradio's own HTML component wants eval(), which the policy forbids."""
    return gr.Markdown(text, sanitize_html=False, latex_delimiters=[], show_label=False, **arguments)


class _Page:
    """The parts of the page, and what each does."""

    def __init__(self, assistant: Assistant, conversations: Conversations) -> None:
        self._assistant = assistant
        self._conversations = conversations

    def lay_out(self, page: gr.Blocks) -> None:
        """The conversations at the left, the chat or the library in the middle, a source at the right."""
        _html(PANEL, elem_id="pilcrow-aside")
        with gr.Sidebar(width=300, elem_id="pilcrow-side"):
            _html(BRAND)
            new = gr.Button("New conversation", variant="primary", size="md")
            self._search = gr.Textbox(label="Search conversations", max_lines=1)
            self._listing = _html()
        with gr.Tabs(elem_id="pilcrow-tabs"):
            with gr.Tab("Ask", elem_id="pilcrow-ask"):
                self._lay_out_chat()
            with gr.Tab("Library", elem_id="pilcrow-library") as shelf:
                self._lay_out_library()
        self._connect(new, shelf, page)

    def _lay_out_chat(self) -> None:
        self._conversation, self._again = gr.State(""), gr.State(0)
        self._act = gr.Textbox(label="What was clicked", visible="hidden", elem_id="pilcrow-act")
        self._said = _html(elem_id="pilcrow-said")
        self._draft = _html(elem_id="pilcrow-draft")
        with gr.Column(elem_id="pilcrow-asking"):
            self._editing = _html()
            self._box = gr.Textbox(
                label="Your question",
                placeholder="Ask your documents",
                max_length=chat.LONGEST,
                max_lines=6,
                autofocus=True,
                submit_btn="Ask",
                elem_id="pilcrow-box",
            )
            self._only = gr.Dropdown(label="Only in", multiselect=True, elem_id="pilcrow-only")

    def _lay_out_library(self) -> None:
        self._shelf_act = gr.Textbox(label="What was clicked", visible="hidden", elem_id="pilcrow-shelf-act")
        with gr.Row():
            self._files = gr.File(label="Files", file_count="multiple", height=140)
            self._folder = gr.File(label="A whole folder", file_count="directory", height=140)
        self._progress = _html()
        self._table = _html()

    def _connect(self, new: gr.Button, shelf: gr.Tab, page: gr.Blocks) -> None:
        shown = [
            self._said,
            self._draft,
            self._conversation,
            self._listing,
            self._box,
            self._again,
            self._editing,
        ]
        given = [self._box, self._conversation, self._only, self._again, self._search]
        shelves = [self._progress, self._table, self._only]
        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        runs: list[Any] = [
            self._box.submit(self._ask, given, shown, **private),
            self._act.change(self._clicked, [self._act, *given], shown, **private),
        ]
        # Told after the run is cancelled: what it still writes would stand in its place.
        cancelled = self._box.stop(None, cancels=runs, **private)
        cancelled.then(self._stopped, None, [self._box, self._draft], **private)
        new.click(self._new, self._search, shown, **private)
        self._search.change(self._found, [self._search, self._conversation], self._listing, **private)
        page.load(self._open, None, [*shown, self._only], **private)
        shelf.select(self._shelves, None, shelves, **private)
        self._shelf_act.change(self._kept, self._shelf_act, shelves, **private)
        for files in (self._files, self._folder):
            files.upload(self._take_in, files, [*shelves, files], **private)

    def _ask(
        self,
        question: str,
        conversation: str,
        only: list[str] | None,
        again: int,
        search: str,
        request: gr.Request,
        extractive: bool = False,
    ) -> Iterator[Row]:
        user, told = request.username or "", ""
        box: object = gr.Textbox(value="", submit_btn=False, stop_btn="Stop")
        kept = self._assistant, self._conversations, user, conversation
        said = None
        for seen in chat.ask(*kept, question, only or [], again, extractive):
            changed = gr.skip() if seen.said == said else seen.said  # a whole conversation is sent once
            yield changed, seen.draft, seen.conversation, gr.skip(), box, 0, ""
            said, box, conversation = seen.said, gr.skip(), seen.conversation
            told = question if seen.failed else ""
        yield gr.skip(), gr.skip(), gr.skip(), self._list(user, search, conversation), _idle(told), 0, ""

    def _clicked(
        self,
        act: str,
        question: str,
        conversation: str,
        only: list[str] | None,
        again: int,
        search: str,
        request: gr.Request,
    ) -> Iterator[Row]:
        """What a button within the conversation, or in the list of them, asks for."""
        user, what = request.username or "", _read(act)
        number = what.get("number", 0)
        try:
            match what.get("do"):
                case "ask":
                    yield from self._ask(str(what["ask"]), conversation, only, again, search, request)
                case "plain":
                    asked = str(what["ask"])
                    yield from self._ask(asked, conversation, only, again, search, request, extractive=True)
                case "retry":
                    asked = chat.asked(self._conversations, user, conversation, number)
                    yield from self._ask(asked, conversation, only, number, search, request)
                case "edit":
                    asked = chat.asked(self._conversations, user, conversation, number)
                    yield *[gr.skip()] * 4, _idle(asked), number, render.part("editing", number)
                case "open":
                    yield self._show(user, str(what["open"]), search)
                case "delete":
                    gone = str(what["conversation"])
                    self._conversations.delete(user, gone)
                    yield self._show(user, "" if gone == conversation else conversation, search)
                case "judge":
                    verdict, note = str(what["verdict"]), str(what.get("note", ""))
                    self._conversations.judge(user, conversation, number, verdict, note)
                    yield self._show(user, conversation, search)
        except PilcrowError as error:
            yield gr.skip(), render.problem(str(error)), *[gr.skip()] * 5

    def _open(self, request: gr.Request) -> Row:
        user = request.username or ""
        try:
            seen = self._show(user, request.query_params.get("c", ""), "")
        except PilcrowError as error:
            said, _, *rest = self._show(user, "", "")
            seen = (said, render.problem(str(error)), *rest)
        return *seen, self._choices()

    def _new(self, search: str, request: gr.Request) -> Row:
        return self._show(request.username or "", "", search)

    def _show(self, user: str, conversation: str, search: str) -> Row:
        said = chat.shown(self._assistant, self._conversations, user, conversation)
        return said, "", conversation, self._list(user, search, conversation), _idle(), 0, ""

    def _stopped(self) -> Row:
        return _idle(), render.part("stopped")

    def _found(self, search: str, conversation: str, request: gr.Request) -> str:
        return self._list(request.username or "", search, conversation)

    def _list(self, user: str, search: str, conversation: str) -> str:
        return render.part("listing", self._conversations.listed(user, search.strip()), conversation)

    def _choices(self) -> gr.Dropdown:
        return gr.Dropdown(choices=[document.source for document in self._assistant.documents()])

    def _shelves(self, progress: str = "") -> Row:
        """The library; its table reads every file, so it is made only when shown or changed."""
        return progress, library.table(self._assistant), self._choices()

    def _take_in(self, uploaded: list[str] | None) -> Iterator[Row]:
        for row in self._reading(lambda: library.keep(self._assistant, uploaded or [])):
            yield *row, None

    def _kept(self, act: str) -> Iterator[Row]:
        """A document is to be read again, or removed."""
        what = _read(act)
        if "again" in what:
            yield from self._reading(lambda: [self._assistant.path(str(what["again"]))])
            return
        try:
            told = render.status(library.remove(self._assistant, str(what.get("remove"))))
        except (PilcrowError, OSError) as error:
            told = render.problem(str(error))
        yield self._shelves(told)

    def _reading(self, files: Callable[[], list[Path]]) -> Iterator[Row]:
        lines = ""
        try:
            for lines in library.ingest(self._assistant, files()):
                yield lines, gr.skip(), gr.skip()
        except (PilcrowError, OSError) as error:
            lines += render.problem(str(error))
        yield self._shelves(lines)


def _idle(text: str = "") -> gr.Textbox:
    return gr.Textbox(value=text, submit_btn="Ask", stop_btn=False)


def _read(act: str) -> dict[str, Any]:
    """What was clicked, as the page's script wrote it; nothing where somebody else wrote it."""
    try:
        what = json.loads(act)
    except ValueError:
        return {}
    return what if isinstance(what, dict) and isinstance(what.get("number", 0), int) else {}
