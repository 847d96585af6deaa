"""Verifiers by name: local sequence or token classifiers that compare a passage with a sentence.

Each family has its template: the input, and which output means support.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from rag.errors import ModelError
from rag.models.local import expand_name, load_model, prepare_process

if TYPE_CHECKING:
    from transformers import BatchEncoding, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

BATCH = 16  # pairs judged at once
_REMEDY = (
    "Set verifier to a classifier of sentence pairs with an entailment label, a MiniCheck, FactCG, HHEM or "
    "LettuceDetect model, or llm."
)


@dataclass(frozen=True, slots=True)
class Family:
    """How a model reads a pair: as two texts or, with a `template`, as one; which label means support."""

    template: str = ""
    support: int = 1


# The prompts are those that the models were trained with, as their authors publish them.
MINICHECK = Family("{passage}{end}{sentence}")  # Tang et al. 2024
FACTCG = Family(  # Lei et al. 2025
    "{passage}\n\nChoose your answer: based on the paragraph above can we conclude that "
    '"{sentence}"?\n\nOPTIONS:\n- Yes\n- No\nI think the answer is '
)
HHEM = Family(  # Vectara 2024
    "<pad> Determine if the hypothesis is true given the premise?"
    "\n\nPremise: {passage}\n\nHypothesis: {sentence}"
)
BY_NAME: Mapping[str, Family] = {
    "minicheck": MINICHECK,
    "factcg": FACTCG,
    "hhem": HHEM,
    "hallucination_evaluation": HHEM,
}


class Classifier:
    """A local model behind the protocol of `rag.verification.meaning.Verifier`."""

    def __init__(
        self,
        name: str,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        family: Family,
        by_token: bool,
    ) -> None:
        """`by_token` for a model that labels each token of the sentence as borne out (0) or not (1)."""
        self._model, self._tokenizer, self._family, self._by_token = model, tokenizer, family, by_token
        self._lock = Lock()
        self.name = name
        self.fingerprint = _fingerprint(name, model)

    def supports(self, pairs: Sequence[tuple[str, str]]) -> list[float | None]:
        """Return the probability, 0 to 1, that each passage bears out its sentence."""
        order = sorted(range(len(pairs)), key=lambda at: len(pairs[at][1]))
        found: list[float | None] = [None] * len(pairs)
        with self._lock:  # two threads cannot use the fast tokenizer at once
            for start in range(0, len(order), BATCH):
                part = order[start : start + BATCH]
                for at, probability in zip(part, self._judge([pairs[at] for at in part]), strict=True):
                    found[at] = probability
        return found

    def _judge(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        import torch

        with torch.inference_mode():
            if self._by_token:
                return self._by_worst_token(pairs)
            logits = self._model(**self._encoded(pairs)).logits
            if logits.shape[1] == 1:
                return [float(one) for one in torch.sigmoid(logits[:, 0])]
            return [float(one) for one in torch.softmax(logits, dim=1)[:, self._family.support]]

    def _encoded(self, pairs: Sequence[tuple[str, str]]) -> BatchEncoding:
        """Return the batch; a passage too long for the model loses its end, never the sentence."""
        if not self._family.template:
            return self._tokenized([passage for _, passage in pairs], [text for text, _ in pairs])
        return self._tokenized(
            [
                self._family.template.format(passage=self._cut(passage, text), sentence=text, end=self._end)
                for text, passage in pairs
            ]
        )

    def _tokenized(self, texts: list[str], seconds: list[str] | None = None) -> BatchEncoding:
        """Return texts, or pairs of texts of which the first may be cut, as the model reads them."""
        found: BatchEncoding = self._tokenizer(
            texts,
            seconds,
            padding=True,
            truncation="only_first",
            max_length=self._longest,
            return_tensors="pt",
        )
        return found

    def _cut(self, passage: str, sentence: str) -> str:
        asked = self._family.template.format(passage="", sentence=sentence, end=self._end)
        room = self._longest - len(self._tokenizer(asked)["input_ids"])
        tokens = self._tokenizer(passage, add_special_tokens=False, return_offsets_mapping=True)
        offsets = tokens["offset_mapping"]
        return passage if len(offsets) <= room else passage[: offsets[max(room, 1) - 1][1]]

    def _by_worst_token(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return the probability that no token of the sentence is unsupported: that of its worst one."""
        import torch

        passages = [f"Summarize the following text:\n{passage}\noutput:" for _, passage in pairs]
        batch = self._tokenized(passages, [text for text, _ in pairs])
        wrong = torch.softmax(self._model(**batch).logits, dim=2)[:, :, 1]
        found = []
        for row in range(len(pairs)):
            mine = [at for at, part in enumerate(batch.sequence_ids(row)) if part == 1]
            found.append(1 - max((float(wrong[row, at]) for at in mine), default=1.0))
        return found

    @property
    def _longest(self) -> int:
        limit = getattr(self._model.config, "max_position_embeddings", None) or 512
        return int(min(self._tokenizer.model_max_length, limit if limit > 0 else 512, 2048))

    @property
    def _end(self) -> str:
        return str(self._tokenizer.eos_token or self._tokenizer.sep_token or "")


def load_classifier(name: str, trust_code: bool = False) -> Classifier:
    """Load a verifier from a folder or the local Hugging Face cache; ModelError if it is none.

    `trust_code` runs code that comes with the model: only HHEM needs it.
    """
    prepare_process()

    def load() -> Classifier:
        import transformers

        place = expand_name(name)
        options = {"local_files_only": True, "trust_remote_code": trust_code}
        config = transformers.AutoConfig.from_pretrained(place, **options)
        kinds = " ".join(config.architectures or ())
        if not trust_code and (getattr(config, "auto_map", None) or "HHEM" in kinds):
            raise ModelError(
                f"The verifier {name!r} brings code of its own. Set verifier_code = true to run it."
            )
        by_token = "ForTokenClassification" in kinds
        if not (by_token or "ForSequenceClassification" in kinds or "HHEM" in kinds):
            raise ModelError(f"The verifier {name!r} is not trained to judge sentences. {_REMEDY}")
        auto = (
            transformers.AutoModelForTokenClassification
            if by_token
            else transformers.AutoModelForSequenceClassification
        )
        model = auto.from_pretrained(place, **options).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(place, **options)
        return Classifier(name, model, tokenizer, _family(name, config, by_token), by_token)

    return load_model(name, "verifier", load)


def _family(name: str, config: PretrainedConfig, by_token: bool) -> Family:
    """Return how a model reads a pair, by its name and labels; ModelError if neither tells."""
    known = f"{name} {getattr(config, '_name_or_path', '')}".casefold()
    if found := next((family for word, family in BY_NAME.items() if word in known), None):
        return found
    labels = {str(label).casefold(): int(at) for at, label in (config.id2label or {}).items()}
    support = next((at for label, at in labels.items() if label.startswith(("entail", "support"))), None)
    if by_token or len(labels) == 1:
        return Family()
    if support is None:
        raise ModelError(f"None of the labels of {name!r} means support: {', '.join(labels)}. {_REMEDY}")
    return Family(support=support)


def _fingerprint(name: str, model: PreTrainedModel) -> str:
    """Return a hash of the model's configuration and of some of its weights."""
    digest = blake2b(
        json.dumps([Path(name).name, model.config.to_dict()], default=str).encode(), digest_size=16
    )
    for parameter in list(model.parameters())[-4:]:
        digest.update(parameter.detach().float().numpy().tobytes())
    return digest.hexdigest()
