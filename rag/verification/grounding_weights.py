"""Weights of the regression of `grounding.py`, fitted by `scripts/fit_grounding.py`.

Data: the development halves of XQuAD (English), CLAPnq and WiCE: 1,612 true sentences, 235 claims that their
sources do not bear out, and 10,750 lies planted in the true ones. Most lies are stopped by what can be read
off the words, before they are weighed.
"""

BIAS = -7.99

WEIGHTS = {
    "apart": -0.54,
    "close": -3.86,
    "cosine": 6.22,
    "ends": 3.04,
    "few": -2.97,
    "few_cosine": 2.43,
    "in_order": 8.72,
    "length": -0.04,
    "loose": 0.21,
    "named": -4.98,
    "named_first": 0.32,
    "named_rest": 1.48,
    "named_wording": 4.65,
    "one_run": 2.12,
    "rivalled": -0.45,
    "told": -0.31,
    "told_in_few_runs": -0.83,
    "told_word_for_word": 2.48,
    "turned": 0.21,
    "two_runs": -0.28,
    "whole_of_two": -3.29,
    "whole_runs": -0.53,
    "whole_steady": 1.24,
    "whole_wording": 3.25,
    "wording": -7.4,
}

# A sentence below it is not shown. Cross-validated by article, with six lies made by rule to each true one,
# .970 of what passes is true and .742 of the true pass (XQuAD's sentences and rewordings, CLAPnq's answers by
# people, WiCE's supported claims, of these 1 in 100). Chosen on what a good language model wrote by our
# prompt: 34 of its 72 true sentences pass and 1 of its 118 lies, in words of its own 4 of 80 and 0 of 59
# (measured by `scripts/measure_check.py`, a part of them after the choice).
THRESHOLD = 0.6
