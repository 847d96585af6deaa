"""Weights of the two linear models of `reading.py`, fitted by `scripts/fit_reading.py`.

Data: the development halves of XQuAD (English) and CLAPnq, 632 and 143 answerable questions, each asked of two
forms of its documents, and of documents that lack the answer. Cross-validated by article, the best sentence was
right for .85 and .76 of the questions, one of the best two for .94 and .93; AUC of "answers or not" .975.
"""

SENTENCE = {
    "sentence_cosine": 4.5,
    "paragraph_cosine": 6.83,
    "sentence_covers": 2.53,
    "with_previous_covers": 3.23,
    "paragraph_covers": 0.94,
    "right_kind": 2.65,
    "word_pairs": 1.79,
}

BIAS = -6.08

ANSWERS = {
    "sentence_cosine": 8.44,
    "context_covers": 3.51,
    "right_kind": 0.77,
    "any_kind": 0.82,
    "names_missing": -1.71,
    "names_nowhere": -2.36,
    "figures_missing": -3.22,
}

# Below this probability Pilcrow abstains: it refused .04 of XQuAD's answerable questions and .05 of CLAPnq's,
# and .98 of those asked of other articles, .91 of those with a foreign name or number.
THRESHOLD = 0.3
