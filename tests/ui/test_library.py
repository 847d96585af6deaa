"""The library: uploads, clashes of names, reading in the background, removal with an undo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from html import unescape
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from unicodedata import normalize

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.middleware.base import RequestResponseEndpoint
from starlette.testclient import TestClient

from rag import Assistant, PilcrowError, Settings
from ui import shelf_pages
from ui.accounts import User
from ui.app import build
from ui.conversations import FILE, Conversations
from ui.desk import Desk, Forbidden
from ui.library import FOLDER, Shelf
from ui.source import page_image


class Library:
    """The library of an open page, as a browser uses it."""

    def __init__(self, client: TestClient, assistant: Assistant) -> None:
        self.client = client
        self.assistant = assistant
        self.desk: Desk = client.app.state.desk  # type: ignore[attr-defined]
        self.folder = assistant.settings.index / FOLDER

    def upload(
        self, path: str, text: str | bytes, on_clash: str = "ask", read: bool = True
    ) -> dict[str, str]:
        content = text.encode() if isinstance(text, str) else text
        form = {"path": path, "on_clash": on_clash}
        answer = self.client.post("/pilcrow/upload", data=form, files={"file": (Path(path).name, content)})
        assert answer.status_code == 200, answer.text
        if read:
            self.wait()
        return dict(answer.json())

    def post(self, name: str, **body: Any) -> dict[str, Any]:
        answer = self.client.post(f"/pilcrow/{name}", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def state(self, **query: Any) -> dict[str, Any]:
        state: dict[str, Any] = self.client.get("/pilcrow/shelf", params=query).json()
        state["html"] = {name: " ".join(unescape(html).split()) for name, html in state["html"].items()}
        return state

    def wait(self) -> None:
        start = monotonic()
        while self.state()["busy"]:
            assert monotonic() - start < 60  # the model is loaded first
            sleep(0.05)

    def sources(self) -> list[str]:
        return [one.source for one in self.assistant.documents()]

    def text(self, source: str) -> str:
        return self.assistant.paragraph(source, 1).text

    def files(self) -> list[str]:
        """Every file that the page keeps, each in a folder of its own."""
        found = [one.relative_to(self.folder) for one in self.folder.rglob("*") if one.is_file()]
        return sorted("/".join(one.parts[1:]) for one in found)


@contextmanager
def opened(index: Path, **settings: Any) -> Iterator[Library]:
    with (
        Assistant.open(index, Settings.model_validate(settings)) as assistant,
        Conversations(index / FILE) as conversations,
    ):
        client = TestClient(build(assistant, conversations), base_url="http://127.0.0.1")
        library = Library(client, assistant)
        try:
            yield library
        finally:
            library.desk.shelf.close()
            library.desk.watched.close()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with opened(tmp_path / "index") as library:
        yield library


def test_folders_keep_their_paths_and_name_the_documents(library: Library) -> None:
    for path in ("reports/2024/january.txt", "reports/2023/january.txt", "january.txt"):
        library.upload(path, f"A log of {path}.")
    assert library.sources() == ["january.txt", "reports/2023/january.txt", "reports/2024/january.txt"]
    assert library.text("reports/2024/january.txt") == "A log of reports/2024/january.txt."
    assert library.files() == library.sources()
    found = library.assistant.search("log", sources=["reports"])
    assert {one.source for one in found} == {"reports/2023/january.txt", "reports/2024/january.txt"}


def test_another_file_of_a_name_asks_and_replaces_or_is_kept_beside_it(library: Library) -> None:
    library.upload("ferry.txt", "The ferry sailed at nine.")
    asked = library.upload("ferry.txt", "The ferry sailed at ten.")
    assert asked["state"] == "clash"
    assert "Keep both" in asked["html"]
    assert "Replace" in asked["html"]
    assert library.text("ferry.txt") == "The ferry sailed at nine."
    library.upload("ferry.txt", "The ferry sailed at ten.", "keep")
    assert library.sources() == ["ferry (2).txt", "ferry.txt"]
    assert library.text("ferry (2).txt") == "The ferry sailed at ten."
    library.upload("ferry.txt", "The ferry sailed at noon.", "replace")
    assert library.text("ferry.txt") == "The ferry sailed at noon."
    library.upload("ferry.txt", "The ferry never sailed.")
    assert library.text("ferry.txt") == "The ferry sailed at noon."
    assert library.files() == ["ferry (2).txt", "ferry.txt"]


def test_the_same_file_again_is_already_there(library: Library) -> None:
    library.upload("ferry.txt", "Nine.")
    library.upload("ferry.txt", "Ten.", "keep")
    for text, name in (("Nine.", "ferry.txt"), ("Ten.", "ferry (2).txt")):
        again = library.upload("ferry.txt", text)
        assert (again["state"], again["name"]) == ("known", name)
    assert "already in the library" in library.state()["html"]["reading"]
    assert len(library.sources()) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [("Log.txt", "log.TXT"), (normalize("NFC", "Verträge.txt"), normalize("NFD", "Verträge.txt"))],
)
def test_names_that_some_disks_hold_for_the_same_clash(library: Library, first: str, second: str) -> None:
    library.upload(first, "A log of Urk.")
    assert library.upload(second, "A log of Elburg.")["state"] == "clash"
    library.upload(second, "A log of Elburg.", "replace")
    assert library.sources() == [first]
    assert library.text(first) == "A log of Elburg."


def test_two_uploads_of_a_name_at_once_are_told_apart(library: Library) -> None:
    for place in ("Urk", "Elburg"):
        library.upload("log.txt", f"A log of {place}.", "keep", read=False)
    assert library.upload("log.txt", "A log of Hoorn.", read=False)["state"] == "clash"
    library.wait()
    assert library.text("log.txt") == "A log of Urk."
    assert library.text("log (2).txt") == "A log of Elburg."


def test_a_file_of_another_folder_is_never_replaced(library: Library, tmp_path: Path) -> None:
    own = tmp_path / "own" / "log.txt"
    own.parent.mkdir()
    own.write_text("A log of Urk.", "utf-8")
    library.assistant.ingest([own.parent])
    for on_clash in ("ask", "replace"):
        asked = library.upload("log.txt", "A log of Elburg.", on_clash)
        assert asked["state"] == "clash"
        assert "Replace" not in asked["html"]
    library.upload("log.txt", "A log of Elburg.", "keep")
    assert own.read_text("utf-8") == library.text("log.txt") == "A log of Urk."
    assert library.text("log (2).txt") == "A log of Elburg."


@pytest.mark.parametrize(
    "path",
    ["../up.txt", "/etc/up.txt", "a/../../up.txt", "C:\\up.txt", "..\\up.txt", "a//up.txt", "a/./up.txt",
     ".git/up.txt", "a/.up.txt", f"{'a' * 300}.txt", "a/" * 400 + "up.txt", "a/pilcrow.toml", "\x00/up.txt"],
)  # fmt: skip
def test_paths_that_lead_elsewhere_are_refused(library: Library, path: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("up.txt"))
    answer = library.client.post("/pilcrow/upload", data={"path": path}, files={"file": ("up.txt", b"Up.")})
    assert answer.status_code in {400, 415}
    assert answer.json()["message"]
    assert sorted(tmp_path.rglob("up.txt")) == before
    assert library.post("offer", files=[[path, 3]]) == {"send": []}


def test_odd_names_are_cleaned(library: Library) -> None:
    name = library.upload("re\u202eport\x07s/<b>jan & feb</b>.txt".replace("</b>", "b"), "A log of Urk.")[
        "name"
    ]
    assert name == "reports/<b>jan & febb.txt"
    assert library.text(name) == "A log of Urk."
    html = library.client.get("/library").text
    assert "<b>jan" not in html


def test_limits_and_formats_are_named_before_and_after_sending(tmp_path: Path) -> None:
    with opened(tmp_path / "index", file_mib=1) as library:
        offered = [
            ["a.txt", 10],
            ["large.pdf", 3 * 2**20],
            ["old.doc", 10],
            ["song.mp3", 10],
            ["b.csv", 2**20],
        ]
        assert library.post("offer", files=offered) == {"send": [0, 4]}
        shown = library.state()["html"]["reading"]
        for words in (
            "3 files were not read",
            "is 3 MiB, more than 1",
            "save it as .docx",
            "add a transcript",
        ):
            assert words in shown
        form: dict[str, Any] = {"data": {"path": "l.txt"}, "files": {"file": ("l.txt", b"a" * (2**20 + 1))}}
        large = library.client.post("/pilcrow/upload", **form)
        assert large.status_code == 413
        assert "is 2 MiB, more than 1" in large.json()["message"]
        old = library.client.post("/pilcrow/upload", data={"path": "a.xls"}, files={"file": ("a.xls", b"a")})
        assert old.status_code == 415
        assert "save it as .xlsx" in old.json()["message"]
        page = unescape(library.client.get("/library").text)
        assert "Up to 1 MiB a file" in page
        assert "PDF, Word, Excel" in page


def test_reading_goes_on_by_itself_and_its_state_survives_a_reload(library: Library) -> None:
    text = "\n\n".join(f"The {number}th ferry sailed to Urk." for number in range(400))
    library.upload("ferries.txt", text, read=False)
    library.upload("broken.pdf", b"%PDF-1.4 broken", read=False)
    seen = set()
    while (state := library.state())["busy"]:
        seen.add(state["html"]["reading"])
        assert 'value="100"' not in state["html"]["reading"]
        sleep(0.02)
    assert any("reading" in one for one in seen)
    page = " ".join(unescape(library.client.get("/library").text).split())
    for words in ("400 paragraphs", "broken.pdf", "damaged"):
        assert words in page
    assert library.sources() == ["ferries.txt"]


def test_one_that_cannot_be_read_replaces_nothing_and_can_be_cleared(library: Library) -> None:
    library.upload("log.csv", "a,b\n1,2\n")
    library.upload("log.csv", "  ", "replace")
    assert "is empty" in library.state()["html"]["reading"]
    assert "1" in library.text("log.csv")
    assert library.assistant.changed() == {}
    library.post("clear")
    assert library.state()["html"]["reading"] == ""
    assert library.files() == ["log.csv"]


def test_a_document_removed_elsewhere_stays_removed_after_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path / "index") as library:
        library.upload("log.txt", "A log of Urk.")
        library.assistant.remove("log.txt")  # as `pilcrow remove` does, which leaves the file
    with opened(tmp_path / "index") as library:
        library.wait()
        assert library.sources() == []


def test_a_file_of_an_earlier_version_can_be_removed_and_restored(library: Library, tmp_path: Path) -> None:
    kept = tmp_path / "index" / FOLDER / "log.txt"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("A log of Urk.", "utf-8")
    library.assistant.ingest([kept])
    removed = library.post("remove", sources=["log.txt"])
    library.post("restore-documents", key=removed["key"])
    library.wait()
    assert library.text("log.txt") == "A log of Urk."


def test_removal_takes_effect_at_once_and_can_be_undone(library: Library, tmp_path: Path) -> None:
    own = tmp_path / "docs" / "deep" / "own.txt"
    own.parent.mkdir(parents=True)
    own.write_text("A log of Urk.", "utf-8")
    library.assistant.ingest([tmp_path / "docs"])
    library.upload("given/log.txt", "A log of Elburg.")
    removed = library.post("remove", sources=["deep/own.txt", "given/log.txt"])
    assert removed["message"] == "2 documents removed"
    assert library.sources() == []
    assert own.is_file()
    library.post("restore-documents", key=removed["key"])
    library.wait()
    assert library.sources() == ["deep/own.txt", "given/log.txt"]
    assert library.text("given/log.txt") == "A log of Elburg."
    assert library.client.post("/pilcrow/restore-documents", json={"key": removed["key"]}).status_code == 410


def test_an_undo_after_a_new_upload_of_the_name_keeps_both(library: Library) -> None:
    library.upload("log.txt", "A log of Urk.")
    removed = library.post("remove", sources=["log.txt"])
    library.upload("log.txt", "A log of Elburg.")
    library.post("restore-documents", key=removed["key"])
    library.wait()
    assert library.text("log.txt") == "A log of Elburg."
    assert library.text("log (2).txt") == "A log of Urk."


def test_removed_files_are_deleted_once_the_undo_is_over(library: Library) -> None:
    library.upload("log.txt", "A log of Urk.")
    shelf = Shelf(library.assistant, undo_seconds=0.05)
    with closing(shelf), pytest.raises(PilcrowError, match="too late to undo"):
        removal = shelf.remove(["log.txt"])
        sleep(0.5)
        assert library.files() == []
        shelf.restore(removal)


def test_update_reads_changed_files_again(library: Library, tmp_path: Path) -> None:
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text("A log of Urk.", "utf-8")
    library.assistant.ingest([tmp_path / "one.txt", tmp_path / "two.txt"])
    (tmp_path / "one.txt").write_text("A log of Elburg.", "utf-8")
    (tmp_path / "two.txt").unlink()
    table = library.state()["html"]["table"]
    assert "file has changed" in table
    assert "file is gone" in table
    library.post("again", sources=[])
    library.wait()
    assert library.text("one.txt") == "A log of Elburg."
    library.post("again", sources=["two.txt"])
    library.wait()
    assert "two.txt" in library.state()["html"]["reading"]
    assert library.text("two.txt") == "A log of Urk."


def test_table_is_searched_sorted_and_turned(library: Library) -> None:
    folder = library.folder.parent.parent / "docs"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.txt").write_text("\n\n".join(["A log of Urk."] * (5 - number)), "utf-8")
    for number in range(200):
        (folder / f"page {number:03}.csv").write_text("a\n1\n", "utf-8")
    library.assistant.ingest([folder])

    def names(**view: object) -> list[str]:
        table = library.state(**view)["html"]["table"]
        return [one.partition(".")[0] for one in table.split('data-source="')[1:]]

    assert names()[:5] == list("01234")
    assert names(q=".txt", sort="-name") == list("43210")
    assert names(q=".txt", sort="paragraphs") == list("43210")
    assert names(q="3.TXT") == ["3"]
    assert names(q="nothing") == []
    assert len(names()) == 200
    assert len(names(at=2)) == 5
    seen = library.state()["seen"]
    assert "table" not in library.state(seen=seen)["html"]


def test_collections_choose_documents(tmp_path: Path) -> None:
    with opened(tmp_path / "index", collections={"Logs": ["logs"]}) as library:
        library.upload("logs/a.txt", "A log of Urk.")
        library.upload("b.txt", "A log of Elburg.")
        table = library.state(within="Logs")["html"]["table"]
        assert "logs/a.txt" in table
        assert "b.txt" not in table


def test_first_use_shows_the_files_and_then_questions(library: Library) -> None:
    assert "html" in library.state(start=True)
    library.upload("tower.md", "# The tower of Brielle\n\nThe tower of Brielle was built in 1325.\n")
    state = library.state(start=True)
    assert "tower.md" in state["html"]["reading"]
    assert "data-ask=" in state["html"]["ready"]
    assert "table" not in state["html"]


def test_a_reader_sees_the_library_and_changes_nothing(library: Library) -> None:
    library.upload("log.txt", "A log of Urk.")

    async def guard(request: Request, call_next: RequestResponseEndpoint) -> Response:
        request.state.user = User("ben", False)
        return await call_next(request)

    app = FastAPI()
    app.state.desk = library.desk
    app.include_router(shelf_pages.router)
    app.middleware("http")(guard)
    library.client = TestClient(app, raise_server_exceptions=False)
    app.add_exception_handler(Forbidden, lambda _, error: PlainTextResponse(str(error), 403))
    page = unescape(library.client.get("/library").text)
    assert "log.txt" in page
    for act in ('data-shelf="remove"', 'id="drop"', "data-pick", 'id="watch"', 'id="dropping"'):
        assert act not in page
    for name, body in {
        "offer": {"files": []},
        "remove": {"sources": ["log.txt"]},
        "again": {"sources": []},
        "restore-documents": {"key": ""},
        "clear": {},
        "watch": {"path": "/"},
        "unwatch": {"path": "/"},
    }.items():
        assert library.client.post(f"/pilcrow/{name}", json=body).status_code == 403, name
    sent = library.client.post("/pilcrow/upload", data={"path": "a.txt"}, files={"file": ("a.txt", b"A")})
    assert sent.status_code == 403
    assert library.sources() == ["log.txt"]


def test_documents_answer_the_suggested_questions(assistant: Assistant) -> None:
    questions = assistant.suggestions()
    assert len(questions) >= 3
    for question in questions:
        answer = assistant.ask(question)
        assert not answer.abstained, question
        assert answer.citations


def test_only_pages_of_pdf_files_are_drawn(seeds: Path) -> None:
    assert page_image(seeds / "fact-sheet-wagner.pdf", 1).startswith(b"\x89PNG")
    for path, number in ((seeds / "fact-sheet-wagner.pdf", 99), (seeds / "glossary.md", 1)):
        with pytest.raises(ValueError, match="page"):
            page_image(path, number)
