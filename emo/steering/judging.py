"""How much of an emotion a text shows, by a judge that is not the model under test.

Both judges are measured in docs/steering.md; what one cannot judge is NaN and counts as no success.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float64

from emo.errors import ConfigError, ModelError
from emo.models.pretrained import refuse_incomplete
from emo.models.translating import about_model, quiet
from emo.stimuli.audit import load_lexicon

VALENCE = {
    **dict.fromkeys(
        ("blissful", "calm", "enthusiastic", "grateful", "happy", "hopeful", "loving", "proud"), 1
    ),
    **dict.fromkeys(
        (
            *("afraid", "angry", "anxious", "brooding", "desperate", "exasperated", "gloomy"),
            *("guilty", "hostile", "nervous", "sad"),
        ),
        -1,
    ),
}
"""Pole of an emotion; reflective and neutral have none, and the lexicon cannot judge them."""

LABELS = {
    "afraid": ("fear", "scared"),
    "angry": ("anger",),
    "anxious": ("anxiety", "nervousness", "fear"),
    "blissful": ("joy", "happiness"),
    "calm": ("calmness", "relief"),
    "desperate": ("despair", "fear"),
    "enthusiastic": ("excitement", "enthusiasm", "joy"),
    "exasperated": ("annoyance", "frustration", "anger"),
    "gloomy": ("gloom", "sadness"),
    "grateful": ("gratitude",),
    "guilty": ("guilt", "remorse"),
    "happy": ("happiness", "joy"),
    "hopeful": ("optimism", "hope"),
    "hostile": ("hostility", "anger"),
    "loving": ("love",),
    "nervous": ("nervousness", "anxiety", "fear"),
    "proud": ("pride",),
    "reflective": ("reflection", "realization"),
    "sad": ("sadness",),
}
"""What classifiers call the emotions, best first; the emotion's own name is tried before these."""


class Judge(Protocol):
    """Scores texts for emotions."""

    def scores(self, texts: Sequence[str], emotions: Sequence[str]) -> Float64[np.ndarray, " text"]:
        """How much of its emotion each text shows; NaN where this judge cannot say."""
        ...

    def alike(self, a: str, b: str) -> bool:
        """Whether it scores every text the same for both emotions."""
        ...


class LexiconJudge:
    """VADER's compound valence (Hutto and Gilbert 2014), -1 to 1, towards the emotion's pole.

    It tells pleasant from unpleasant words and no more: it cannot tell sad from angry, reads English
    only, and sees nothing in a scene that shows an emotion without a word for it.
    """

    def __init__(self) -> None:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        self._vader = SentimentIntensityAnalyzer()

    def scores(self, texts: Sequence[str], emotions: Sequence[str]) -> Float64[np.ndarray, " text"]:
        """Valence towards the pole; NaN for emotions without one and for texts without letters."""
        return np.array(
            [
                self._pole(emotion) * self._vader.polarity_scores(text)["compound"]
                if any(c.isalpha() for c in text)
                else np.nan
                for text, emotion in zip(texts, emotions, strict=True)
            ]
        )

    def alike(self, a: str, b: str) -> bool:
        """Emotions of one pole are one to it."""
        return self._pole(a) == self._pole(b)  # NaN, no pole, equals nothing

    def _pole(self, emotion: str) -> float:
        if emotion in VALENCE:
            return VALENCE[emotion]
        # A user's own emotion: what VADER's lexicon says of the word itself.
        return float(np.sign(self._vader.lexicon.get(emotion.lower(), 0))) or np.nan


class ClassifierJudge:
    """A local text-classification model of transformers.

    The score is the probability of the emotion's label minus that of the likeliest other label: above
    0 where the classifier's verdict is this emotion, -1 to 1.
    """

    def __init__(self, folder: Path, device: str, batch_size: int = 16) -> None:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        if not folder.is_dir():
            raise ConfigError("job.steer.judge_model", folder, "a folder with a classifier")
        quiet()
        try:
            with about_model("", "it"):
                self._tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
                found: Any = AutoModelForSequenceClassification.from_pretrained(
                    folder,
                    trust_remote_code=False,
                    output_loading_info=True,
                    ignore_mismatched_sizes=True,  # named by refuse_incomplete
                )
            model, info = found
            refuse_incomplete(info, "")
        except ModelError as error:
            allowed = f"a text classifier as save_pretrained writes it{error}"
            raise ConfigError("job.steer.judge_model", folder, allowed) from error
        self._model: Any = model.to(device).eval()
        self._device, self._batch_size = device, batch_size
        self.labels = {str(v).lower(): int(k) for k, v in model.config.id2label.items()}

    def scores(self, texts: Sequence[str], emotions: Sequence[str]) -> Float64[np.ndarray, " text"]:
        """Lead of each emotion's label; NaN for emotions without one and for empty texts."""
        at = [self.labels.get(label_of(e, self.labels) or "", -1) for e in emotions]
        wanted = [i for i, text in enumerate(texts) if at[i] >= 0 and text.strip()]
        out = np.full(len(texts), np.nan)
        for first in range(0, len(wanted), self._batch_size):
            rows = wanted[first : first + self._batch_size]
            p = self._probabilities([texts[i] for i in rows])
            own = np.arange(len(rows)), [at[i] for i in rows]
            others = p.copy()
            others[own] = 0
            out[rows] = p[own] - others.max(axis=1)
        return out

    def alike(self, a: str, b: str) -> bool:
        """Emotions it has one label for are one to it."""
        label = label_of(a, self.labels)
        return label is not None and label == label_of(b, self.labels)

    def _probabilities(self, texts: Sequence[str]) -> Float64[np.ndarray, "text label"]:
        import torch

        encoded = self._tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            logits = self._model(**encoded.to(self._device)).logits.double()
        several = self._model.config.problem_type == "multi_label_classification"
        p = logits.sigmoid() if several else logits.softmax(dim=-1)
        return p.cpu().numpy()


def label_of(emotion: str, labels: Sequence[str] | dict[str, int]) -> str | None:
    """The classifier's label for an emotion, None if it has none."""
    names = (emotion.lower(), *LABELS.get(emotion.lower(), ()))
    return next((name for name in names if name in labels), None)


def naming(emotions: Sequence[str]) -> dict[str, re.Pattern[str]]:
    """For each emotion, what finds a word naming it: our word stems, or the emotion's own name."""
    lexicon = load_lexicon()
    patterns = {}
    for emotion in emotions:
        stems = [
            re.escape(stem.rstrip("*")) + (r"\w*" if stem.endswith("*") else "")
            for stem in lexicon.get(emotion, [emotion])
        ]
        patterns[emotion] = re.compile(rf"\b(?:{'|'.join(stems)})\b", re.IGNORECASE)
    return patterns
