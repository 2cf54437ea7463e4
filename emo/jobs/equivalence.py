"""job=equivalence: one model read by transformers and by both implementations of TransformerLens."""

from __future__ import annotations

import traceback
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo.activations.reading import Passes
from emo.config.enums import Attention, BackendName
from emo.config.resolve import INSTALL_TL, tl_installed
from emo.config.schema import RunConfig
from emo.core.compare.readers import ROUNDOFF, EquivalenceReport
from emo.errors import ConfigError
from emo.models import session
from emo.pipeline.backend_readings import compare_backends, with_backend
from emo.pipeline.reader import Reader, load_model
from emo.report.pages.comparisons import equivalence_page
from emo.report.runs import equivalence as report_on
from emo.runs import files
from emo.runs.identity import equivalence_identity
from emo.runs.job import Ready, Record, Report, Result, ensure_run, passes_in_words
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan, make_plan

if TYPE_CHECKING:
    from emo.models.loading import LoadedModel


def run(config: RunConfig) -> Outcome:
    """Compare the backends, or find the finished run with the same fingerprint."""
    _check(config)
    plan = with_backend(make_plan(config, equivalence_identity), BackendName.hf)
    plan = replace(plan, provenance=replace(plan.provenance, backend="hf, bridge, hooked"))
    record = Record("equivalence.json", files.read_equivalence, partial(_reused, plan))
    try:
        outcome = ensure_run(plan, record, partial(_prepare, plan)).outcome
    except BaseException as error:
        _forget(error)
        session.release()  # the bridge stays in the modules of this model
        raise
    if outcome.status != "reused":
        session.release()
    return outcome


def _prepare(plan: Plan) -> Ready[EquivalenceReport]:
    loaded = load_model(plan)
    compute = partial(_compute, plan, loaded, Reader(plan, loaded))
    return Ready(plan.run_name, compute, {"backend": "all"})


def _compute(plan: Plan, loaded: LoadedModel, reader: Reader) -> tuple[EquivalenceReport, Result]:
    compared, passes = compare_backends(plan, loaded, reader)
    report = _report(plan, compared, passes)
    return compared, Result(
        report=report,
        write=partial(_write, compared, report.text),
        figures={"differences": lambda: report_on.figure(compared, plan.title)},
        page=lambda: equivalence_page(
            f"{plan.title}: {report_on.COMPARED}", report.answer, report.text, compared
        ),
        metrics={
            "forward_passes_done": passes.done,
            "forward_passes_reused": passes.reused,
        },
        curves={
            f"{name}_by_layer_{key}": curve
            for name, e in compared.compared.items()
            for key, curve in e.curves().items()
        },
    )


def _write(report: EquivalenceReport, text: str, folder: Path) -> None:
    (folder / "equivalence.csv").write_text(report_on.to_csv(report), encoding="utf-8")
    (folder / "table.txt").write_text(text + "\n", encoding="utf-8")


def _reused(plan: Plan, report: EquivalenceReport) -> Report:
    return _report(plan, report, Passes(0, report.n_texts * (1 + len(report.compared))))


def _report(plan: Plan, report: EquivalenceReport, passes: Passes) -> Report:
    text = report_on.terminal_text(report, plan.title, plan.weights.note)
    answer = report_on.answer(report)
    return Report(text, _headline(report), passes_in_words(passes), passes, answer)


def _check(config: RunConfig) -> None:
    """Refuse before anything is loaded what cannot be compared."""
    where = "with job=equivalence"
    if config.precision.name.value not in ROUNDOFF:
        raise ConfigError(
            "precision", config.precision.name.value, f"{', '.join(ROUNDOFF)} {where}"
        )
    if config.backend.attention is not Attention.eager:
        raise ConfigError("backend.attention", config.backend.attention.value, f"eager {where}")
    if not tl_installed():
        raise ConfigError(
            "job", "equivalence", f"extract: TransformerLens is missing, {INSTALL_TL}"
        )


def _forget(error: BaseException | None) -> None:
    """Clear the locals that an error's tracebacks keep alive, the model among them."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


def _headline(report: EquivalenceReport) -> dict[str, Any]:
    """The worst values of each reader; ``agrees`` is null for one that cannot take the model."""
    out: dict[str, Any] = {f"{name}_agrees": None for name in report.missing}
    for name, e in report.compared.items():
        out |= {f"{name}_{key}": value for key, value in e.headline().items()}
    return out
