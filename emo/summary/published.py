"""Claims of the paper about the models of a summary, beside what was measured."""

from __future__ import annotations

from collections.abc import Sequence

from emo.conditions import in_common_precision
from emo.config import vector_settings
from emo.config.enums import LayerRule, PrecisionName
from emo.config.precisions import PUBLISHED, VARIANTS, label
from emo.config.schema import RunConfig
from emo.core.compare.cross_model import ModelRun, Universality
from emo.core.conditions.claims import Claim
from emo.core.conditions.four_layer import FourLayerTable
from emo.reference import PublishedModel, shared_geometry

INT8_VARIANTS = tuple(label(PrecisionName.int8, variant) for variant in VARIANTS)
MODEL_IDS = {
    "Mistral-7B-Instruct-v0.3": "mistralai/Mistral-7B-Instruct-v0.3",
    "Llama-3.1-8B-Instruct": "meta-llama/Llama-3.1-8B-Instruct",
}
"""The models of section 4.3."""


def published(model: ModelRun) -> PublishedModel | None:
    """The row of Table A1 about a model; None if it is not one of the twelve."""
    return next((m for m in shared_geometry().models if m.model_id == model.model_id), None)


def model_claims(
    models: Sequence[ModelRun], cross_model: Universality | None, config: RunConfig
) -> list[Claim]:
    """Claims of Table A1, the RDM of RDMs and the size correlations about the models of a summary.

    The paper reads the last token and compares plain vectors at its best layer. A summary of other
    vectors has no claims, and a summary at other layers none about rho.
    """
    if vector_settings.changed(config):
        return []
    claims = []
    for i, model in enumerate(models):
        row = published(model)
        if row is None:
            continue
        d = model.descriptors
        choice = d.choices["mean_cosine"]
        bounds = (float(choice.low), float(choice.high)) if choice else (None, None)
        layer = (float(row.best_layer), float(d.best_layer))
        other = _other_precision(model.precision)
        claims.append(
            Claim("best layer", model.name, *layer, *bounds, tolerance=0.0, differs=other)
        )
        claims.append(Claim("anisotropy", model.name, row.anisotropy, d.anisotropy, differs=other))
        spread = (None, None)
        if cross_model is not None and model.layer == d.best_layer:
            spread = float(cross_model.rdm_std.low[i]), float(cross_model.rdm_std.high[i])
        claims.append(Claim("RDM std", model.name, row.rdm_std, d.rdm_std, *spread, differs=other))
    if cross_model is not None:
        claims += _sizes(cross_model)
        if config.job.summarize.layer is LayerRule.published:
            claims += _pairs(cross_model)
    return claims


def _pairs(cross_model: Universality) -> list[Claim]:
    claims, p = [], shared_geometry()
    for i, a in enumerate(cross_model.models):
        for j, b in enumerate(cross_model.models[i + 1 :], i + 1):
            rho = p.rho(a.model_id, b.model_id)
            if rho is not None and a.model_id != b.model_id:  # two revisions are no published pair
                e = cross_model.rho[i, j]
                subject = f"{a.name}, {b.name}"
                numbers = float(e.value), float(e.low), float(e.high)
                other = _other_precision(a.precision, b.precision)
                claims.append(Claim("rho", subject, rho, *numbers, differs=other))
    return claims


def _sizes(cross_model: Universality) -> list[Claim]:
    """Size correlations, if the models are exactly the twelve; over others they are not comparable."""
    p = shared_geometry()
    other = _other_precision(*(m.precision for m in cross_model.models))
    if sorted(m.model_id for m in cross_model.models) != sorted(m.model_id for m in p.models):
        return []
    measured = {(c.predictor, c.outcome): c.rho for c in cross_model.sizes}
    return [
        Claim("size correlation", f"{c.predictor} with {c.outcome}", c.rho, rho, differs=other)
        for c in p.sizes
        if (rho := measured.get((c.predictor, c.outcome))) is not None
    ]


def _other_precision(*precisions: str) -> str:
    others = sorted(set(precisions) - {PUBLISHED})
    return f"{', '.join(others)} instead of {PUBLISHED}" if others else ""


def four_layer_claims(tables: Sequence[tuple[str, FourLayerTable, str]]) -> list[Claim]:
    """Claims of section 4.3 about its models.

    Every table comes with the id of its model, and with a note on the user's own prompts if it has such.
    """
    claims = []
    for entry in shared_geometry().four_layer:
        for model_id, table, prompts in tables:
            if model_id != MODEL_IDS[entry.model]:
                continue
            common = [c.precision for c in table.conditions if in_common_precision(c.name)]
            variants = {c.precision for c in table.conditions} & set(INT8_VARIANTS)
            reasons = (_other_precision(*common), ", ".join(sorted(variants)), prompts)
            other = "; ".join(reason for reason in reasons if reason)
            for row in table.rows:
                name = row.contrast.layer
                if name in entry.rho:
                    rho = float(row.post.rho.value)
                    subject = f"{table.model}, {row.contrast.title}"
                    claims.append(
                        Claim(
                            *("four layers", subject, entry.rho[name], rho, *row.post.interval),
                            differs=other,
                        )
                    )
                if name in entry.mean_cosine and row.post.mean_cosine is not None:
                    claims.append(
                        Claim(
                            "four layers, mean cosine",
                            f"{table.model}, {row.contrast.title}",
                            entry.mean_cosine[name],
                            row.post.mean_cosine,
                            differs=other,
                        )
                    )
    return claims
