"""The language model that writes answers and the verifier that checks them; both may change meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING

from rag.errors import ModelError, SettingsError
from rag.models.llm import load_llm, read_key
from rag.models.on_demand import Models
from rag.settings import Settings
from rag.verification.grade import Grade, Progress
from rag.verification.meaning import Remembering, Verifier

if TYPE_CHECKING:
    from llama_index.core.llms import LLM

    from rag.models.embedder import Embedder
    from rag.verification.verifier import Examined

log = logging.getLogger(__name__)

NONE = "none"
WRITER = "llm"
OF_LLM = frozenset({"llm", "llm_model", "llm_key", "llm_key_file", "llm_context", "llm_seconds"})
CHANGEABLE = OF_LLM | {"verifier", "verifier_model", "verifier_code", "unconfirmed"}


class Writer:
    """The language model of the settings, loaded on first use, and what its verifier's exam found."""

    def __init__(self, settings: Settings, llm: LLM | None = None) -> None:
        self.settings = settings
        self.grade: Grade | None = None  # once the exam is over
        self.problem = ""  # why there is no grade
        self.progress: tuple[int, int] | None = None  # claims judged and in all, while the exam lasts
        self._llm = llm
        self._verifier: Verifier | None = None
        self._found: Examined | None = None
        self._is_begun = self._is_replaced = False
        self._loading, self._lock = Lock(), Lock()

    @property
    def is_set(self) -> bool:
        """Whether there is a language model."""
        return bool(self._llm or self.settings.llm)

    @property
    def has_verifier(self) -> bool:
        """Whether there is a language model, and a verifier of its sentences."""
        return self.is_set and self.settings.verifier != NONE

    @property
    def name(self) -> str:
        """The model's name; "" while only its server knows it."""
        if self._llm is not None:
            return str(self._llm.metadata.model_name)
        where = self.settings.llm or ""
        return self.settings.llm_model or ("" if "://" in where else Path(where).stem)

    def load(self) -> LLM | None:
        """Return the language model, if there is one. Raises ModelError."""
        with self._loading:
            if self._llm is None:
                self._llm = load_llm(self.settings)
            return self._llm

    def successor(self, settings: Settings) -> Writer:
        """Return one of other settings, loaded. Raises ModelError."""
        kept = all(getattr(settings, name) == getattr(self.settings, name) for name in OF_LLM)
        next_one = Writer(settings, self._llm if kept else None)
        llm = next_one.load()
        if llm and settings.verifier not in {NONE, WRITER} and "://" not in settings.verifier:
            next_one._verifier = load_verifier(settings, llm)
        return next_one

    def replace(self) -> None:
        """Break off the exam, if one is being held: nobody needs its grade any more."""
        self._is_replaced = True

    def examine(self, progress: Progress | None = None) -> Grade:
        """Return the grade, after an exam if the index keeps none. Raises ModelError."""

        def report(done: int, of: int) -> None:
            if self._is_replaced:
                raise ModelError("The verifier was replaced during its exam.")
            self.progress = done, of
            if progress:
                progress(done, of)

        with self._lock:
            self._is_begun, self.problem = True, ""
            try:
                self._verifier = self._verifier or load_verifier(self.settings, self.load())
                self._found, self.grade = examine(self.settings, self._verifier, self.settings.index, report)
            except ModelError as error:
                self.problem = str(error)
                raise
            finally:
                self.progress = None
            return self.grade

    def begin_exam(self, report: Callable[[str], object]) -> None:
        """Hold the exam in a thread; until it is over, questions don't wait for it."""

        def hold() -> None:
            try:
                report(str(self.examine()))
            except ModelError as error:
                report(f"No exam: {error}")

        self._is_begun, self.progress = True, (0, 0)
        Thread(target=hold, daemon=True).start()

    def ready(self) -> tuple[LLM | None, Examined | None]:
        """Return the model, and its verifier with what it earned: None without one, or during its exam."""
        llm = self.load()
        if llm is None or not self.has_verifier or self._lock.locked():
            return llm, None
        if not self._is_begun:
            try:
                self.examine()
            except ModelError as error:
                log.warning("No exam: %s Only quotations are shown.", error)
        return llm, self._found


class ExaminedModels(Models):
    """The models of the settings. Those that write and check answers can be changed while it is open."""

    def __init__(self, settings: Settings, embedder: Embedder | None, llm: LLM | None) -> None:
        super().__init__(settings, embedder)
        self.settings = settings
        self._writer = Writer(settings, llm)
        self._changing = Lock()

    @property
    def uses_llm(self) -> bool:
        """Whether a language model writes the answers."""
        return self._writer.is_set

    @property
    def has_verifier(self) -> bool:
        """Whether a model checks the sentences that a language model writes."""
        return self._writer.has_verifier

    @property
    def writer(self) -> Writer:
        """The language model and verifier in use, with the state of the exam."""
        return self._writer

    @property
    def grade(self) -> Grade | None:
        """The verifier's grade; None without a verifier, and until its exam is over."""
        return self._writer.grade

    def exam(self, progress: Progress | None = None) -> Grade:
        """Return the verifier's grade, after its exam if the index keeps none; ModelError without a verifier.

        `progress` gets (claims judged, claims in all).
        """
        return self._writer.examine(progress)

    def begin_exam(self, report: Callable[[str], object] | None = None) -> None:
        """Hold the exam of the verifier, if there is one, in the background; meanwhile only quotations count.

        `report` gets the grade, or why there is none.
        """
        if self.has_verifier:
            self._writer.begin_exam(report or log.info)

    def use(self, **changes: object) -> None:
        """Use another language model or verifier from the next question on: `use(llm=…, verifier="none")`.

        Names and values are those of the settings; None is the default. Answers being written keep the old
        model. Raises SettingsError for a bad value, ModelError for a model that can't be loaded; then nothing
        changes.
        """
        with self._changing:
            settings = changed(self.settings, **changes)
            writer = self._writer.successor(settings)
            self._writer.replace()
            self.settings, self._writer = settings, writer


def changed(settings: Settings, **changes: object) -> Settings:
    """Return the settings with other models. Raises SettingsError."""
    if fixed := sorted(changes.keys() & Settings.model_fields.keys() - CHANGEABLE):
        raise SettingsError(f"{', '.join(fixed)} can't be changed while the index is open. Restart Pilcrow.")
    values = {name: getattr(settings, name) for name in settings.model_fields_set} | changes
    return Settings.model_validate({name: value for name, value in values.items() if value is not None})


def load_verifier(settings: Settings, llm: LLM | None) -> Verifier | None:
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
    settings: Settings, verifier: Verifier | None, folder: Path, progress: Progress | None = None
) -> tuple[Examined, Grade]:
    """Return the verifier with what it earned: by the grade that the index in `folder` keeps, or by an exam.

    Raises ModelError if there is no verifier, or if it fails.
    """
    from rag.verification.exam import keep_grade, known_grade, sit
    from rag.verification.verifier import Examined

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
