"""Weights of the two linear models of `reader.py`, fitted by `scripts/fit_reading.py`."""

SENTENCE = {
    "sentence_cosine": 11.36,
    "paragraph_match": 3.47,
    "with_previous_covers": 3.6,
    "with_next_covers": 1.91,
    "heading_covers": 2.77,
    "is_listed": 2.42,
    "right_kind": 1.57,
    "word_pairs": 2.49,
    "length": 1.36,
    "is_title": -0.61,
}

BIAS = -5.24

ANSWERS = {
    "sentence_cosine": 7.57,
    "context_covers": 3.62,
    "no_figure": -0.68,
    "names_missing": -1.04,
    "foreign": -2.62,
}

THRESHOLD = 0.2
SURE = 0.55
