"""Weights of the judge, by `scripts/fit_judge.py`: whether paragraphs support a statement."""

BIAS = -7.012

# in the order of the features
WEIGHTS = (
    0.815,  # words held
    0.450,  # words in three sentences
    1.440,  # pairs held
    -0.972,  # longest run
    -0.604,  # length
    0.549,  # contexts
    -0.940,  # a number missing
    -1.235,  # numbers missing
    -0.936,  # a name missing
    -0.418,  # a month missing
    0.558,  # words missing
    3.785,  # same
    -1.817,  # near
    -2.694,  # number changed
    -2.818,  # name changed
    4.076,  # month changed
    -4.419,  # negated
    -0.260,  # added
    0.627,  # left out
    -0.449,  # near, a number missing
    -0.519,  # near, a name missing
    -11.612,  # near, a month missing
    4.113,  # near, words missing
    4.633,  # nearness
    1.904,  # three least near
    0.188,  # near quarter
    1.147,  # nearest sentence
)

# bias and weights fitted without one fold of the articles each, to judge that fold by
# fmt: off
FOLDED: tuple[tuple[float, tuple[float, ...]], ...] = (
    (-6.664, (
        0.733, 0.398, 1.454, -1.077, -0.549, 0.495, -0.778, -1.618, -0.792, -0.199, 0.431, 3.586, -1.820,
        -2.108, -2.973, 3.375, -4.428, -0.261, 0.505, -1.109, -0.414, -11.292, 4.577, 4.396, 1.986, 0.037,
        1.466,
    )),
    (-6.673, (
        1.763, 0.211, 0.973, -0.229, -0.531, 0.447, -0.630, -1.488, -0.794, -1.317, 0.598, 3.531, -1.701,
        -2.784, -2.690, 3.962, -4.189, -0.203, 0.573, -0.225, -0.604, -9.623, 3.571, 4.006, 1.136, 0.814,
        0.793,
    )),
    (-9.128, (
        0.525, 0.939, 1.261, -1.064, -0.569, 0.947, -1.470, -0.435, -1.279, -0.283, 0.561, 3.649, -1.805,
        -2.501, -2.722, 1.249, -4.409, -0.094, 0.692, -0.992, -0.290, -8.569, 2.969, 3.646, 2.300, 0.531,
        1.470,
    )),
    (-6.542, (
        1.006, 0.047, 1.422, -0.530, -0.591, 0.518, -0.928, -1.187, -0.842, -0.281, 0.528, 3.553, -1.655,
        -2.689, -2.889, 6.568, -4.415, -0.544, 0.675, -0.251, -0.696, -14.180, 4.937, 5.032, 1.791, 0.004,
        0.446,
    )),
    (-6.138, (
        0.522, 0.590, 1.583, -1.507, -0.628, 0.439, -0.901, -1.386, -0.994, -0.456, 0.590, 3.666, -1.723,
        -3.066, -2.682, 4.056, -4.378, -0.331, 0.592, -0.070, -0.576, -11.396, 4.396, 3.941, 2.063, 0.453,
        1.579,
    )),
)
# fmt: on
