"""One model read by transformers and by both implementations of TransformerLens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emo.activations.reading import Passes
from emo.config.enums import BackendName, Implementation
from emo.core.compare.readers import EquivalenceReport, equivalence
from emo.errors import ModelError, NoMemory
from emo.pipeline.reader import Reader
from emo.runs.plan import Plan

if TYPE_CHECKING:
    from emo.models.loading import LoadedModel


def with_backend(
    plan: Plan, name: BackendName, implementation: Implementation = Implementation.bridge
) -> Plan:
    """The plan with another backend; its fingerprint stays."""
    backend = replace(plan.config.backend, name=name, implementation=implementation)
    return replace(plan, config=replace(plan.config, backend=backend))


def compare_backends(
    plan: Plan, loaded: LoadedModel, reader: Reader
) -> tuple[EquivalenceReport, Passes]:
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
            reader = Reader(with_backend(plan, BackendName.tl, implementation), loaded)
        except NoMemory:
            raise _without_room(implementation, loaded.device) from None
        except ModelError as error:
            missing[name] = str(error)
            continue
        activations, more = reader.read()
        del reader  # hooked's copy of the weights
        passes = Passes(passes.done + more.done, passes.reused + more.reused)
        compared[name] = equivalence(
            reference, activations, precision, remove, plan.config.method.estimator.value
        )
    n_texts = len(plan.stimuli.items) + len(plan.stimuli.neutral)
    return EquivalenceReport(precision, n_texts, reference.n_layers, compared, missing), passes


def _without_room(implementation: Implementation, device: str) -> NoMemory:
    fix = "" if device == "cpu" else ", or backend.device=cpu"
    return NoMemory(
        f"job=equivalence: no memory on {device} for {implementation.value} beside the model; free "
        f"some, or take a smaller precision{fix}"
    )
