"""Weights of the two linear models of `reader.py`, fitted by `scripts/fit_reading.py`.

Data: the development halves of XQuAD (English), CLAPnq and MTRAG-UN, and our office questions (dev), 632, 142,
174 and 236 answerable ones. Cross-validated, the best sentence answered .85, .73, .92 and .70 of them, one of
the best two .93, .93, .96 and .80; the AUC of "this answers" was .97, .99, .88 and .77.
"""

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

# Pilcrow abstains below the first, and says that it is unsure below the second. At these, .10 of MTRAG's
# answerable turns were refused, and .82 of the others refused or doubted; .95 of CLAPnq's, .56 of the office's.
THRESHOLD = 0.25
SURE = 0.55
