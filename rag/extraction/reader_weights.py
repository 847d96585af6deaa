"""Weights of the two linear models of `reader.py`, fitted by `scripts/fit_reading.py`."""

SENTENCE = {
    "sentence_cosine": 11.47,
    "paragraph_match": 3.76,
    "with_previous_covers": 2.96,
    "with_next_covers": 1.62,
    "heading_covers": 2.37,
    "is_listed": 2.42,
    "right_kind": 1.57,
    "word_pairs": 2.82,
    "length": 1.38,
    "is_title": -0.55,
}

BIAS = -5.37

ANSWERS = {
    "sentence_cosine": 7.8,
    "context_covers": 3.43,
    "unknown_share": -0.93,
    "no_figure": -0.72,
    "names_missing": -1.02,
    "foreign": -3.24,
}

THRESHOLD = 0.2
SURE = 0.55
