"""Weights of the regression of `grounding.py`, fitted by `scripts/fit_grounding.py`.

Data: the development halves of XQuAD (English), CLAPnq and WiCE: 1,612 true sentences, 235 claims that their
sources do not bear out, and 10,750 lies planted in the true ones. Most lies are stopped by what can be read
off the words, before they are weighed.
"""

BIAS = -5.95

WEIGHTS = {
    "apart": -1.27,
    "close": -3.15,
    "cosine": 4.48,
    "ends": 2.05,
    "few": -3.58,
    "few_cosine": 4.37,
    "in_order": 4.43,
    "length": -0.09,
    "loose": 0.9,
    "named": -2.71,
    "named_wording": 4.98,
    "one_run": 1.31,
    "rivalled": -0.28,
    "told": 1.07,
    "told_in_few_runs": -2.13,
    "told_word_for_word": 2.33,
    "turned": 0.21,
    "two_runs": -0.53,
    "whole_of_two": -3.48,
    "whole_runs": -1.1,
    "whole_steady": 1.47,
    "whole_wording": 5.79,
    "wording": -4.13,
}

# A sentence below it is not shown. Cross-validated by article, with six lies to each true sentence, .981 of
# what passes is true and .718 of the true pass: of XQuAD's sentences and rewordings .987 and .820, of
# CLAPnq's answers by people .960 and .645, of WiCE's supported claims one of 114. At .5 it was .965 and .744,
# at .95 .988 and .650. Of the 23 lies that passed 16 join two halves of sentences of one paragraph.
THRESHOLD = 0.75
