"""Weights of the two linear models of `reading.py`, fitted by `scripts/fit_reading.py`.

Data: the development halves of XQuAD (English) and CLAPnq, 632 and 143 answerable questions, each asked of
two forms of its documents, and of documents that lack the answer. Cross-validated by article, the best
sentence was right for .85 and .77 of the questions, one of the best two for .93 and .92.
"""

SENTENCE = {
    "sentence_cosine": 10.07,
    "paragraph_cosine": 1.44,
    "sentence_covers": 2.69,
    "with_previous_covers": 2.84,
    "paragraph_covers": 0.91,
    "right_kind": 1.89,
    "word_pairs": 1.97,
}

BIAS = -6.79

ANSWERS = {
    "sentence_cosine": 8.36,
    "context_covers": 4.49,
    "right_kind": 0.5,
    "any_kind": 0.69,
    "names_missing": -1.73,
    "names_nowhere": -1.19,
}

# Below this probability Pilcrow abstains. Cross-validated it refused .050 of XQuAD's answerable questions and
# .031 of CLAPnq's; and .99 of those asked of other articles, .89 of those with a foreign name or number (not
# counting the rule that what stands nowhere is not answered), .76 of those whose own paragraph was kept away,
# .39 of CLAPnq's unanswerable ones.
THRESHOLD = 0.3
