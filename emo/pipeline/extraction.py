"""Emotion vectors of a configuration, by the method it names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

from emo.config.enums import MethodName
from emo.config.schema import RunConfig
from emo.generation.stories import check_templates
from emo.pipeline import comprehension, generation
from emo.pipeline.writer import story_emotions
from emo.runs.identity import run_identity, story_identity
from emo.runs.job import EnsuredRun
from emo.runs.plan import Plan, make_plan


def ensure_extraction(config: RunConfig) -> EnsuredRun[Any]:
    """The finished run of job=extract for a config; it is made where there is none.

    Raises
    ------
    EmoError
        If it cannot be made.
    """
    match config.method.name:
        case MethodName.comprehension:
            return comprehension.run(config)
        case MethodName.generation:
            return generation.run(config)
        case method:
            assert_never(method)


def extraction_plan(config: RunConfig) -> Plan:
    """The plan of the run of job=extract of a config.

    Raises
    ------
    EmoError
        If passages, prompts or weights are wrong; nothing has been written then.
    """
    match config.method.name:
        case MethodName.comprehension:
            return make_plan(config)
        case MethodName.generation:
            return generation.plan_of(config)[0]
        case method:
            assert_never(method)


def plan_from_extraction(
    config: RunConfig, identity: Callable[[dict[str, Any]], dict[str, Any]]
) -> Plan:
    """The plan of a job that rests on the extraction of its config.

    Parameters
    ----------
    config
        Of the job.
    identity
        From the identity of the extraction to that of the job.

    Raises
    ------
    EmoError
        If passages, prompts or weights are wrong; nothing has been written then.
    """
    match config.method.name:
        case MethodName.comprehension:
            return make_plan(config, lambda *known: identity(run_identity(*known)))
        case MethodName.generation:
            prompts = generation.read_prompting(config)
            check_templates(prompts, config.subparams)
            return make_plan(
                config,
                lambda *known: identity(story_identity(*known, prompts_sha256=prompts.sha256)),
            )
        case method:
            assert_never(method)


def extracted_emotions(plan: Plan) -> tuple[str, ...]:
    """The emotions of the plan's extraction, in their order; what a model writes has no neutral one.

    Raises
    ------
    ConfigError
        If texts are to be written about too few emotions.
    """
    match plan.config.method.name:
        case MethodName.comprehension:
            return plan.stimuli.emotions
        case MethodName.generation:
            return story_emotions(plan)
        case method:
            assert_never(method)
