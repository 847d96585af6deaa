"""Settings: precedence, bounds, and messages that name the setting, its place and the remedy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from scripted_llm_server import saying, scripted

from rag.doctor import examine
from rag.errors import SettingsError
from rag.settings import Settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / "pilcrow.toml").write_text(text, "utf-8")


def test_defaults_need_nothing() -> None:
    settings = Settings.load()
    assert settings == Settings()
    assert settings.index == Path("index")
    assert set(Settings.origins().values()) == {"the defaults"}


def test_arguments_beat_the_environment_beats_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, 'evidence = 3\nport = 8001\nhost = "::1"')
    monkeypatch.setenv("PILCROW_EVIDENCE", "4")
    monkeypatch.setenv("PILCROW_PORT", "8002")
    settings = Settings.load(evidence=5, index=None)
    assert (settings.evidence, settings.port, settings.host) == (5, 8002, "::1")
    origins = Settings.origins(evidence=5, index=None)
    assert origins["evidence"] == "the arguments"
    assert origins["port"] == "PILCROW_PORT"
    assert origins["host"] == "pilcrow.toml"
    assert origins["index"] == "the defaults"


def test_values_given_in_the_program_are_not_overridden(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "evidence = 3")
    monkeypatch.setenv("PILCROW_PORT", "8002")
    assert (Settings(evidence=4).evidence, Settings().port) == (4, 7860)


def test_empty_variable_is_ignored(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "evidence = 3")
    monkeypatch.setenv("PILCROW_EVIDENCE", "")
    assert Settings.load().evidence == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("evidence", 0),
        ("evidence", 51),
        ("evidence", "many"),
        ("port", 0),
        ("port", 65536),
        ("embedder", ""),
        ("reranker", ""),
        ("chroma_url", "localhost:8000"),
        ("chroma_url", "ftp://127.0.0.1"),
        ("chroma_url", "http://"),
        ("chroma_url", "https://user:password@127.0.0.1"),
        ("host", ""),
        ("llm", ""),
        ("llm", "llama3.1"),
        ("llm", "127.0.0.1:11434/v1"),
        ("llm", "ftp://127.0.0.1/v1"),
        ("llm", "http://"),
        ("llm", "http://127.0.0.1:99999/v1"),
        ("llm", "http://[::1/v1"),
        ("llm", "http://127.0.0.1/v1?model=x"),
        ("llm", "https://example.com/model.gguf?x=1"),
        ("llm_model", ""),
        ("llm_key", ""),
        ("llm_context", 100),
        ("llm_seconds", 0),
        ("llm_seconds", 3601),
    ],
)
def test_invalid_values_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=f"{name} = .* in the arguments"):
        Settings.load(**{name: value})
    with pytest.raises(SettingsError, match=name):
        Settings(**{name: value})


def test_the_message_says_where_the_value_came_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "evidence = 99")
    with pytest.raises(SettingsError, match=r"evidence = 99 in pilcrow\.toml: .*50"):
        Settings.load()
    monkeypatch.setenv("PILCROW_EVIDENCE", "none")
    with pytest.raises(SettingsError, match="evidence = 'none' in PILCROW_EVIDENCE: .*integer"):
        Settings.load()
    monkeypatch.setenv("PILCROW_EVIDENCE", "9")
    monkeypatch.setenv("PILCROW_TRACES", "localhost:4318")
    with pytest.raises(SettingsError, match="'localhost:4318' in PILCROW_TRACES: .*http://127.0.0.1:4318"):
        Settings.load()


def test_unknown_names_are_errors_everywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="Unknown setting 'evidnce'.*Did you mean evidence"):
        Settings.load(evidnce=3)
    with pytest.raises(SettingsError, match="Unknown setting 'prot'.*Did you mean port"):
        Settings(prot=3)
    monkeypatch.setenv("PILCROW_EMBEDER", "x")
    with pytest.raises(SettingsError, match="PILCROW_EMBEDER.*Did you mean PILCROW_EMBEDDER"):
        Settings.load()
    monkeypatch.delenv("PILCROW_EMBEDER")
    write(folder, "colour = 'red'")
    with pytest.raises(SettingsError, match=r"'colour' in pilcrow\.toml\. Remove it, or use one of: index"):
        Settings.load()


def test_a_file_that_is_not_toml_is_named(folder: Path) -> None:
    write(folder, "evidence = ")
    with pytest.raises(SettingsError, match=r"pilcrow\.toml can't be read"):
        Settings.load()
    (folder / "pilcrow.toml").write_bytes(b"host = '\xff\xfe'")
    with pytest.raises(SettingsError, match=r"pilcrow\.toml can't be read"):
        Settings.load()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]


def test_accounts_are_read_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILCROW_AUTH", "ann:o:pen, bob: sesame")
    settings = Settings.load()
    assert settings.accounts == {"ann": "o:pen", "bob": " sesame"}
    assert Settings().accounts == {}
    for shown in (repr(settings), str(settings), settings.model_dump_json(), f"{settings.auth}"):
        assert "pen" not in shown
        assert "sesame" not in shown


@pytest.mark.parametrize(
    "auth",
    [
        "sesame",
        "ann",
        "ann:",
        ":sesame",
        " :sesame",
        "ann:sesame,",
        "ann:sesame,ann:other",
        "sesame,a:b",
        7355608,
    ],
)
def test_invalid_accounts_are_refused_without_showing_a_password(auth: Any, folder: Path) -> None:
    write(folder, f"auth = {auth!r}")
    with pytest.raises(
        SettingsError, match=r"auth = … in pilcrow\.toml: should be .*name:password"
    ) as caught:
        Settings.load()
    chain: BaseException | None = caught.value
    while chain is not None:
        assert "sesame" not in str(chain)
        assert "7355608" not in str(chain)
        chain = chain.__cause__ or chain.__context__


def test_llm_is_an_address_or_a_file_and_home_is_expanded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("PILCROW_LLM", "http://127.0.0.1:11434/v1/")
    assert Settings.load().llm == "http://127.0.0.1:11434/v1"
    assert Settings.load(llm="https://llm.example.com/v1").llm == "https://llm.example.com/v1"
    assert Settings.load(llm="~/models/A.GGUF").llm == f"{folder}/models/A.GGUF"
    assert Settings.load(index="~/index").index == folder / "index"
    with pytest.raises(SettingsError, match=r"such as http://.*\.gguf"):
        Settings.load(llm="llama3.1")


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("llm_key", "open sesame", "should be a key"),
        ("llm_key", "sesame\n", "should be a key"),
        ("llm_key", "sésame", "should be a key"),
        ("llm", "https://ann:sesame@example.com/v1", ".*goes into llm_key"),
    ],
)
def test_invalid_secret_is_refused_without_showing_it(
    setting: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"PILCROW_{setting.upper()}", value)
    with pytest.raises(SettingsError, match=f"{setting} = … in PILCROW_.*: {message}") as caught:
        Settings.load()
    assert not re.search("s[eé]same", str(caught.value))


def test_doctor_hides_secrets_and_reports_a_model_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PILCROW_AUTH", "ann:sesame")
    monkeypatch.setenv("PILCROW_LLM", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("PILCROW_LLM_KEY", "sesame")
    findings = list(examine(None))
    assert [line for line, good in findings if not good and "127.0.0.1:9/v1 can't be reached" in line]
    assert ("auth = ********** (from PILCROW_AUTH)", True) in findings
    assert ("llm_key = ********** (from PILCROW_LLM_KEY)", True) in findings
    assert "sesame" not in str(findings)


def test_doctor_says_that_no_language_model_is_set() -> None:
    assert [line for line, good in examine(None) if good and line.startswith("llm: none")]


def test_doctor_offers_the_models_that_answer_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(saying("unasked")) as server:
        monkeypatch.setattr("rag.models.nearby.USUAL", (server.address, "http://127.0.0.1:9/v1"))
        (offer,) = [line for line, good in examine(None) if good and server.address in line]
        assert offer == (
            f"llm: parrot at {server.address}; to use it, put at the top of pilcrow.toml: "
            f'llm = "{server.address}"'
        )
        assert server.bodies() == []
