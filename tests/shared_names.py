"""Names that tests of several folders share; a folder's own conftest may hide those of another."""

from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SEEDS = ROOT / "seeds"
Run = Callable[..., tuple[int, str, str]]  # of the `run` fixture: exit code, stdout and stderr
