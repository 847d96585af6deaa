"""What the tests of the page share: a small index, a page with a login, and odd strings."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from served_page import served
from shared_names import ROOT

from rag import Assistant, Settings


@pytest.fixture(autouse=True, scope="session")
def gradio_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Gradio's folder for uploads, away from the machine's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        yield


@pytest.fixture(scope="session")
def towers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """An assistant over two small documents, for questions only."""
    folder = tmp_path_factory.mktemp("towers")
    (folder / "Brielle.txt").write_text(
        "The tower of Brielle leans two degrees, says the surveyor.\n\n"
        "The tower of Delft leans nine degrees; it was built in 1325.\n",
        "utf-8",
    )
    (folder / "2023-01-31.md").write_text("# Ferry\n\nThe ferry of Kampen sank.\n", "utf-8")
    with Assistant.open(folder / "index", Settings()) as assistant:
        assistant.ingest([folder])
        yield assistant


@pytest.fixture(scope="session")
def address(towers: Assistant) -> Iterator[str]:
    """The address of a page with the tools, which needs the login `ann:a b`."""
    with served(towers, "ann:a b") as (_, address):
        yield address


@pytest.fixture(scope="session")
def naughty_strings() -> list[str]:
    """The strings beside the checkout; none where they are not."""
    path = ROOT.parent / "shared" / "data" / "hostile" / "naughty_strings.json"
    return list(json.loads(path.read_text("utf-8"))) if path.is_file() else []
