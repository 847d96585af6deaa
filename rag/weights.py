"""Weights of the two linear models of `reading.py`, fitted by `scripts/fit_reading.py`.

Data: the development halves of XQuAD (English) and CLAPnq, 632 and 143 answerable questions, each asked of
two forms of its documents, and of documents that lack the answer. Cross-validated by article, the best
sentence was right for .85 and .75 of the questions, one of the best two for .94 and .92.
"""

SENTENCE = {
    "sentence_cosine": 4.51,
    "paragraph_cosine": 6.86,
    "sentence_covers": 2.52,
    "with_previous_covers": 3.09,
    "paragraph_covers": 1.02,
    "right_kind": 1.9,
    "word_pairs": 1.66,
}

BIAS = -6.55

ANSWERS = {
    "sentence_cosine": 7.87,
    "context_covers": 4.67,
    "right_kind": 0.63,
    "any_kind": 0.69,
    "names_missing": -1.96,
    "names_nowhere": -1.31,
}

# Below this probability Pilcrow abstains. Cross-validated it refused .044 of XQuAD's answerable questions and
# .049 of CLAPnq's; and .99 of those asked of other articles, .88 of those with a foreign name or number (not
# counting the rule that what stands nowhere is not answered), .75 of those whose own paragraph was kept away,
# .54 of CLAPnq's unanswerable ones.
THRESHOLD = 0.3
