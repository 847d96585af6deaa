"""Bring another embedder's cosines to the scale of the built-in one, for which the reader was fitted.

E5's cosines lie between .7 and .95, those of the built-in embedder between -.1 and .9. Both embed the
questions and sentences below; the line that maps the means of the three kinds of pairs is the scale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rag.types import Vectors

Embed = Callable[[Sequence[str]], Vectors]

LEAST = 0.03  # between an answer and another subject, for an embedder to be of any use
# The built-in embedder's mean cosines of a question and its answer, a sentence of the same subject that
# does not answer it, and the sentences of the other questions.
BUILT_IN_MEANS = (0.612, 0.416, 0.067)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A line from an embedder's cosine to what the built-in embedder's would be.

    `across`: whether the embedder knows what answers a question in another language.
    """

    scale: float = 1.0
    offset: float = 0.0
    across: bool = False

    def __call__(self, cosine: float) -> float:
        """Return the cosine on the built-in embedder's scale."""
        return self.scale * cosine + self.offset


BUILT_IN_SCALE = Calibration()


def calibrate(embed_questions: Embed, embed_passages: Embed) -> Calibration:
    """Return the calibration of an embedder; none at all if it can't tell an answer from another subject."""
    means = group_means(embed_questions, embed_passages)
    if means[0] - means[2] < LEAST:
        return BUILT_IN_SCALE
    scale, offset = np.polyfit(means, BUILT_IN_MEANS, 1)
    return Calibration(float(scale), float(offset), is_across(embed_questions, embed_passages))


def is_across(embed_questions: Embed, embed_passages: Embed) -> bool:
    """Return whether each question in another language is nearest to its English answer."""
    asked = embed_questions(tuple(TRANSLATED))
    near = asked @ embed_passages([answer for _, answer, _ in EXAMPLES]).T
    return np.array_equal(near.argmax(axis=1), list(TRANSLATED.values()))


def group_means(embed_questions: Embed, embed_passages: Embed) -> tuple[float, float, float]:
    """Return the mean cosines of answers, of sentences of the same subject, and of other subjects."""
    questions, answers, others = zip(*EXAMPLES, strict=True)
    asked = embed_questions(questions)
    to_answers, to_others = asked @ embed_passages(answers).T, asked @ embed_passages(others).T
    elsewhere = ~np.eye(len(questions), dtype=bool)
    unrelated = np.concatenate([to_answers[elsewhere], to_others[elsewhere]])
    return float(to_answers.diagonal().mean()), float(to_others.diagonal().mean()), float(unrelated.mean())


TRANSLATED = {  # questions of the examples in other languages, and their places there
    "Wer repariert den Heizkessel?": 1,
    "¿Cuántas personas trabajan en la fábrica?": 4,
    "Почему отложили матч?": 6,
    "楼里可以养宠物吗？": 10,
}
EXAMPLES = (  # question, answer, and a sentence of the same subject
    (
        "How long is the notice period?",
        "Either party may end this contract by giving three months' written notice.",
        "The contract was signed in Bremen by both parties.",
    ),
    (
        "Who repairs the boiler?",
        "The landlord keeps the boiler in working order and pays for its repairs.",
        "The boiler stands in the cellar beside the laundry.",
    ),
    (
        "What does a room with breakfast cost?",
        "A double room is 94 euros a night, breakfast included.",
        "All rooms look out on the garden.",
    ),
    (
        "When does the library close on Saturdays?",
        "On Saturdays the library is open from ten until two in the afternoon.",
        "The library was founded by a merchant in 1871.",
    ),
    (
        "How many people work at the factory?",
        "The works at Leeds employ about 640 people.",
        "The factory makes brakes for goods trains.",
    ),
    (
        "Which river flows through the town?",
        "The Severn divides the old town from the new quarter.",
        "The town has a market every Thursday.",
    ),
    (
        "Why was the match postponed?",
        "Heavy snow had covered the pitch, so the game was put off for a week.",
        "The match will be shown on television.",
    ),
    (
        "How do I reset the password?",
        "Choose “Forgotten password” on the login page and follow the link in the message.",
        "Passwords have at least twelve characters.",
    ),
    (
        "Who wrote the report on water quality?",
        "The report on drinking water was drawn up by the county's chemist.",
        "Water samples are taken at nine places.",
    ),
    (
        "What is the highest speed of the ferry?",
        "Fully loaded, the ferry reaches 21 knots.",
        "The ferry carries lorries as well as foot passengers.",
    ),
    (
        "Are pets allowed in the building?",
        "Dogs and cats may be kept with the written consent of the management.",
        "The building has a lift and two staircases.",
    ),
    (
        "What causes the disease?",
        "The illness is brought about by a virus that ticks pass on.",
        "Doctors have described the disease since the eighteenth century.",
    ),
    (
        "How often must the filter be cleaned?",
        "Rinse the filter under running water every four weeks.",
        "Replacement filters are sold in packs of two.",
    ),
    (
        "When was the bridge built?",
        "Work on the bridge began in 1903 and ended four years later.",
        "The bridge is painted green.",
    ),
    (
        "Where are the minutes of the meeting kept?",
        "Minutes are filed in the secretary's office, room 12.",
        "The meeting began with a word of welcome from the chair.",
    ),
    (
        "How much did sales grow last year?",
        "Compared with the year before, turnover rose by six per cent.",
        "Sales are handled by four regional offices.",
    ),
)
