"""Weights of the two linear models of `reader.py`, fitted by `scripts/fit_reading.py`.

Data: the development halves of XQuAD (English) and CLAPnq, 632 and 143 answerable questions, each asked of
two forms of its documents, and of documents that lack the answer. Cross-validated by article, the best
sentence was right for .85 and .77 of the questions, one of the best two for .93 and .92.
"""

SENTENCE = {
    "sentence_cosine": 9.9,
    "paragraph_cosine": 1.3,
    "sentence_covers": 0.89,
    "with_previous_covers": 3.22,
    "with_next_covers": 2.25,
    "paragraph_covers": 0.37,
    "right_kind": 1.91,
    "word_pairs": 2.03,
}

BIAS = -7.17

ANSWERS = {
    "sentence_cosine": 4.8,
    "nearest_cosine": 4.44,
    "context_covers": 4.5,
    "right_kind": 0.33,
    "any_kind": 0.56,
    "no_figure": -1.1,
    "names_missing": -2.9,
}

# Pilcrow abstains below this probability: the lowest that refuses .92 of CLAPnq's questions if their passage
# is absent (and .028 of the answerable ones, .055 of XQuAD's). Cross-validated at .3, it refused .99 of the
# questions about other articles, .91 of those with a foreign name or number (without the rule against unknown
# words), .77 of those whose own paragraph was withheld, and .41 of CLAPnq's whose passage was present.
THRESHOLD = 0.36
