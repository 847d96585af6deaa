"""The evaluation: asks questions with known answers, scores the answers and reports what got worse."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SEEDS = ROOT / "seeds"
DATA = ROOT.parent / "shared" / "data"  # public sets, beside some checkouts

os.environ["RAGAS_DO_NOT_TRACK"] = "true"  # RAGAS reads it once; nothing leaves the machine
