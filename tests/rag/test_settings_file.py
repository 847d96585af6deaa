"""Settings changed by the page are kept in pilcrow.toml, and nothing else in it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import Settings
from rag.errors import SettingsError
from rag.settings_file import overriding, save

WRITTEN = """\
# how we ask
evidence = 5  # more is slower
llm = "http://127.0.0.1:11434/v1"   # Ollama
llm_model = "small"

# who may ask
auth = "ann:sesame"

[collections]
contracts = ["contracts", "*.docx"]  # signed ones
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_comments_order_and_other_settings_stay(folder: Path) -> None:
    file = folder / "pilcrow.toml"
    file.write_text(WRITTEN, "utf-8")
    save(
        {"llm": "http://127.0.0.1:8080/v1", "llm_model": None, "verifier": "none", "llm_key_file": Path("k")}
    )
    written = file.read_text("utf-8")
    assert written == WRITTEN.replace("11434", "8080").replace('llm_model = "small"\n', "").replace(
        '"ann:sesame"\n', '"ann:sesame"\nverifier = "none"\nllm_key_file = "k"\n'
    )
    loaded = Settings.load()
    assert (loaded.llm, loaded.verifier, loaded.evidence) == ("http://127.0.0.1:8080/v1", "none", 5)
    assert loaded.collections == {"contracts": ["contracts", "*.docx"]}
    save({"llm": loaded.llm})
    assert file.read_text("utf-8") == written


def test_the_file_is_made_and_windows_line_ends_stay(folder: Path) -> None:
    file = folder / "pilcrow.toml"
    save({"llm": "~/model.gguf", "llm_model": None})
    assert file.read_text("utf-8") == 'llm = "~/model.gguf"\n'
    file.write_bytes(b"port = 1\r\nevidence = 3\r\n")
    save({"evidence": 4})
    assert file.read_bytes() == b"port = 1\r\nevidence = 4\r\n"


def test_rights_and_links_stay_and_nothing_is_left_over(folder: Path) -> None:
    kept = folder / "etc"
    kept.mkdir()
    (kept / "kept.toml").write_text('llm_key = "secret"\n')
    (kept / "kept.toml").chmod(0o600)
    (folder / "pilcrow.toml").symlink_to(kept / "kept.toml")
    save({"evidence": 4})
    assert (folder / "pilcrow.toml").is_symlink()
    assert (kept / "kept.toml").stat().st_mode & 0o777 == 0o600
    assert (kept / "kept.toml").read_text() == 'llm_key = "secret"\nevidence = 4\n'
    assert [path.name for path in kept.iterdir()] == ["kept.toml"]


@pytest.mark.parametrize(
    ("before", "changes", "named"),
    [
        (WRITTEN, {"llm": "ftp://elsewhere"}, "llm"),
        (WRITTEN, {"llm_key": "sk-1"}, "llm_key_file"),
        (WRITTEN, {"nonsense": 1}, "nonsense"),
        ("evidence = ", {"evidence": 4}, "can't be changed"),
        ("\udcff", {"evidence": 4}, "can't be changed"),
    ],
)
def test_a_bad_change_or_file_changes_nothing(
    before: str, changes: dict[str, object], named: str, folder: Path
) -> None:
    file = folder / "pilcrow.toml"
    file.write_bytes(before.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsError, match=named) as refused:
        save(changes)
    assert "sesame" not in str(refused.value)
    assert "sk-1" not in str(refused.value)
    assert file.read_bytes() == before.encode("utf-8", "surrogateescape")


def test_what_overrides_the_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    save({"llm": "http://127.0.0.1:8080/v1"})
    assert overriding(["llm", "verifier"]) == []
    monkeypatch.setenv("PILCROW_LLM", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("PILCROW_VERIFIER", "")
    assert overriding(["llm", "verifier"]) == ["PILCROW_LLM"]
