"""Weights of the two linear models of `reading.py`, fitted by `scripts/fit_reading.py`.

Data: the development halves of XQuAD (English) and CLAPnq, 632 and 143 answerable questions, each asked of
two forms of its documents, and of documents that lack the answer. Cross-validated by article, the best
sentence was right for .85 and .76 of the questions, one of the best two for .94 and .93.
"""

SENTENCE = {
    "sentence_cosine": 4.48,
    "paragraph_cosine": 6.9,
    "sentence_covers": 2.54,
    "with_previous_covers": 3.18,
    "paragraph_covers": 0.97,
    "right_kind": 2.2,
    "word_pairs": 1.63,
}

BIAS = -6.49

ANSWERS = {
    "sentence_cosine": 7.74,
    "context_covers": 4.7,
    "right_kind": 0.7,
    "any_kind": 0.61,
    "names_missing": -1.49,
    "names_nowhere": -2.08,
    "figures_missing": -2.7,
}

# Below this probability Pilcrow abstains. Cross-validated it refused .05 of XQuAD's and .07 of CLAPnq's
# answerable questions; and .99 of those asked of other articles, .91 of those with a foreign name or number,
# .78 of those whose own paragraph was kept away, .59 of CLAPnq's unanswerable ones.
THRESHOLD = 0.35
