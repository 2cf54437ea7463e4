"""A job run from a notebook."""

from __future__ import annotations

import shlex
from pathlib import Path

from emo.api.finding import load_run
from emo.api.loaded import LoadedRun
from emo.config.resolve import compose
from emo.errors import ConfigError, EmoError


def run(*overrides: str, root: str | Path = ".") -> LoadedRun:
    """Run a job as the command line does, or find the finished run of the same settings.

    Parameters
    ----------
    *overrides
        The words behind ``python launch.py``: one text with all of them, or one text each.
    root
        The project's folder: results and caches go there, relative paths begin there.

    Returns
    -------
    LoadedRun
        The run that was made or found; of ``job=export`` the run whose vectors were written.

    Raises
    ------
    EmoError
        If a setting is not allowed, or the job fails: the line that the command line prints.

    Examples
    --------
    >>> run = emo.run("model=tiny resampling.n_bootstrap=8", "stimuli.path=small.csv")
    >>> run.job, run.tags["model"]
    ('extract', 'tiny')
    >>> emo.run("model=tinny")
    Traceback (most recent call last):
    ...
    emo.errors.ConfigError: model=tinny: allowed is ... (did you mean tiny?)
    """
    from emo.cli import run_job

    config = compose(*_words(overrides), root=root)
    outcome = run_job(config)
    if outcome.failed:
        raise EmoError(outcome.error or "the job failed")
    if outcome.run_id is None:
        raise EmoError(
            f"job={config.job.name.value}: {outcome.status}, but the store has no run of it; results "
            "that wait for a server are sent by job=sync"
        )
    return load_run(outcome.run_id, config.root, config.tracking.uri)


def _words(overrides: tuple[str, ...]) -> list[str]:
    words: list[str] = []
    for text in overrides:
        if not isinstance(text, str):
            raise ConfigError("override", text, "a text, NAME=VALUE")
        try:
            words += shlex.split(text)
        except ValueError as error:
            raise ConfigError("override", text, f"words with closed quotes ({error})") from None
    if words and words[0] in ("-m", "--multirun"):
        raise ConfigError("override", words[0], "one run; a sweep is made by: python launch.py -m")
    return words
