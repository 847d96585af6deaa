"""Measuring Pilcrow: the nightly evaluation and the bench beside plain LlamaIndex."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SEEDS = ROOT / "seeds"
DATA = ROOT.parent / "shared" / "data"  # public sets, beside some checkouts

os.environ["RAGAS_DO_NOT_TRACK"] = "true"  # read once, when RAGAS is first used: nothing leaves the machine
