"""The judge of a steering run and the one beside it: checked, named in its identity, and opened."""

from __future__ import annotations

from emo.config.jobs import SteerConfig
from emo.config.schema import RunConfig
from emo.errors import ConfigError
from emo.steering.judging import Judge, JudgeSettings, judge_row

JUDGE_FIELDS = ("judge_model", "judge_encoder", "judge_sets", "second_judge")
"""Settings that are in a run's identity as what the judges name themselves by."""


def check_judges(steer: SteerConfig) -> None:
    """Refuse a judge without its model, and one beside itself.

    Raises
    ------
    ConfigError
        Naming the parameter.
    """
    if steer.second_judge is steer.judge:
        allowed = f"null, or another judge than job.steer.judge={steer.judge.value}"
        raise ConfigError("job.steer.second_judge", steer.judge.value, allowed)
    for judge in (steer.judge, steer.second_judge):
        if judge is not None and judge_row(judge).needs_model and not steer.judge_model:
            allowed = f"a folder with a classifier, for judge={judge.value}"
            raise ConfigError("job.steer.judge_model", None, allowed)


def judge_identities(config: RunConfig) -> dict[str, str]:
    """What names the judge, and the one beside it where there is one.

    Raises
    ------
    EmoError
        If a judge cannot work with the settings.
    """
    steer, settings = config.job.steer, _settings(config)
    names = {"judge": judge_row(steer.judge).identity(settings)}
    if steer.second_judge is not None:
        names["second_judge"] = judge_row(steer.second_judge).identity(settings)
    return names


def open_judges(config: RunConfig, device: str) -> tuple[Judge, Judge | None]:
    """The judge, and the one beside it where there is one.

    Raises
    ------
    EmoError
        If a judge's model cannot be read.
    """
    steer, settings = config.job.steer, _settings(config)
    first = judge_row(steer.judge).open(settings, device)
    if steer.second_judge is None:
        return first, None
    return first, judge_row(steer.second_judge).open(settings, device)


def _settings(config: RunConfig) -> JudgeSettings:
    steer = config.job.steer
    return JudgeSettings(
        None if steer.judge_model is None else config.path(steer.judge_model),
        config.path(config.paths.weights),
        config.backend.batch_size,
        None if steer.judge_encoder is None else config.path(steer.judge_encoder),
        tuple(steer.judge_sets),
        config.path("."),
    )
