"""Tables of a summary: descriptors, published figures, and runs."""

from __future__ import annotations

from emo.core.compare.cross_model import ModelRun
from emo.core.conditions.claims import RULE
from emo.core.criterion_search import verdict_of
from emo.core.geometry.layer_results import ACCURACIES
from emo.core.records import Descriptors
from emo.reference import shared_geometry
from emo.report.table import Entry, Interval, Table
from emo.summary.assemble import Summary


def descriptor_table(s: Summary) -> list[Table]:
    """Table A1: one row per model."""
    rule = s.config.job.summarize.layer.value
    return [
        Table(
            "descriptors",
            "Descriptors (Table A1)",
            "All at the published best layer, which is chosen on these passages; layers have 95 % "
            "bootstrap intervals. p: under permuted labels of the passages. Nested: layers are chosen "
            "on one half of the situations, reliability is of the other; so is valence, whose line "
            "is 95 % of the same under permuted emotions. Accuracies: chance is one in as many as "
            "there are emotions; raw nearest centroid, z-scored, LDA; nested: LDA where other "
            "situations choose the layer by accuracy. Compared at: the "
            f"layer of the cross-model study (job.summarize.layer={rule}).",
            (
                *("model", "family", "variant", "size, B", "layers", "d_model", "precision"),
                *("best layer", "best layer, %", "by reliability", "by accuracy", "anisotropy"),
                *("RDM std", "RDM std, p", "reliability", "reliability, p", "reliability, nested"),
                *("reliability flag", "accuracy", "accuracy, z", "accuracy, LDA"),
                *("accuracy, LDA, nested", "valence", "valence, nested", "valence, line"),
                *("compared at", "run"),
            ),
            tuple(_descriptors(m) for m in s.models),
            key=(
                *(
                    "model",
                    "best layer",
                    "anisotropy",
                    "reliability",
                    "reliability flag",
                    "accuracy",
                ),
                "run",
            ),
        )
    ]


def _descriptors(m: ModelRun) -> tuple[Entry, ...]:
    d, c = m.descriptors, m.descriptors.choices["mean_cosine"]
    chosen = d.valence and d.valence.chosen
    others = [d.choices[name] for name in ("reliability", "accuracy")]
    return (
        m.name,
        m.family,
        m.variant,
        m.size_b,
        d.n_layers,
        m.d_model,
        m.precision,
        f"{d.best_layer}" + (f" ({c.low} to {c.high})" if c else ""),
        d.best_layer_pct,
        *(f"{x.layer} ({x.low} to {x.high})" if x else None for x in others),
        d.anisotropy,
        d.rdm_std,
        d.p("rdm_std"),
        d.reliability,
        d.p("reliability"),
        d.nested["mean_cosine"].reliability if "mean_cosine" in d.nested else None,
        d.reliability_flag.value,
        *(_at_best(d, name) for name in ACCURACIES),
        d.nested["accuracy"].accuracy_lda if "accuracy" in d.nested else None,
        verdict_of(d.valence).value,
        *((chosen.other, chosen.line) if chosen else (None, None)),
        m.layer,
        m.run_id[:8],
    )


def _at_best(d: Descriptors, name: str) -> float | None:
    """A curve at the published layer; None where the run has not logged it."""
    return float(d.curves[name][d.best_layer]) if name in d.curves else None


def claim_table(s: Summary) -> list[Table]:
    """One row per published figure, beside the number measured here; no table if there are none."""
    if not s.claims:
        return []
    rows = tuple(
        (
            c.topic,
            c.subject,
            c.published,
            Interval(
                c.measured,
                float("nan") if c.low is None else c.low,
                float("nan") if c.high is None else c.high,
            ),
            c.verdict.value,
            c.differs,
        )
        for c in s.claims
    )
    return [
        Table(
            "claims",
            "Published figures",
            f"{RULE} Published: {shared_geometry().source} The published study has passages of its "
            "own; its figures need not agree with figures of other passages.",
            ("figure", "of", "published", "measured", "verdict", "differs from the study"),
            rows,
            names=2,
        )
    ]


def run_table(s: Summary) -> list[Table]:
    """One row per run that the summary uses."""
    rows = tuple(
        (
            r.run_id,
            r.tags.get("job", "unknown"),
            r.model,
            "" if r.tags.get("job") in ("steer", "behave") else r.condition or "none",
            r.config.stimuli.label.value,
            *(r.tags.get(k, "unknown") for k in ("revision", "precision", "backend", "device")),
            r.tags.get("stimuli_sha256", "")[:8],
            r.tags.get("prompts_sha256", "")[:8],
            r.tags.get("code_commit", "unknown")[:8],
            r.tags.get("valence", ""),
            r.tags.get("weights_note", ""),
        )
        for r in s.runs
    )
    return [
        Table(
            "runs",
            "Runs used",
            "Every number comes from the files of these runs.",
            (
                *("run", "job", "model", "condition", "label", "revision", "precision", "backend"),
                *("device", "passages", "prompts", "code", "valence", "note"),
            ),
            rows,
            key=("run", "job", "model", "condition", "precision", "device", "code"),
        )
    ]


def left_out_table(s: Summary) -> list[Table]:
    """One row per run that is not used, with the reason."""
    rows = tuple(
        (e.run.run_id[:8], e.run.model, e.run.tags.get("method", "unknown"), e.reason)
        for e in s.left_out
    )
    return [
        Table(
            "left_out",
            "Runs left out",
            "Logged runs of job=extract, and of other jobs for the models shown, that give no number "
            "here.",
            ("run", "model", "method", "reason"),
            rows,
        )
    ]
