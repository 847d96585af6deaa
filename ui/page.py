"""The chat page, built on the public API. It loads nothing from other hosts and serves no files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from rag import Assistant, PilcrowError
from ui import chat, library, server, tools
from ui.about import about
from ui.conversations import Conversations
from ui.render import part
from ui.routes import routes
from ui.theme import THEME
from ui.watched import WatchedFolders

Outputs = tuple[Any, ...]  # a value for each component that an event updates
STYLE = Path(__file__).with_name("page.css")
SCRIPT = Path(__file__).with_name("page.js")
BRAND = '<h1 class="pilcrow-brand"><span aria-hidden="true">¶</span> Pilcrow</h1>'
PANEL = (
    '<aside id="pilcrow-panel" aria-label="Source" hidden><button type="button" data-close '
    'aria-label="Close the source">Close</button><div class="pilcrow-panel-body"></div></aside>'
)


def build(
    assistant: Assistant, conversations: Conversations, watched: WatchedFolders | None = None
) -> gr.Blocks:
    """Build the page of an open assistant, without serving it."""
    page: gr.Blocks
    with gr.Blocks(
        title="Pilcrow", analytics_enabled=False, delete_cache=(3600, 3600), fill_width=True
    ) as page:
        _Page(assistant, conversations, watched or WatchedFolders(assistant)).lay_out(page)
        tools.add(assistant)
    return page


def serve(page: gr.Blocks, assistant: Assistant, conversations: Conversations) -> str:
    """Serve the page, its sources and exports from a thread until `page.close()`; return its address."""
    head = f"<script>{SCRIPT.read_text('utf-8')}</script>"
    own_routes = routes(assistant, conversations)
    return server.launch(
        page, assistant, assistant.settings, own_routes, theme=THEME, css_paths=STYLE, head=head
    )


def _html(text: str = "", **arguments: Any) -> gr.Markdown:
    """Return a component for HTML from `render`. Gradio's own needs eval(), which the policy forbids."""
    return gr.Markdown(text, sanitize_html=False, latex_delimiters=[], show_label=False, **arguments)


