"""How much of an emotion a text shows, by a judge that is not the steered model.

docs/steering.md states how well each judge hears emotions. Where a judge cannot score a text, the
score is NaN, which counts as no success.
"""

from __future__ import annotations

import importlib.metadata
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64

from emo.config.enums import JudgeName
from emo.core.choices import unknown
from emo.core.steering.text_classifier import Confusion
from emo.errors import ConfigError, ModelError
from emo.models.digests import folder_digest
from emo.models.folders import Unusable, read_folder
from emo.models.pretrained import refuse_incomplete
from emo.models.translating import about_model, quiet
from emo.steering.embedder_judge import (
    EmbedderJudge,
    embedder_identity,
    encoder_folder,
    training_passages,
)
from emo.stimuli.audit import load_lexicon
from emo.stimuli.emotion_words import EMOTION_WORDS, load_emotion_words

log = logging.getLogger(__name__)


class Judge(Protocol):
    """Scores texts for emotions."""

    def scores(self, texts: Sequence[str], emotions: Sequence[str]) -> Float64[np.ndarray, " text"]:
        """How much of its emotion each text shows, -1 to 1; NaN where the judge cannot say.

        ``emotions`` has one emotion per text.
        """
        ...

    def hears(self, emotion: str) -> bool:
        """Whether the judge can score texts for this emotion at all."""
        ...

    def alike(self, a: str, b: str) -> bool:
        """Whether the judge gives every text the same score for both emotions."""
        ...


@runtime_checkable
class TrainedJudge(Protocol):
    """A judge that is trained here, and says how it does on texts that it has not seen."""

    @property
    def confusion(self) -> Confusion:
        """What it calls them."""
        ...


class LexiconJudge:
    """VADER's compound valence (Hutto and Gilbert 2014), -1 to 1, towards the emotion's pole.

    It tells pleasant from unpleasant words and no more: it cannot tell sad from angry, reads English
    only, and hears nothing in a scene that shows an emotion without a word for it.
    """

    def __init__(self) -> None:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        self._vader = SentimentIntensityAnalyzer()
        self._words = load_emotion_words()

    def scores(self, texts: Sequence[str], emotions: Sequence[str]) -> Float64[np.ndarray, " text"]:
        """Valence towards the pole; NaN for emotions without a pole and texts without letters."""
        return np.array(
            [
                self._pole(emotion) * self._vader.polarity_scores(text)["compound"]
                if any(c.isalpha() for c in text)
                else np.nan
                for text, emotion in zip(texts, emotions, strict=True)
            ]
        )

    def hears(self, emotion: str) -> bool:
        """Whether the emotion has a pole."""
        return bool(np.isfinite(self._pole(emotion)))

    def alike(self, a: str, b: str) -> bool:
        """Whether both emotions have the same pole."""
        return self._pole(a) == self._pole(b)  # NaN, no pole, equals nothing

    def _pole(self, emotion: str) -> float:
        if emotion in self._words:
            return self._words[emotion].pole
        # An emotion of the user's: the valence of the word itself in VADER's lexicon.
        return float(np.sign(self._vader.lexicon.get(emotion.lower(), 0))) or np.nan


class ClassifierJudge:
    """A local text-classification model of transformers.

    The score is the probability of the emotion's label minus the highest probability of another
    label, -1 to 1. It is above 0 where the emotion is the classifier's verdict.
    """

    def __init__(self, folder: Path, device: str, batch_size: int = 16) -> None:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        if not folder.is_dir():
            raise _no_folder(folder)
        quiet()
        try:
            with about_model("", "it"):
                self._tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
                loaded: Any = AutoModelForSequenceClassification.from_pretrained(
                    folder,
                    trust_remote_code=False,
                    output_loading_info=True,
                    ignore_mismatched_sizes=True,  # refuse_incomplete names them
                )
            model, info = loaded
            refuse_incomplete(info, "")
        except ModelError as error:
            allowed = f"a text classifier as save_pretrained writes it{error}"
            raise ConfigError("job.steer.judge_model", folder, allowed) from error
        self._model: Any = model.to(device).eval()
        self._device, self._batch_size = device, batch_size
        self.labels = {str(v).lower(): int(k) for k, v in model.config.id2label.items()}

    def scores(self, texts: Sequence[str], emotions: Sequence[str]) -> Float64[np.ndarray, " text"]:
        """Lead of each emotion's label; NaN for emotions without a label and empty texts."""
        columns = [self.labels.get(label_of(e, self.labels) or "", -1) for e in emotions]
        judged = [i for i, text in enumerate(texts) if columns[i] >= 0 and text.strip()]
        out = np.full(len(texts), np.nan)
        for first in range(0, len(judged), self._batch_size):
            rows = judged[first : first + self._batch_size]
            p = self._probabilities([texts[i] for i in rows])
            asked = np.arange(len(rows)), [columns[i] for i in rows]
            others = p.copy()
            others[asked] = 0
            out[rows] = p[asked] - others.max(axis=1)
        return out

    def hears(self, emotion: str) -> bool:
        """Whether the classifier has a label for the emotion."""
        return label_of(emotion, self.labels) is not None

    def alike(self, a: str, b: str) -> bool:
        """Whether the classifier has one label for both emotions."""
        label = label_of(a, self.labels)
        return label is not None and label == label_of(b, self.labels)

    def _probabilities(self, texts: Sequence[str]) -> Float64[np.ndarray, "text label"]:
        import torch

        encoded = self._tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            logits = self._model(**encoded.to(self._device)).logits.double()
        multi_label = self._model.config.problem_type == "multi_label_classification"
        p = logits.sigmoid() if multi_label else logits.softmax(dim=-1)
        return p.cpu().numpy()


