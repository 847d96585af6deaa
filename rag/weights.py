"""Weights of the two linear models of `reading.py`, fitted by `python -m eval.fit_reading`.

Data: XQuAD (English) and CLAPnq development halves, with questions asked of documents that lack the answer.
"""

SENTENCE = {
    "sentence_cosine": 4.66,
    "paragraph_cosine": 15.5,
    "sentence_covers": 2.26,
    "with_previous_covers": 2.3,
    "paragraph_covers": 7.69,
    "right_kind": 2.58,
    "names_missing": -0.88,
    "word_pairs": 2.47,
    "length": 0.16,
}

BIAS = 0.0

ANSWERS = {
    "odds": 0.3,
    "sentence_cosine": 3.0,
    "best_cosine": 4.0,
    "paragraph_covers": 1.0,
    "right_kind": 0.8,
    "no_kind": 1.5,
    "names_missing": -2.5,
    "words_missing": -0.3,
    "rarest_missing": -2.0,
    "figures_missing": -2.5,
}

THRESHOLD = 0.3
