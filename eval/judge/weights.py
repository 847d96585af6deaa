"""Weights of the judge, by `scripts/fit_judge.py`: whether paragraphs support a statement."""

BIAS = -7.162

# in the order of the features
WEIGHTS = (
    0.871,  # words held
    0.487,  # words in three sentences
    0.819,  # pairs held
    -0.491,  # longest run
    -0.324,  # length
    0.648,  # contexts
    -0.902,  # a number missing
    -1.184,  # numbers missing
    -0.990,  # a name missing
    -0.493,  # a month missing
    0.380,  # words missing
    2.474,  # same
    -0.974,  # near
    -3.004,  # number changed
    -3.479,  # name changed
    -2.020,  # month changed
    -4.889,  # negated
    -1.334,  # added
    0.440,  # left out
    -0.508,  # near, a number missing
    -0.126,  # near, a name missing
    -5.433,  # near, a month missing
    4.871,  # near, words missing
    2.770,  # nearness
    1.461,  # three least near
    0.684,  # near quarter
    1.462,  # nearest sentence
)

# bias and weights fitted without one fold of the articles each, to judge that fold by
# fmt: off
FOLDED: tuple[tuple[float, tuple[float, ...]], ...] = (
    (-6.597, (
        0.825, 0.469, 0.788, -0.489, -0.312, 0.575, -0.827, -1.412, -0.843, -0.299, 0.298, 2.359, -0.994,
        -2.460, -3.483, -2.429, -4.731, -1.398, 0.376, -0.885, -0.086, -5.376, 5.610, 2.611, 1.458, 0.608,
        1.524,
    )),
    (-6.596, (
        1.222, 0.424, 0.554, -0.007, -0.236, 0.530, -0.681, -1.287, -0.880, -1.254, 0.350, 2.204, -0.909,
        -2.922, -3.249, -1.032, -4.620, -1.343, 0.333, -0.389, -0.356, -4.383, 3.993, 2.472, 0.960, 0.948,
        1.226,
    )),
    (-8.419, (
        0.657, 0.786, 0.671, -0.612, -0.282, 0.909, -1.275, -0.637, -1.290, -0.370, 0.302, 2.365, -0.982,
        -2.735, -3.116, -1.461, -4.697, -1.192, 0.408, -0.814, -0.097, -5.168, 3.591, 2.251, 1.697, 0.825,
        1.591,
    )),
    (-6.707, (
        0.935, 0.298, 0.889, -0.215, -0.348, 0.635, -0.859, -1.150, -0.893, -0.317, 0.381, 2.353, -0.864,
        -2.991, -3.390, -3.836, -4.759, -1.507, 0.456, -0.331, -0.266, -4.441, 5.480, 2.850, 1.357, 0.601,
        0.960,
    )),
    (-6.375, (
        0.734, 0.553, 0.849, -0.683, -0.302, 0.526, -0.880, -1.236, -1.033, -0.532, 0.396, 2.380, -1.011,
        -2.856, -3.168, -1.984, -4.583, -1.403, 0.391, -0.430, -0.068, -5.246, 5.311, 2.456, 1.556, 0.795,
        1.502,
    )),
)
# fmt: on
