"""Tables of models, and of what a model wrote, beside baselines of the texts."""

from __future__ import annotations

from emo.core.compare.baselines import ALL, Beside
from emo.report.table import Entry, Interval, Table
from emo.summary.assemble import Summary

COLUMNS = (*("rho, same items", "baseline's halves", "rho, disjoint", "disattenuated"),)
MEANING = (
    "Baseline's halves: correlation of the baseline's RDMs of two halves of the items, so how noisy "
    "it is itself. Disjoint: model and baseline on different halves, with the 95 % interval over "
    "items and emotions. Disattenuated: disjoint rho over what the noise of both lets it reach, "
    "with the 95 % jackknife interval over items; not formed where a side does not agree with "
    "itself."
)
KINDS = (
    "Style counts: punctuation, lengths, function words, no content word. TF-IDF: of words, of runs "
    "of 3 to 5 characters."
)


def baseline_table(s: Summary) -> list[Table]:
    """One row per model and baseline."""
    if s.baselines is None or not s.baselines.beside:
        return []
    return [
        Table(
            "baselines",
            "Baselines: geometries that need no model",
            f"Each model beside geometries of the same passages. {KINDS} Embedding layer: the mean "
            f"row of the model's own input embedding table over a passage's tokens. {MEANING}",
            ("model", "baseline", *COLUMNS),
            tuple((b.model, baseline_words(b.baseline), *_numbers(b)) for b in s.baselines.beside),
        )
    ]


def beyond_table(s: Summary) -> list[Table]:
    """One row per pair of models and baseline: what of their agreement the baseline does not explain."""
    if s.baselines is None or not s.baselines.beyond:
        return []
    rows = tuple(
        (
            b.a,
            b.b,
            baseline_words(b.baseline),
            Interval.of(b.disattenuated),
            Interval.of(b.unexplained),
            Interval.of(b.partial),
        )
        for b in s.baselines.beyond
    )
    return [
        Table(
            "beyond_baselines",
            "What the baselines leave of the models' agreement",
            "All from disattenuated rho, so that a noisy baseline is not held fixed in name only. "
            "Beyond: the models' disattenuated rho less what both share with the baseline; 0 where "
            "the baseline is all that they share. Partial: the same in units of what the baseline "
            f"leaves of both models; not formed where that is nearly nothing. {ALL.capitalize()}: "
            "every baseline held fixed at once, without axes in which the baselines differ by noise "
            "alone. 95 % jackknife intervals over items.",
            ("model a", "model b", "baseline", "disattenuated", "beyond the baseline", "partial"),
            rows,
        )
    ]


def condition_baseline_table(s: Summary) -> list[Table]:
    """One row per generation condition and baseline of the texts that the model wrote in it."""
    rows = tuple(
        (model, condition, baseline_words(b.baseline), *_numbers(b))
        for model, conditions in s.condition_baselines.items()
        for condition, found in conditions.items()
        for b in found.beside
    )
    if not rows:
        return []
    return [
        Table(
            "condition_baselines",
            "Baselines of what the models wrote",
            f"Each generation condition beside geometries of its own texts. {KINDS} Emotion words: "
            "the word for the emotion stands in every prompt; these are the words' rows of the "
            f"model's embedding table, which have no noise of items. {MEANING}",
            ("model", "condition", "baseline", *COLUMNS),
            rows,
        )
    ]


def _numbers(b: Beside) -> tuple[Entry, ...]:
    return (b.same, b.reliability, Interval.of(b.disjoint), Interval.of(b.disattenuated))


def baseline_words(name: str) -> str:
    """A baseline's name as a reader sees it."""
    return name.replace("_", " ").replace("tfidf", "TF-IDF of")
