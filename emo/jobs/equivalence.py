"""job=equivalence: one model read by transformers and by both implementations of TransformerLens."""

from __future__ import annotations

import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo.activations.reading import Passes
from emo.config.enums import Attention, BackendName, Implementation
from emo.config.resolve import INSTALL_TL, tl_installed
from emo.config.schema import RunConfig
from emo.core.compare.readers import ROUNDOFF, EquivalenceReport, equivalence
from emo.errors import ConfigError, ModelError, NoMemory
from emo.models import session
from emo.pipeline.reader import Reader, load_model
from emo.report.markdown import fenced
from emo.report.runs import equivalence as report_on
from emo.runs import files as serialise
from emo.runs import reuse as record
from emo.runs.drawing import write_figures
from emo.runs.identity import equivalence_identity
from emo.runs.outcome import Outcome
from emo.runs.plan import Plan, make_plan

if TYPE_CHECKING:
    from emo.models.loading import LoadedModel
    from emo.tracking import Tracker

ARTIFACTS = (
    "equivalence.csv",
    "equivalence.json",
    "table.txt",
    *record.FILES,
    "figures/differences.png",
)


def run(config: RunConfig) -> Outcome:
    """Compare the backends, or find the finished run with the same fingerprint."""
    _check(config)
    plan = _with_backend(make_plan(config, equivalence_identity), BackendName.hf)
    plan = replace(plan, provenance=replace(plan.provenance, backend="hf, bridge, hooked"))
    with record.alone(plan):
        tracker = record.open_tracker(plan.config)
        if found := record.finished(plan, tracker, "equivalence.json", serialise.read_equivalence):
            run_id, report = found
            passes = Passes(0, report.n_texts * (1 + len(report.compared)))
            return _outcome("reused", plan, tracker, run_id, report, passes)
        try:
            return _run(plan, tracker)
        except BaseException as error:
            _forget(error)
            raise
        finally:
            session.release()  # the bridge stays in the modules of this model


def _run(plan: Plan, tracker: Tracker) -> Outcome:
    """Everything that refers to the model is a local of this function, and gone when it is."""
    loaded = load_model(plan)
    reader = Reader(plan, loaded)
    tags = record.tags(plan) | {"backend": "all"}
    with tracker.run(f"equivalence {plan.run_name}", tags) as run_id:
        report, passes = _measure(plan, loaded, reader)
        with record.staged(plan.config) as folder:
            _write_files(folder, plan, report)
            tracker.log(run_id, _record(plan, report, passes), folder)
    return _outcome("finished", plan, tracker, run_id, report, passes)


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


def _with_backend(
    plan: Plan, name: BackendName, implementation: Implementation = Implementation.bridge
) -> Plan:
    backend = replace(plan.config.backend, name=name, implementation=implementation)
    return replace(plan, config=replace(plan.config, backend=backend))


def _measure(plan: Plan, loaded: LoadedModel, reader: Reader) -> tuple[EquivalenceReport, Passes]:
    """All readings of the same texts, each against that of transformers.

    Raises
    ------
    NoMemory
        If there is no room for a reader: another start may have it, so this is no result.
    """
    from emo.activations.tl import take_as_it_is  # imports torch

    precision, remove = plan.config.precision.name.value, plan.config.vectors.remove.value
    take_as_it_is(loaded)
    reference, passes = reader.read()
    compared, missing = {}, {}
    # The bridge last: it puts its wrappers into the modules of the loaded model.
    for implementation in (Implementation.hooked, Implementation.bridge):
        name = implementation.value
        try:
            reader = Reader(_with_backend(plan, BackendName.tl, implementation), loaded)
        except NoMemory:
            raise _without_room(implementation, loaded.device) from None
        except ModelError as error:
            missing[name] = str(error)
            continue
        activations, more = reader.read()
        del reader  # hooked's copy of the weights
        passes = Passes(passes.done + more.done, passes.reused + more.reused)
        compared[name] = equivalence(reference, activations, precision, remove)
    n_texts = len(plan.stimuli.items) + len(plan.stimuli.neutral)
    return EquivalenceReport(precision, n_texts, reference.n_layers, compared, missing), passes


def _without_room(implementation: Implementation, device: str) -> NoMemory:
    fix = "" if device == "cpu" else ", or backend.device=cpu"
    return NoMemory(
        f"job=equivalence: no memory on {device} for {implementation.value} beside the model; free "
        f"some, or take a smaller precision{fix}"
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


def _record(plan: Plan, report: EquivalenceReport, passes: Passes) -> Any:
    from emo.tracking import DESCRIPTION, RunRecord

    metrics = {
        **_headline(report),
        "forward_passes_done": passes.done,
        "forward_passes_reused": passes.reused,
    }
    curves = {
        f"{name}_by_layer_{key}": curve
        for name, e in report.compared.items()
        for key, curve in e.curves().items()
    }
    text = report_on.terminal_text(report, plan.title, plan.weights.note)
    params, dataset = record.params(plan.config), record.dataset(plan)
    return RunRecord({DESCRIPTION: fenced(text)}, params, metrics, curves, dataset)


def _write_files(folder: Path, plan: Plan, report: EquivalenceReport) -> None:
    (folder / "equivalence.csv").write_text(report_on.to_csv(report), encoding="utf-8")
    serialise.write_json(report, folder / "equivalence.json")
    text = report_on.terminal_text(report, plan.title, plan.weights.note)
    (folder / "table.txt").write_text(text + "\n", encoding="utf-8")
    record.write_files(folder, plan)
    write_figures(folder, {"differences": lambda: report_on.figure(report, plan.title)})


def _outcome(
    status: str,
    plan: Plan,
    tracker: Any,
    run_id: str,
    report: EquivalenceReport,
    passes: Passes,
) -> Outcome:
    uri = tracker.artifact_uri(run_id)
    text = report_on.terminal_text(report, plan.title, plan.weights.note)
    text += (
        f"\n  forward passes {passes.done} done, {passes.reused} reused"
        f"\n  run {run_id} ({status}); look at it with: make ui"
    )
    return Outcome(
        status=status,
        fingerprint=plan.provenance.fingerprint,
        run_id=run_id,
        metrics=serialise.plain(_headline(report)),
        artifacts={Path(name).name: f"{uri}/{name}" for name in ARTIFACTS},
        passes_done=passes.done,
        passes_reused=passes.reused,
        table=text,
    )
