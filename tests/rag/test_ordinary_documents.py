"""What people ask of contracts, statutes and guides: a numbered part, a clause, the edition in force."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from remembering_embedder import open_assistant

from rag import Answer, Assistant
from rag.models.embedder import Embedder

STATUTES = """§ 3 Berths
§ 3.1 The harbour board assigns the berths in March.
§ 3.2 Who leaves a berth empty for a summer:
(a) tells the board by the end of April;
(b) pays half of the yearly fee;
(c) keeps the place for one year.
§ 4 Keys
§ 4.1 Every member gets one key to the gate.
"""
LEASE = """# Lease of the boat shed

The tenant may end the lease in writing. Notice is:

- a fortnight during the first year,
- two months after that.

The shed is painted green.
"""
OLD = """# Harbour fees 4.1

Valid from 1 March 2021.

A guest pays 14 euros a night.
"""
NEW = """# Harbour fees 4.2

Valid from 1 March 2024. This edition replaces 4.1.

A guest pays 19 euros a night.
"""


@pytest.fixture
def harbour(tmp_path: Path, embedder: Embedder) -> Iterator[Assistant]:
    folder = tmp_path / "harbour"
    folder.mkdir()
    files = {"statutes.txt": STATUTES, "lease.md": LEASE, "fees-4.1.md": OLD, "fees-4.2.md": NEW}
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    with open_assistant(tmp_path / "index", embedder) as assistant:
        assistant.ingest([folder])
        yield assistant


def shown(answer: Answer) -> str:
    assert not answer.abstained
    return " ".join(statement.text for statement in answer.statements)


def test_a_numbered_item_is_shown_below_its_opening(harbour: Assistant) -> None:
    answer = shown(harbour.ask("What does § 3.2(b) of the statutes say?"))
    assert "half of the yearly fee" in answer
    assert "leaves a berth empty" in answer
    assert "April" not in answer


def test_a_numbered_part_ends_where_the_next_begins(harbour: Assistant) -> None:
    answer = shown(harbour.ask("What does § 3.2 say?"))
    assert "keeps the place for one year" in answer
    assert "key" not in answer
    assert "in March" not in answer


def test_items_that_make_up_one_sentence_are_shown_together(harbour: Assistant) -> None:
    answer = shown(harbour.ask("How much notice does the tenant of the boat shed have to give?"))
    assert "a fortnight during the first year" in answer
    assert "two months after that" in answer


@pytest.mark.parametrize(
    ("question", "fee"),
    [
        ("What does a guest pay a night?", "19 euros"),
        ("What did a guest pay a night in 2022?", "14 euros"),
        ("What does a guest pay a night as of June 2023?", "14 euros"),
        ("What did a guest pay a night in 2025?", "19 euros"),
    ],
)
def test_the_edition_in_force_at_the_time_answers(harbour: Assistant, question: str, fee: str) -> None:
    answer = harbour.ask(question)
    assert fee in shown(answer)
    assert {"14 euros", "19 euros"} - {fee} != {
        each for each in ("14 euros", "19 euros") if each in answer.text
    }
    assert len(answer.older) == 1


def test_a_title_before_a_name_need_not_be_in_the_documents(tmp_path: Path, embedder: Embedder) -> None:
    path = tmp_path / "staff.csv"
    path.write_text("Ada Quist,Stores,+31 20 5550177\nBram Loos,Office,+31 20 5550178\n", "utf-8")
    with open_assistant(tmp_path / "index", embedder) as assistant:
        assistant.ingest([path])
        assert "5550177" in shown(assistant.ask("What is Ms Quist's phone number?"))
