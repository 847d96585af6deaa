"""Load the verifier that the settings name, and find what its word counts: its kept grade, or an exam."""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from rag.errors import ModelError
from rag.models.llm import read_key
from rag.models.on_demand import Models, ModelSettings
from rag.verification.exam import Grade, Progress, keep_grade, known_grade, sit
from rag.verification.meaning import Remembering, Verifier
from rag.verification.verifier import Examined

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

    from rag.models.embedder import Embedder

log = logging.getLogger(__name__)

NONE = "none"
WRITER = "llm"


class VerifierSettings(ModelSettings, Protocol):
    """The settings of the models and the verifier."""

    @property
    def index(self) -> Path: ...
    @property
    def verifier_model(self) -> str | None: ...
    @property
    def verifier_code(self) -> bool: ...
    @property
    def unconfirmed(self) -> str | None: ...


class Examination:
    """The exam of the verifier that the settings name, held at most once at a time."""

    def __init__(self, settings: VerifierSettings) -> None:
        self._settings = settings
        self._lock = Lock()
        self.grade: Grade | None = None  # once the exam is over
        self._found: Examined | None = None
        self._is_over = False

    def hold(self, llm: LLM | None, progress: Progress | None = None) -> Grade:
        """Return the grade, after an exam if the index keeps none. Raises ModelError."""
        with self._lock:
            self._is_over = True
            self._found, self.grade = examine(self._settings, llm, self._settings.index, progress)
            return self.grade

    def result(self, llm: LLM) -> Examined | None:
        """Return the verifier with what it earned; None if there is none, or while it sits its exam."""
        if self._lock.locked() or self._settings.verifier == NONE:
            return None
        if not self._is_over:
            try:
                self.hold(llm)
            except ModelError as error:
                log.warning("No exam: %s Only quotations are shown.", error)
        return self._found


class ExaminedModels(Models):
    """The models of the settings, and the exam of what checks a language model's sentences."""

    def __init__(self, settings: VerifierSettings, embedder: Embedder | None, llm: LLM | None) -> None:
        super().__init__(settings, embedder, llm)
        self._examination = Examination(settings)

    @property
    def grade(self) -> Grade | None:
        """The verifier's grade; None without a verifier, and until its exam is over."""
        return self._examination.grade

    def exam(self, progress: Progress | None = None) -> Grade:
        """Return the verifier's grade, after its exam if the index keeps none; ModelError without a verifier.

        `progress` gets (claims judged, claims in all).
        """
        return self._examination.hold(self._load_llm(), progress)


def load_verifier(settings: VerifierSettings, llm: LLM | None) -> Verifier | None:
    """Return the verifier of the settings; None if that is the language model and there is none, or "none".

    Raises ModelError for a model that can't be loaded.
    """
    name = settings.verifier
    if name == NONE:
        return None
    if name == WRITER or name.startswith(("http://", "https://")):
        from rag.models.endpoint import open_endpoint
        from rag.verification.asking import LanguageModelVerifier

        seconds, key = settings.llm_seconds, read_key(settings)
        model = llm if name == WRITER else open_endpoint(name, settings.verifier_model, key, None, seconds)
        return Remembering(LanguageModelVerifier(model)) if model else None
    from rag.models.classifier import load_classifier

    return Remembering(load_classifier(name, settings.verifier_code))


def examine(
    settings: VerifierSettings, llm: LLM | None, folder: Path, progress: Progress | None = None
) -> tuple[Examined, Grade]:
    """Return the verifier with what it earned: by the grade that the index in `folder` keeps, or by an exam.

    Raises ModelError if there is no verifier, or if it fails.
    """
    verifier = load_verifier(settings, llm)
    if verifier is None:
        raise ModelError("There is no verifier. Set llm, or set verifier to a model.")
    grade = known_grade(folder, verifier)
    if grade is None:
        log.info("%s sits the exam of verifiers, once.", verifier.name)
        grade = sit(verifier, progress)
        keep_grade(folder, grade)
    marks = grade.passed and settings.verifier == WRITER
    if settings.unconfirmed:
        marks = settings.unconfirmed == "mark"
    return Examined(verifier, grade.threshold if grade.passed else None, marks), grade
