"""All validations of a run that were asked for, as one result."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, assert_never

from emo.config.enums import Validation
from emo.core.validation.findings import judged
from emo.core.validation.result import LensTokens, ValidationResult
from emo.core.validation.table import table_of
from emo.pipeline.validations import by_items, by_logits, by_readings
from emo.pipeline.validations.setting import Setting
from emo.pipeline.validations.steered_choices import steered_choices


def validated(setting: Setting) -> tuple[ValidationResult, dict[int, tuple[LensTokens, ...]]]:
    """The result, and the tokens of the lens at every layer (empty without it).

    Raises
    ------
    EmoError
        If a text cannot be read, or the model cannot write.
    """
    config = setting.plan.config.job.validate
    by_layer: dict[int, tuple[LensTokens, ...]] = {}
    parts: dict[str, Any] = {}
    for name in Validation:
        if name not in config.which:
            continue
        match name:
            case Validation.lens:
                parts["lens"], by_layer = by_logits.lens(setting)
            case Validation.scenarios:
                parts["scenarios"] = by_readings.scenarios(setting)
            case Validation.numbers:
                parts["numbers"] = by_readings.numbers(setting)
            case Validation.turns:
                parts["turns"] = by_readings.turns(setting)
            case Validation.preference:
                parts["preference"] = by_logits.preferred(setting)
            case Validation.preference_steered:
                parts["preference_steered"] = steered_choices(setting)
            case Validation.components:
                parts["components"] = by_items.leading_components(setting)
            case Validation.layers:
                parts["layers"] = by_items.compared_layers(setting)
            case Validation.feels:
                parts["feels"] = by_logits.feels(setting)
            case _:
                assert_never(name)
    result = ValidationResult(
        run_id=setting.source.run_id,
        layer=setting.layer,
        layer_rule=rule_in_words(config.layer, setting.source.layer_source),
        form=setting.dialogue.form,
        emotions=setting.emotions,
        trust=setting.source.trust.get(setting.layer, ""),
        strengths=by_items.strengths(setting),
        findings=(),
        notes=tuple(setting.notes),
        **parts,
    )
    return replace(result, findings=judged(table_of(result))), by_layer


def rule_in_words(value: str, best: str) -> str:
    """How the layer was chosen."""
    match value:
        case "two_thirds":
            return "two thirds of the depth"
        case "best":
            return f"the run's best: {best}"
        case _:
            return "as asked for"
