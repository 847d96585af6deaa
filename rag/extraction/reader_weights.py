"""Weights of the two linear models of `reader.py`, fitted by `scripts/fit_reading.py`."""

SENTENCE = {
    "sentence_cosine": 10.2,
    "paragraph_match": 5.97,
    "sentence_covers": 1.12,
    "with_previous_covers": 3.23,
    "with_next_covers": 1.39,
    "heading_covers": 0.0,
    "is_listed": 0.0,
    "paragraph_covers": -1.07,
    "right_kind": 1.82,
    "word_pairs": 2.34,
    "length": 1.13,
    "is_title": -3.72,
}

BIAS = -5.65

ANSWERS = {
    "odds": 0.38,
    "best_match": -0.31,
    "sentence_cosine": 7.84,
    "sentence_covers": 3.24,
    "context_covers": 0.79,
    "no_figure": -0.58,
    "names_missing": -1.11,
    "document_covers": 0.0,
    "foreign": -2.53,
}

THRESHOLD = 0.15
SURE = 0.45
