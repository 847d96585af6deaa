"""Measuring Pilcrow: the nightly evaluation and the bench beside plain LlamaIndex."""

import os

os.environ["RAGAS_DO_NOT_TRACK"] = "true"  # read once, when RAGAS is first used: nothing leaves the machine
