"""``hydra/sweeper=basic``: grids of Hydra, run as one sweep by :mod:`emo.sweeping`.

Hydra finds sweepers only in the namespace package ``hydra_plugins``. Every start of launch.py imports
this module, which therefore imports heavy packages late.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import configure_log
from hydra.plugins.launcher import Launcher


class EmoSweeper(BasicSweeper):
    """A grid run as one sweep: a parent run, each model loaded once, a table at the end."""

    def sweep(self, arguments: list[str]) -> None:
        """Run every point and print a table of the outcomes.

        Raises
        ------
        EmoError
            If a point is wrong, or the grid has no point or too many; nothing has been written then.
        SweepFailed
            If a point failed; all other points have run.
        """
        assert self.config is not None
        assert self.hydra_context is not None
        configure_log(self.config.hydra.job_logging, self.config.hydra.verbose)
        from emo import sweeping
        from emo.config import overrides, sweep_values
        from emo.launch import sweep_points

        config, loader = self.config, self.hydra_context.config_loader
        sources = self.config.hydra.runtime.config_sources
        folders = [Path(source.path) for source in sources if source.schema == "file"]
        root = Path(self.config.root)
        params = overrides.checked(self._parse_config(), folders, root)
        parsed = OverridesParser.create(loader).parse_overrides([*params, *arguments])
        sweep_values.check_size(parsed, folders)
        (jobs,) = self.split_arguments(parsed, None)
        points = sweep_points.composed(
            jobs, lambda job: loader.load_sweep_config(config, list(job))
        )
        sweeping.run(points, self.config, self._launch, self.max_batch_size)

    def _launch(self, jobs: Sequence[Sequence[str]], first: int) -> list[object]:
        assert self.launcher is not None
        with _each_awaited(self.launcher):
            return [_value(done) for done in self.launcher.launch(jobs, initial_job_idx=first)]


def _value(done: Any) -> object:
    """The value that a job returned, or the error that ended it."""
    try:
        return done if isinstance(done, Exception) else done.return_value
    except Exception as error:
        return error


@contextmanager
def _each_awaited(launcher: Launcher) -> Iterator[None]:
    """A block in which submitit's launcher waits for every job, even if one was killed.

    The launcher collects results in one expression: the first error would end the waiting while other
    jobs run on. Inside the block the result of a failed job is its error.
    """
    if "submitit" not in type(launcher).__module__:
        yield
        return
    import submitit

    job_class: Any = submitit.Job
    real = job_class.results

    def results(job: Any) -> list[object]:
        try:
            return real(job)
        except Exception as error:
            return [error]

    job_class.results = results
    try:
        yield
    finally:
        job_class.results = real


CONF = {
    "_target_": "hydra_plugins.emo_sweeper.EmoSweeper",
    "max_batch_size": None,
    "params": None,
}
ConfigStore.instance().store("basic", CONF, "hydra/sweeper", provider="emo")
