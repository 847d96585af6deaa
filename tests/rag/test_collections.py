"""Questions limited to a collection, a folder or a pattern, and files of one name in two folders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from unicodedata import normalize

import pytest
from shared_names import Run

from rag import Assistant, PilcrowError, Settings
from rag.errors import SettingsError

FILES = {
    "contracts/2024/lease.md": "The monthly rent of the shed is 540 euros.",
    "contracts/2025/lease.md": "The monthly rent of the shed is 610 euros.",
    "contracts/Supply.TXT": "The monthly rent of the forklift is 95 euros.",
    "letters/rent.md": "Aunt Fenna says the monthly rent of her boat is 30 euros.",
    "notes.md": "The shed is green.",
}
COLLECTIONS = {
    "contracts": ["contracts/*"],
    "rents": ["*/lease.md", "letters"],
    "Verträge": "contracts/2025",
    "empty": ["minutes/*"],
}
RENT = "What is the monthly rent?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("shelf") / "papers"
    for name, text in FILES.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text, "utf-8")
    return made


@pytest.fixture(scope="module")
def papers(folder: Path) -> Iterator[Assistant]:
    settings = Settings.model_validate({"collections": COLLECTIONS})
    with Assistant.open(folder.parent / "index", settings) as assistant:
        assistant.ingest([folder])
        yield assistant


def found(assistant: Assistant, *sources: str) -> set[str]:
    searched = {one.source for one in assistant.search(RENT, sources, limit=20)}
    assert searched == {one.source for one in assistant.documents(sources)}
    return searched


def test_a_collection_limits_questions_searches_and_lists(papers: Assistant) -> None:
    contracts = {"contracts/2024/lease.md", "contracts/2025/lease.md", "contracts/Supply.TXT"}
    assert found(papers, "contracts") == contracts
    assert found(papers, "rents") == {*FILES} - {"contracts/Supply.TXT", "notes.md"}
    assert found(papers, "rents", "notes.md") == {*FILES} - {"contracts/Supply.TXT"}
    assert found(papers, normalize("NFD", "Verträge")) == {"contracts/2025/lease.md"}
    answer = papers.ask("What is the monthly rent of the shed?", sources="Verträge")
    assert "610" in answer.text
    assert {one.source for one in papers.overview("Verträge").citations} == {"contracts/2025/lease.md"}
    assert papers.collections() == {
        "contracts": sorted(contracts),
        "rents": sorted({*FILES} - {"contracts/Supply.TXT", "notes.md"}),
        "Verträge": ["contracts/2025/lease.md"],
        "empty": [],
    }


def test_a_folder_or_a_pattern_needs_no_collection(papers: Assistant, folder: Path) -> None:
    for same in (
        "letters",
        "letters/",
        "./letters",
        "letters/**",
        "LETTERS",
        "**/letters/*",
        "papers/letters",
    ):
        assert found(papers, same) == {"letters/rent.md"}, same
    assert found(papers, str(folder / "contracts" / "2024")) == {"contracts/2024/lease.md"}
    assert found(papers, "papers") == {*FILES}, "the folder that was ingested"
    assert found(papers, "*.txt") == {"contracts/Supply.TXT"}
    assert found(papers, "contracts/2025/lease.md") == {"contracts/2025/lease.md"}


def test_an_unknown_collection_names_those_that_exist(papers: Assistant) -> None:
    for name in ("minutes", "contract", "let", "ease.md", "papers2"):
        with pytest.raises(PilcrowError, match="Collections: contracts, rents, Verträge, empty"):
            papers.ask(RENT, sources=[name])
    with pytest.raises(PilcrowError, match=r"'empty' has no documents: none matches minutes/\*"):
        papers.ask(RENT, sources=["contracts", "empty"])
    with pytest.raises(PilcrowError, match="No document named"):
        papers.remove("contracts")


def test_an_older_edition_answers_if_the_newer_is_in_another_collection(tmp_path: Path) -> None:
    for folder, version, days in (("old", "1.0", "ten"), ("new", "2.0", "twenty")):
        (tmp_path / folder).mkdir()
        replaces = "Replaces version 1.0.\n\n" if folder == "new" else ""
        text = f"# Leave policy\n\nVersion {version}\n\n{replaces}Staff have {days} days of leave.\n"
        (tmp_path / folder / "policy.md").write_text(text, "utf-8")
    with Assistant.open(tmp_path / "index", Settings()) as assistant:
        assistant.ingest([tmp_path / "old", tmp_path / "new"])
        asked = "How many days of leave do staff have?"
        for sources in (None, ["old", "new"]):
            answer = assistant.ask(asked, sources=sources)
            assert "twenty" in answer.text
            assert "ten " not in answer.text
        assert "ten" in assistant.ask(asked, sources=["old"]).text


def test_collections_are_read_from_the_file_and_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pilcrow.toml").write_text(
        '[collections]\ncontracts = ["a/*", "*.docx"]\nletters = "post"\n', "utf-8"
    )
    assert Settings.load().collections == {"contracts": ["a/*", "*.docx"], "letters": ["post"]}
    monkeypatch.setenv("PILCROW_COLLECTIONS", '{mine = ["x"]}')
    assert Settings.load().collections == {"mine": ["x"]}
    for wrong in ("contracts", "{mine = [1]}", "{mine = 3}", '{mine = [""]}', '{"" = ["x"]}', "[]"):
        monkeypatch.setenv("PILCROW_COLLECTIONS", wrong)
        with pytest.raises(SettingsError, match="collections = .* in PILCROW_COLLECTIONS: .*should"):
            Settings.load()


def test_the_command_line_asks_and_lists_a_collection(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    index = ("--index", tmp_path / "index")
    assert run("ingest", folder, *index)[0] == 0
    _, listed, _ = run("list", *index)
    assert "collection" not in listed
    _, listed, _ = run("list", "--collection", "contracts/2025", *index)
    assert len(listed.splitlines()) == 1
    Path("pilcrow.toml").write_text('[collections]\nleases = ["*/lease.md"]\n', "utf-8")
    _, listed, _ = run("list", *index)
    assert listed.endswith("collection leases: 2 documents\n")
    code, out, _ = run("ask", "What is the rent of the boat?", "--json", "--collection", "letters", *index)
    assert (code, json.loads(out)["citations"][0]["source"]) == (0, "letters/rent.md")
    code, _, err = run("ask", RENT, "--collection", "lease", *index)
    assert (code, err.count("Collections: leases.")) == (1, 1)


def test_files_of_one_name_in_two_folders_stay_apart(tmp_path: Path) -> None:
    for year, fee in (("2024", "54.90"), ("2025", "61.40")):
        (tmp_path / year).mkdir()
        (tmp_path / year / "invoice.md").write_text(f"# Invoice\n\nMonthly fee: EUR {fee}\n", "utf-8")
    with Assistant.open(tmp_path / "index", Settings()) as assistant:
        assistant.ingest([tmp_path / "2024" / "invoice.md", tmp_path / "2025" / "invoice.md"])
        assert len(assistant.documents()) == 2
        for year, fee in (("2024", "54.90"), ("2025", "61.40")):
            (document,) = assistant.documents([f"{tmp_path}/{year}"])
            assert fee in assistant.ask("What is the monthly fee?", sources=[document.source]).text
            assert assistant.path(document.source) == tmp_path / year / "invoice.md"
        assert not assistant.ingest([tmp_path / "2025"]).added
        assistant.remove("2025/invoice.md")
        assert assistant.path("invoice.md") == tmp_path / "2024" / "invoice.md"
