"""Weights of the two linear models of `reading.py`, fitted by `python -m eval.fit_reading`.

Data: XQuAD (English) and CLAPnq development halves, with questions asked of documents that lack the answer.
"""

SENTENCE = {
    "sentence_cosine": 3.0,
    "paragraph_cosine": 7.03,
    "sentence_covers": 3.74,
    "with_previous_covers": 2.15,
    "paragraph_covers": 1.61,
    "right_kind": 3.11,
    "word_pairs": 1.41,
}

BIAS = -5.98

ANSWERS = {
    "sentence_cosine": 5.6,
    "context_covers": 4.3,
    "right_kind": 1.64,
    "any_kind": 1.45,
    "names_missing": -0.6,
    "names_nowhere": -3.3,
    "figures_missing": -3.2,
}

THRESHOLD = 0.3
