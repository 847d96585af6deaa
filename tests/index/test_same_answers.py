"""Both catalogs find the same chunks with the same scores: the engine uses BM25 scores as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from harbour import write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shared_names import SEEDS

from rag.index.catalog import Catalog, Snapshot
from rag.index.sqlite_catalog import SqliteCatalog
from rag.ingestion.chunker import chunk
from rag.loaders import load
from rag.retrieval.retriever import forms_of, searched_forms
from rag.text.words import content_words, stem
from rag.types import Paragraph

LANGUAGES = {
    "de": "Der Lotse führte das Schiff am 3. Mai in den Hafen. Die Häfen des Landes sind größer als früher.",
    "fr": "L'équipage du chalutier n'a pas vu l'écueil. Les pêcheurs attendaient près de l'église.",
    "es": "El práctico llevó el barco al muelle número 7. Los muelles estaban llenos de pescadores.",
    "pl": "Pilot wprowadził statek do portu. Statki czekały przy nabrzeżach przez całą noc.",
    "tr": "Kılavuz gemiyi limana getirdi. İskelede bekleyen gemiler ışıklarını söndürdü.",
    "ru": "Лоцман провёл корабль в гавань. Корабли ждали у причалов всю ночь.",
    "uk": "Лоцман провів корабель до гавані. Кораблі чекали біля причалів її порту.",
    "el": "Ο πλοηγός έφερε το πλοίο στο λιμάνι. Τα πλοία περίμεναν όλη τη νύχτα.",
    "ar": "أدخل المرشد السفينة إلى الميناء. انتظرت السفن عند الأرصفة طوال الليل.",
    "hi": "पायलट जहाज़ को बंदरगाह में ले आया। जहाज़ पूरी रात घाट पर खड़े रहे।",
    "zh": "引航员把船带进了港口。船只整夜停在码头。",
    "ja": "水先案内人は船を港に入れた。船は一晩中桟橋で待っていた。",
    "ko": "도선사가 배를 항구로 인도했다. 배들은 밤새 부두에서 기다렸다.",
    "th": "นำร่องพาเรือเข้าท่าเรือ เรือจอดรอที่ท่าตลอดคืน",
    "codes": "Set --max-old_space to v2.5.1 for ABC-1234, map_1.pdf; U.S. rules, O'Brien's e-mail, 1,250.50.",
}
PIECES = [*"aeioußİıſ0123456789.-_'’`\"*()^:\\ \n\u0301ाीำ中ﬁ²", "日本", "한국", "ing", "ed", "-x1"]


@contextmanager
def both(folder: Path, url: str) -> Iterator[tuple[Catalog, Catalog]]:
    from rag.index.postgres_catalog import PostgresCatalog

    with (
        closing(SqliteCatalog.open(folder / "catalog.sqlite3")) as embedded,
        closing(PostgresCatalog.open(url)) as shared,
    ):
        yield embedded, shared


def compare(
    embedded: Snapshot, shared: Snapshot, forms: Sequence[str], sources: Sequence[str] | None = None
) -> None:
    expected, found = (each.search(forms, 10_000, sources) for each in (embedded, shared))
    assert [key for key, _ in found] == [key for key, _ in expected], forms
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=1e-6), forms
    assert shared.search(forms, 3, sources) == found[:3]
    everywhere = ["seeds.txt", *LANGUAGES, *(each.source for each in embedded.documents())]
    assert shared.sources_with(forms, everywhere) == embedded.sources_with(forms, everywhere)


@pytest.fixture(scope="module")
def seeded(
    tmp_path_factory: pytest.TempPathFactory, postgres_of_session: object
) -> Iterator[tuple[Snapshot, Snapshot]]:
    """One state of both catalogs with all seeds and a text in each language."""
    url = postgres_of_session.new_database()  # type: ignore[attr-defined]
    with both(tmp_path_factory.mktemp("same"), url) as catalogs:
        for path in sorted(SEEDS.iterdir()):
            document = load(path, path.name)
            chunks = chunk(document, lambda text: len(text.split()), 60)
            for catalog in catalogs:
                write(catalog, path.name, document.paragraphs, chunks=chunks)
        for code, text in LANGUAGES.items():
            parts = [part for part in text.replace("。", "。\n").replace(". ", ".\n").split("\n") if part]
            for catalog in catalogs:
                write(
                    catalog, code, [Paragraph(n, part, heading=parts[0]) for n, part in enumerate(parts, 1)]
                )
        with catalogs[0].read() as embedded, catalogs[1].read() as shared:
            assert embedded.chunk_count() == shared.chunk_count() > 200
            assert embedded.problems(4) == shared.problems(4) == []
            yield embedded, shared


QUESTIONS = (
    "Who commands the Wagner group?",
    "When did the fighting in Bakhmut end, and how many soldiers died?",
    "Which jets were delivered in 2023?",
    "What did the president say about Moldova and Belarus?",
    "How much aid, in dollars, was promised for weapons?",
    *LANGUAGES.values(),
)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_finds_the_same(seeded: tuple[Snapshot, Snapshot], question: str) -> None:
    embedded, shared = seeded
    terms = [stem(word) for word in content_words(question)]
    assert shared.document_frequency(terms) == embedded.document_frequency(terms)
    assert shared.known_stems(terms) == embedded.known_stems(terms)
    forms = searched_forms(question, shared.document_frequency)
    assert forms == searched_forms(question, embedded.document_frequency)
    compare(embedded, shared, forms)
    compare(embedded, shared, forms, ["glossary.md", "hi", "timeline.html", "nowhere.txt"])


def test_each_word_finds_the_same(seeded: tuple[Snapshot, Snapshot]) -> None:
    embedded, shared = seeded
    for text in (*LANGUAGES.values(), *(each.title for each in embedded.documents())):
        for word in content_words(text):
            compare(embedded, shared, forms_of(word))


odd_text = st.lists(
    st.sampled_from(PIECES) | st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40
).map("".join)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.tuples(odd_text, odd_text), min_size=1, max_size=4, unique=True))
def test_odd_texts_have_the_same_words(odd: tuple[Catalog, Catalog], texts: list[tuple[str, str]]) -> None:
    paragraphs = [Paragraph(n, text, heading=heading) for n, (heading, text) in enumerate(texts, 1)]
    for catalog in odd:
        write(catalog, "odd", paragraphs)
    with odd[0].read() as embedded, odd[1].read() as shared:
        for heading, text in texts:
            for question in (heading, text):
                compare(embedded, shared, searched_forms(question))
                terms = [stem(word) for word in content_words(question)]
                assert shared.document_frequency(terms) == embedded.document_frequency(terms)


@pytest.fixture
def odd(tmp_path: Path, postgres_url: str) -> Iterator[tuple[Catalog, Catalog]]:
    with both(tmp_path, postgres_url) as catalogs:
        for catalog in catalogs:
            write(catalog)
        yield catalogs