class _Page:
    """The components of the page, and the handlers of their events."""

    def __init__(self, assistant: Assistant, conversations: Conversations, watched: WatchedFolders) -> None:
        self._assistant = assistant
        self._conversations = conversations
        self._watched = watched

    def lay_out(self, page: gr.Blocks) -> None:
        """Lay out the conversations at the left, chat or library in the middle, a source at the right."""
        _html(PANEL, elem_id="pilcrow-aside")
        with gr.Sidebar(width=300, elem_id="pilcrow-side"):
            _html(BRAND)
            new = gr.Button("New conversation", variant="primary", size="md")
            self._search = gr.Textbox(label="Search conversations", max_lines=1)
            self._listing = _html()
            self._about = _html()
        with gr.Tabs(elem_id="pilcrow-tabs"):
            with gr.Tab("Ask", elem_id="pilcrow-ask"):
                self._lay_out_chat()
            with gr.Tab("Library", elem_id="pilcrow-library") as library_tab:
                self._lay_out_library()
        self._connect(new, library_tab, page)

    def _lay_out_chat(self) -> None:
        self._conversation, self._replaces = gr.State(""), gr.State(0)
        self._click = gr.Textbox(label="What was clicked", visible="hidden", elem_id="pilcrow-act")
        self._history = _html(elem_id="pilcrow-said")
        self._draft = _html(elem_id="pilcrow-draft")
        with gr.Column(elem_id="pilcrow-asking"):
            self._editing = _html()
            self._box = gr.Textbox(
                label="Your question",
                placeholder="Ask your documents",
                max_length=chat.MAX_QUESTION,
                max_lines=6,
                autofocus=True,
                submit_btn="Ask",
                elem_id="pilcrow-box",
            )
            self._sources = gr.Dropdown(label="Only in", multiselect=True, elem_id="pilcrow-only")

    def _lay_out_library(self) -> None:
        self._library_click = gr.Textbox(
            label="What was clicked", visible="hidden", elem_id="pilcrow-shelf-act"
        )
        with gr.Row():
            self._files = gr.File(label="Files", file_count="multiple", height=140)
            self._folder = gr.File(label="A whole folder", file_count="directory", height=140)
        self._watch = self._watched.box()
        self._progress = _html()
        self._table = _html()

    def _connect(self, new: gr.Button, library_tab: gr.Tab, page: gr.Blocks) -> None:
        chat_outputs = [self._history, self._draft, self._conversation, self._listing]
        chat_outputs += [self._box, self._replaces, self._editing]
        inputs = [self._box, self._conversation, self._sources, self._replaces, self._search]
        library_outputs = [self._progress, self._table, self._sources]
        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        runs: list[Any] = [
            self._box.submit(self._ask, inputs, chat_outputs, **private),
            self._click.change(self._clicked, [self._click, *inputs], chat_outputs, **private),
        ]
        # `then` waits for the cancellation: until then the run's output could overwrite the message.
        cancelled = self._box.stop(None, cancels=runs, **private)
        cancelled.then(self._stopped, None, [self._box, self._draft], **private)
        new.click(self._new, self._search, chat_outputs, **private)
        self._search.change(self._searched, [self._search, self._conversation], self._listing, **private)
        page.load(self._load, None, [*chat_outputs, self._sources], **private)
        page.load(lambda: about(self._assistant), None, self._about, **private)
        library_tab.select(self._library, None, library_outputs, **private)
        self._library_click.change(self._library_clicked, self._library_click, library_outputs, **private)
        self._watch.submit(self._watch_folder, self._watch, library_outputs, **private)
        for files in (self._files, self._folder):
            files.upload(self._uploaded, files, [*library_outputs, files], **private)

    def _ask(
        self,
        question: str,
        conversation: str,
        sources: list[str] | None,
        replaces: int,
        search: str,
        request: gr.Request,
        extractive: bool = False,
    ) -> Iterator[Outputs]:
        user, unanswered, history = request.username or "", "", None
        box: object = gr.Textbox(value="", submit_btn=False, stop_btn="Stop")
        context = self._assistant, self._conversations, user, conversation
        for view in chat.ask(*context, question, sources or [], replaces, extractive):
            changed = gr.skip() if view.history == history else view.history  # may be long: sent once
            yield changed, view.draft, view.conversation, gr.skip(), box, 0, ""
            history, box, conversation = view.history, gr.skip(), view.conversation
            unanswered = question if view.failed else ""
        listing = self._list(user, search, conversation)
        yield gr.skip(), gr.skip(), gr.skip(), listing, _idle_box(unanswered), 0, ""

    def _clicked(
        self,
        click: str,
        question: str,
        conversation: str,
        sources: list[str] | None,
        replaces: int,
        search: str,
        request: gr.Request,
    ) -> Iterator[Outputs]:
        """Handle a button of the conversation or of the list of conversations."""
        user, action = request.username or "", _parse(click)
        number = action.get("number", 0)
        try:
            match action.get("do"):
                case "ask" | "plain" as do:
                    asked, plain = str(action.get("ask", "")), do == "plain"
                    yield from self._ask(asked, conversation, sources, replaces, search, request, plain)
                case "retry":
                    asked = chat.question_at(self._conversations, user, conversation, number)
                    yield from self._ask(asked, conversation, sources, number, search, request)
                case "edit":
                    asked = chat.question_at(self._conversations, user, conversation, number)
                    yield *[gr.skip()] * 4, _idle_box(asked), number, part("editing", number)
                case "open":
                    yield self._show(user, str(action["open"]), search)
                case "delete":
                    deleted = str(action["conversation"])
                    self._conversations.delete(user, deleted)
                    yield self._show(user, "" if deleted == conversation else conversation, search)
                case "judge":
                    verdict, note = str(action["verdict"]), str(action.get("note", ""))
                    self._conversations.judge(user, conversation, number, verdict, note)
                    yield self._show(user, conversation, search)
        except PilcrowError as error:
            yield gr.skip(), part("problem", str(error)), *[gr.skip()] * 5

    def _load(self, request: gr.Request) -> Outputs:
        user = request.username or ""
        try:
            outputs = self._show(user, request.query_params.get("c", ""), "")
        except PilcrowError as error:
            history, _, *rest = self._show(user, "", "")
            outputs = (history, part("problem", str(error)), *rest)
        return *outputs, self._choices()

    def _new(self, search: str, request: gr.Request) -> Outputs:
        return self._show(request.username or "", "", search)

    def _show(self, user: str, conversation: str, search: str) -> Outputs:
        history = chat.show(self._assistant, self._conversations, user, conversation)
        return history, "", conversation, self._list(user, search, conversation), _idle_box(), 0, ""

    def _stopped(self) -> Outputs:
        return _idle_box(), part("status", "Stopped. Nothing was saved.")

    def _searched(self, search: str, conversation: str, request: gr.Request) -> str:
        return self._list(request.username or "", search, conversation)

    def _list(self, user: str, search: str, conversation: str) -> str:
        return part("listing", self._conversations.search(user, search.strip()), conversation)

    def _choices(self) -> gr.Dropdown:
        """Offer the collections, then the documents."""
        documents = [document.source for document in self._assistant.documents()]
        collections = [name for name, sources in self._assistant.collections().items() if sources]
        return gr.Dropdown(choices=[*((f"{name} (collection)", name) for name in collections), *documents])

    def _library(self, progress: str = "") -> Outputs:
        """Show the library. Its table reads every file, so it is built only when shown or changed."""
        return progress, self._watched.panel() + library.table(self._assistant), self._choices()

    def _watch_folder(self, path: str) -> Outputs:
        try:
            if self._watched.may_add:
                self._watched.add(path.strip())
        except PilcrowError as error:
            return self._library(part("problem", str(error)))
        return self._library()

    def _uploaded(self, files: list[str] | None) -> Iterator[Outputs]:
        for outputs in self._ingest(lambda: library.save(self._assistant, files or [])):
            yield *outputs, None

    def _library_clicked(self, click: str) -> Iterator[Outputs]:
        """Read a document again, remove it, or stop watching a folder."""
        action = _parse(click)
        if "again" in action:
            yield from self._ingest(lambda: [self._assistant.path(str(action["again"]))])
            return
        try:
            if "unwatch" in action:
                self._watched.stop(str(action["unwatch"]))
                result = part("status", f"Stopped watching {action['unwatch']}. Its documents stay.")
            else:
                result = part("status", library.remove(self._assistant, str(action.get("remove"))))
        except (PilcrowError, OSError) as error:
            result = part("problem", str(error))
        yield self._library(result)

    def _ingest(self, files: Callable[[], list[Path]]) -> Iterator[Outputs]:
        progress = ""
        try:
            for progress in library.ingest(self._assistant, files()):
                yield progress, gr.skip(), gr.skip()
        except (PilcrowError, OSError) as error:
            progress += part("problem", str(error))
        yield self._library(progress)


def _idle_box(text: str = "") -> gr.Textbox:
    return gr.Textbox(value=text, submit_btn="Ask", stop_btn=False)


def _parse(click: str) -> dict[str, Any]:
    """Return what was clicked, as page.js wrote it; {} if something else wrote it."""
    try:
        action = json.loads(click)
    except ValueError:
        return {}
    return action if isinstance(action, dict) and isinstance(action.get("number", 0), int) else {}
