"""Small question sets, in the formats of the public ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

# Articles: a sentence, a question that it answers, and the answer. Two sentences make a paragraph.
ARTICLES = {
    "Harbour_of_Lund": [
        ("The old harbour was dug by monks in 1312.", "Who dug the old harbour of Lund?", "monks"),
        ("A lighthouse of granite stands on the north pier.", "What stands on the north pier?", "lighthouse"),
    ],
    "Salt_trade": [
        (
            "Salt came down the river on flat barges from Halle.",
            "How did salt come down the river?",
            "barges",
        ),
        ("The tax on salt was lifted by Queen Mathilde in 1790.", "When was the salt tax lifted?", "1790"),
    ],
    "Mill_of_Oudega": [
        ("The mill was built by the carpenter Haitsma in 1848.", "Who built the mill of Oudega?", "Haitsma"),
        ("A storm tore off two of its sails in November 1972.", "What tore off two sails?", "A storm"),
    ],
    "Glass_works": [
        ("The glass works of Murra employ 340 people.", "How many people work at Murra?", "340"),
        ("Sand for the glass comes from the dunes of Skagen.", "Where does the sand come from?", "Skagen"),
    ],
    "Night_train": [
        ("The night train to Trieste leaves Vienna at ten.", "Where does the night train go?", "Trieste"),
        ("Its dining car was closed because of a fire in 2003.", "When was the dining car closed?", "2003"),
    ],
    "Bell_tower": [
        ("The bell of Arnhem weighs 4,200 kilograms.", "How heavy is the bell of Arnhem?", "4,200 kilograms"),
        ("It was cast by Peter Waghevens, who came from Mechelen.", "Who cast the bell?", "Peter Waghevens"),
    ],
}
PASSAGES = {
    "answerable": [
        ("Bees", "Bees dance to tell where flowers stand . They do so in the dark .", "why do bees dance"),
        (
            "Frost",
            "Frost breaks stone as water grows in cracks . It does so slowly .",
            "how does frost break stone",
        ),
        ("Kites", "Kites were flown to measure the wind . Benjamin used silk .", "why were kites flown"),
    ],
    "unanswerable": [
        ("Wasps", "Wasps build their nests of chewed wood .", "how long does a wasp live"),
        ("Moss", "Moss grows on the north side of a tree .", "who ate moss first"),
    ],
}


@pytest.fixture(scope="session")
def public_sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with articles of XQuAD, questions of CLAPnq and MTRAG, and claims of WiCE and SummEdits."""
    data = tmp_path_factory.mktemp("public sets")
    _write(data / "xquad" / "xquad.en.json", {"data": [_article(*item) for item in ARTICLES.items()]})
    for kind, passages in PASSAGES.items():
        _write(data / "clapnq" / f"clapnq_dev_{kind}.jsonl", *(_clapnq(kind, *each) for each in passages))
    passages = [{"document_id": f"{title}-0-9", "text": text} for title, text, _ in PASSAGES["answerable"]]
    turns = [
        {"input": [{"text": question}], "answerability": [kind.upper()], "contexts": contexts}
        for kind, rows in PASSAGES.items()
        for title, _, question in rows
        for contexts in [[{"document_id": f"{title}-0-9"}]]
    ]
    _write(data / "mtrag" / "passages.jsonl", *passages)
    _write(data / "mtrag" / "reference.jsonl", *turns)
    claims = [_claims(title, *sentence) for title, facts in ARTICLES.items() for sentence in facts]
    _write(data / "wice" / "oracle_chunks_claim_dev.jsonl", *(claim for pair in claims for claim in pair))
    for name in ("news", "scitldr"):
        _write(data / "summedits" / f"summedits_{name}.json", [_summary(label) for label in (0, 1)])
    return data


def _write(path: Path, *rows: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def _article(title: str, facts: list[tuple[str, str, str]]) -> dict[str, Any]:
    paragraphs = []
    for at, (sentence, question, answer) in enumerate(facts):
        answers = [{"text": answer, "answer_start": sentence.index(answer)}]
        qas = [{"id": f"{title} {at}", "question": question, "answers": answers}]
        paragraphs.append({"context": sentence, "qas": qas})
    return {"title": title, "paragraphs": paragraphs}


def _clapnq(kind: str, title: str, text: str, question: str) -> dict[str, Any]:
    sentence = text.split(" .", maxsplit=1)[0]
    output = [{"answer": f"{sentence} , as we know .", "selected_sentences": [sentence]}]
    return {"id": title, "input": question, "passages": [{"title": title, "text": text}], "output": output}


def _claims(title: str, sentence: str, question: str, answer: str) -> list[dict[str, Any]]:
    lie = sentence.replace(answer, "Nobody")
    return [
        {
            "claim": claim,
            "evidence": [sentence],
            "label": label,
            "meta": {"id": claim, "claim_title": title},
        }
        for claim, label in ((sentence, "supported"), (lie, "not_supported"))
    ]


def _summary(label: int) -> dict[str, Any]:
    document = "The old harbour was dug by monks.\nThe monks came from Lund in 1312."
    summary = "Monks dug the old harbour." if label else "Nuns dug the old harbour."
    return {"id": f"{label}", "doc": document, "summary": summary, "label": label, "edit_types": ["entity"]}
