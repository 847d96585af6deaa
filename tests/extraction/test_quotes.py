"""Every quote is cut from a paragraph of the file itself: 200 generated questions over all six formats."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from remembering_embedder import RememberingEmbedder, open_assistant

from rag import Answer, Assistant, Citation, Paragraph
from rag.loaders import load
from rag.models.embedder import Embedder
from rag.text.names import names, runs
from rag.text.words import content_words, sentences

FORMATS = (".txt", ".md", ".html", ".pdf", ".docx", ".csv")
A_FORMAT = 34  # questions
ANSWERED = 20  # of these, at least

# Paragraphs whose offsets are easy to get wrong: spaces of many kinds, line ends, markup, long text.
AWKWARD = {
    "pier.txt": "\ufeffThe north pier of Veldhaven\u00a0– 412\u202fmetres long – was built\r\nin 1908 by the "
    "engineer Ada\u00a0Brandt.\r\n\r\nIts  lamp\tis green:\u2003the keeper,   Mr. Okoye, lit it at 6 p.m. on "
    "3 May 1911.  It burned for 9,000 nights.\r\n\r\n• The crane cost 2,300 guilders, said the har\u00adbour "
    "master.\r\n",
    "pier.md": "# The pier\n\nIt has **four** lamps and *one* bell[^1]; the bell of Goedereede weighs\n"
    "900 kilograms. A `second` bell was cast in 1931 &amp; hung by Ruben Aalders.\n\n"
    "- Costs: 17&nbsp;guilders a day\n- Nobody minds the fog\n\n"
    "| Lamp | Colour |\n|---|---|\n| North | green |\n| South | red, *since* 1950 |\n",
    "pier.html": "<html><body><h1>Pier &amp; bow</h1><p>The  crane\n was&nbsp;moved by <b>Ada</b>\nOkafor in "
    "1987.<br>It lifts 40 tonnes.</p><ul><li>Ruben’s ladder has 88 rungs 🚢 and is white now.</ul></body>",
    "pier.csv": 'Year,Keeper,Note\n1911,"Okoye, Sam","Lit the ""green"" lamp,\ntwice"\n'
    "1950,Lotte Prins,Painted it red\n",
    "long.txt": " ".join(
        f"In {1700 + n} storm {n} broke {n + 3} windows of the Zierik mill." for n in range(90)
    ),
}


@dataclass(frozen=True)
class Corpus:
    """An assistant, and the paragraphs that the loaders read in its files, by source."""

    assistant: Assistant
    paragraphs: dict[str, list[Paragraph]]

    def of_format(self, suffix: str) -> list[Paragraph]:
        return [p for source, found in self.paragraphs.items() if source.endswith(suffix) for p in found]


@pytest.fixture(scope="module")
def corpus(embedder: Embedder, seeds: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    awkward = tmp_path_factory.mktemp("awkward")
    for name, text in AWKWARD.items():
        (awkward / name).write_text(text, "utf-8", newline="")
    files = sorted([*seeds.iterdir(), *awkward.iterdir()])
    folder = tmp_path_factory.mktemp("quotes") / "index"
    paragraphs = {file.name: list(load(file, file.name).paragraphs) for file in files}
    remembering = RememberingEmbedder(embedder)
    texts = [each.text for found in paragraphs.values() for each in found]
    with open_assistant(folder, remembering) as assistant:
        assert assistant.ingest([seeds, awkward]).failed == ()
        made = Corpus(assistant, paragraphs)
        # All at once, which is quicker than with each question.
        remembering.embed([text[start:end] for text in texts for start, end in sentences(text)])
        remembering.embed([question for _, question in questions(made)])
        yield made


def ask_about(sentence: str, dice: random.Random) -> str:
    """A question that the sentence may answer, made by one of several templates."""
    words = content_words(sentence) or sentence.split()
    kept = dice.sample(words, min(len(words), 5))
    name = next(iter(runs(sentence) or names(sentence)), words[0])
    year = re.search(r"\b(?:19|20)\d\d\b", sentence)
    templates = [
        f"What is said about {name}?",
        f"What about {name} and {' '.join(kept[:3])}?",
        f"When did {name} {' '.join(kept[:2])}?",
        f"Who or what {' '.join(words[:6])}?",
        f"How many {' '.join(kept)}?",
        f"Why {' '.join(words[-5:])}",
        f"Where: {' '.join(sentence.split()[::2])}",
        f"Is it true that {sentence}",
        f"What happened in {year.group()} with {name}?" if year else f"List all {' '.join(kept)}",
        " ".join(sentence.split()[:-2]).upper(),
    ]
    return dice.choice(templates)


def questions(corpus: Corpus) -> list[tuple[str, str]]:
    """(suffix of the file that it was made from, question), the same at each run."""
    dice = random.Random(7)  # noqa: S311 (nothing secret)
    chosen = [(suffix, dice.choice(corpus.of_format(suffix)).text) for suffix in FORMATS * A_FORMAT]
    chosen += [(Path(name).suffix, each.text) for name in AWKWARD for each in corpus.paragraphs[name]]
    made = []
    for suffix, text in chosen:
        start, end = dice.choice(list(sentences(text)) or [(0, len(text))])
        made.append((suffix, ask_about(text[start:end], dice)))
    return made


def check_text(answer: Answer) -> None:
    """The text is the statements with their marks, the marks are the citations, and these say the same."""
    quotes = {citation.number: " ".join(citation.quote.split()) for citation in answer.citations}
    said = []
    for statement in answer.statements:
        said.append(f"{statement.text} {''.join(f'[{number}]' for number in statement.citations)}")
        assert any(statement.text in quotes[number] for number in statement.citations)
    assert answer.text == " ".join(said)
    assert {int(mark) for mark in re.findall(r"\[(\d+)\]", answer.text)} == set(quotes)


def check_citation(citation: Citation, corpus: Corpus) -> None:
    """The quote is cut from the paragraph that the index shows, and the file itself has."""
    assert 0 <= citation.start < citation.end <= len(citation.paragraph_text)
    assert citation.quote == citation.paragraph_text[citation.start : citation.end]
    held = corpus.assistant.paragraph(citation.source, citation.paragraph)
    in_file = corpus.paragraphs[citation.source][citation.paragraph - 1]
    assert citation.paragraph_text == held.text == in_file.text
    assert (citation.page, citation.line, citation.date) == (in_file.page, in_file.line, in_file.date)


def test_every_quote_is_cut_from_the_file(corpus: Corpus) -> None:
    answered: Counter[str] = Counter()
    cited: set[str] = set()
    for suffix, question in questions(corpus):
        answer = corpus.assistant.ask(question)
        if answer.abstained:
            assert answer.citations == ()
            continue
        answered[suffix] += 1
        check_text(answer)
        for citation in answer.citations:
            check_citation(citation, corpus)
            cited.add(citation.source)
    assert len(questions(corpus)) >= 200
    assert min(answered[suffix] for suffix in FORMATS) >= ANSWERED, answered
    assert cited >= set(AWKWARD)


def test_footnote_marks_of_a_source_are_no_citation_marks(embedder: Embedder, tmp_path: Path) -> None:
    (tmp_path / "mill.txt").write_text(
        "The Zierik mill was built in 1734.[3] It burned down in 1811.[4][5]\n"
    )
    with open_assistant(tmp_path / "index", RememberingEmbedder(embedder)) as assistant:
        assistant.ingest(tmp_path / "mill.txt")
        answer = assistant.ask("When was the Zierik mill built?")
    assert "1734" in answer.text
    check_text(answer)
