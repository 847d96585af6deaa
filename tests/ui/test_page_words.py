"""The page's words: each sentence is in each language's table, and a German page is German."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from datetime import date

import httpx
import pytest
from jinja2 import Environment, nodes
from shared_names import ROOT

from rag import Answer
from rag.types import Status
from ui.conversations import VERDICTS
from ui.notes import _CHANGES, OURS, not_found, ours
from ui.words import LANGUAGES, day, language, t

UI = ROOT / "ui"
# What `t` is given by a variable, and the sentences that it may hold.
VARIABLE = {
    "_CHANGES[found.changed]": {*_CHANGES.values()},
    "entry.verdict.capitalize": {verdict.capitalize() for verdict in VERDICTS},
    "sentence": {*OURS},
    "statement.status.capitalize()": {status.capitalize() for status in Status},
    "verdict.capitalize": {verdict.capitalize() for verdict in VERDICTS},
}


@pytest.fixture
def german() -> Iterator[None]:
    given = language.set("de")
    yield
    language.reset(given)


def in_templates() -> Iterator[list[str]]:
    """The arguments of each call of `t` in a template; a variable's as VARIABLE names it."""
    for path in (UI / "templates").glob("*.html"):
        for call in Environment(autoescape=True).parse(path.read_text("utf-8")).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "t":
                yield [one.value if isinstance(one, nodes.Const) else spelt(one) for one in call.args]


def spelt(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    assert isinstance(node, (nodes.Filter, nodes.Getattr)) and node.node, node
    return f"{spelt(node.node)}.{node.name if isinstance(node, nodes.Filter) else node.attr}"


def in_python() -> Iterator[list[str]]:
    for path in UI.glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "t":
                yield [
                    str(one.value) if isinstance(one, ast.Constant) else ast.unparse(one) for one in call.args
                ]


def sentences() -> dict[str, str]:
    """Each sentence of the page, with its plural or ""."""
    found: dict[str, str] = {}
    for one, *many in (*in_templates(), *in_python()):
        for each in VARIABLE.get(one, {one}):
            assert found.setdefault(each, "".join(many)) == "".join(many), f"two plurals of {each!r}"
    return found


def names(text: str) -> set[str]:
    return set(re.findall(r"{(\w*)}", text))


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_each_sentence_of_the_page_is_in_the_table_with_its_names(code: str) -> None:
    table = tomllib.loads((UI / "words" / f"{code}.toml").read_text("utf-8"))
    page = sentences()
    assert len(page) > 200
    assert sorted(page.keys() - table.keys()) == [], "missing"
    assert sorted(table.keys() - page.keys()) == [], "unused"
    for one, many in page.items():
        forms = [table[one]] if isinstance(table[one], str) else table[one]
        assert len(forms) == 2 if many else len(forms) == 1 or "count" in names(one), one
        assert names(forms[-1]) == names(many or one), one
        assert names(forms[0]) | {"count"} == names(one) | {"count"}, one


def test_german_page_shows_german_and_german_dates(address: str, german: None) -> None:
    page = httpx.get(f"{address}login", headers={"accept-language": "de-AT,de;q=0.9,en;q=0.5"}).text
    assert '<html lang="de"' in page
    assert "Passwort" in page
    assert day(date(2023, 7, 27)) == "27. Juli 2023"
    assert t("1 document", "{count} documents", count=1200) == "1.200 Dokumente"


def test_abstention_is_german_but_for_the_question_s_words(german: None) -> None:
    text = 'I couldn\'t find this in your documents. None of them mentions "Urk".'
    text += ' The nearest paragraphs don\'t mention "fee".'
    told = not_found(Answer("?", text, abstained=True, missing=("Urk", "fee")))
    assert told == (
        "Dazu habe ich in Ihren Dokumenten nichts gefunden. Keines davon erwähnt „Urk“. "
        "Die nächstliegenden Absätze erwähnen „fee“ nicht."
    )
    assert ours("largest price of 4 rows") == "größter Wert von price in 4 Zeilen"
    assert ours("Something else.") == "Something else."