def label_of(emotion: str, labels: Sequence[str] | Mapping[str, int]) -> str | None:
    """The classifier's label for an emotion: its own name, else one of its entry; None if neither."""
    entry = load_emotion_words().get(emotion.lower())
    names = (emotion.lower(), *(entry.labels if entry else ()))
    return next((name for name in names if name in labels), None)


@dataclass(frozen=True)
class JudgeSettings:
    """What a judge is opened with."""

    model: Path | None
    """``job.steer.judge_model``; None if it is not set."""
    weights: Path
    """``paths.weights``, where the digests of large files are kept."""
    batch_size: int
    encoder: Path | None = None
    """``job.steer.judge_encoder``; None: the installed package's."""
    sets: tuple[str, ...] = ("shown",)
    """``job.steer.judge_sets``."""
    root: Path = Path()
    """Where paths among the sets begin."""


@dataclass(frozen=True)
class JudgeRow:
    """One judge: how it is named in a run's identity, and how it is opened."""

    identity: Callable[[JudgeSettings], str]
    """Names everything that decides the scores; refuses settings that the judge cannot work with."""
    open: Callable[[JudgeSettings, str], Judge]
    """From the settings and the device to the judge."""
    needs_model: bool = False
    """Whether it needs ``job.steer.judge_model``."""


def _vader_version(_settings: JudgeSettings) -> str:
    return f"vaderSentiment {importlib.metadata.version('vaderSentiment')}"


def _classifier_folder(settings: JudgeSettings) -> Path:
    if settings.model is None or not settings.model.is_dir():
        raise _no_folder(settings.model)
    return settings.model


def _no_folder(folder: Path | None) -> ConfigError:
    return ConfigError("job.steer.judge_model", folder, "a folder with a classifier")


def _classifier_digest(settings: JudgeSettings) -> str:
    folder = _classifier_folder(settings)
    try:
        return folder_digest(read_folder(folder), settings.weights)
    except Unusable as error:
        allowed = f"a classifier as save_pretrained writes it: {error}"
        raise ConfigError("job.steer.judge_model", folder, allowed) from None


def _open_classifier(settings: JudgeSettings, device: str) -> Judge:
    return ClassifierJudge(_classifier_folder(settings), device, settings.batch_size)


def _embedder_identity(settings: JudgeSettings) -> str:
    s = settings
    return embedder_identity(s.encoder, s.weights, s.sets, s.root)


def _open_embedder(settings: JudgeSettings, _device: str) -> Judge:
    folder = encoder_folder(settings.encoder, settings.weights)
    return EmbedderJudge(folder, training_passages(settings.sets, settings.root))


JUDGES: dict[JudgeName, JudgeRow] = {
    JudgeName.lexicon: JudgeRow(_vader_version, lambda _settings, _device: LexiconJudge()),
    JudgeName.hf: JudgeRow(_classifier_digest, _open_classifier, needs_model=True),
    JudgeName.embedder: JudgeRow(_embedder_identity, _open_embedder),
}
"""All that the program knows of a judge. A new one is a member of the enum, a class and a row here."""


def judge_row(name: JudgeName) -> JudgeRow:
    """The row of a judge.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name not in JUDGES:
        raise unknown("job.steer.judge", name, list(JUDGES))
    return JUDGES[name]


def note_unlisted(judge: Judge, emotions: Sequence[str]) -> None:
    """Log one line if emotions have no entry in the table of emotion words."""
    known = load_emotion_words()
    unlisted = [e for e in dict.fromkeys(emotions) if e.lower() not in known]
    if not unlisted:
        return
    deaf = [e for e in unlisted if not judge.hears(e)]
    log.warning(
        "emotions without an entry in %s: %s; the judge goes by the word itself%s",
        EMOTION_WORDS.name,
        ", ".join(unlisted),
        f", and cannot score texts for {', '.join(deaf)}" if deaf else "",
    )


def naming(emotions: Sequence[str]) -> dict[str, re.Pattern[str]]:
    """Per emotion, a pattern that finds a word naming it: a stem of the lexicon, or its own name."""
    lexicon = load_lexicon()
    patterns = {}
    for emotion in emotions:
        stems = [
            re.escape(stem.rstrip("*")) + (r"\w*" if stem.endswith("*") else "")
            for stem in lexicon.get(emotion, [emotion])
        ]
        patterns[emotion] = re.compile(rf"\b(?:{'|'.join(stems)})\b", re.IGNORECASE)
    return patterns
