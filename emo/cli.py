"""The command line: Hydra composes a config, a job runs, an error is one line and an exit code."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from emo.config import checks
from emo.config.conf_folder import CONF
from emo.config.enums import JobName, MethodName, Output
from emo.config.hydra_errors import explained
from emo.config.resolve import resolve, schema
from emo.config.schema import RunConfig
from emo.errors import EmoError, SweepFailed, error_lines, one_line, run_of, value_text
from emo.launch import arguments
from emo.launch.launchers import POINTS, VARIED
from emo.process import stopping
from emo.redact import without_password
from emo.runs import closing
from emo.runs.outcome import OUTCOME, Outcome, show

log = logging.getLogger(__name__)

QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "WANDB_MODE": "disabled",  # comes with TransformerLens, never used
}
"""Environment that turns off the usage reports of other packages, here and in launched processes."""


def run_job(config: RunConfig) -> Outcome:
    """Run the job of a config; an error that a user can mend becomes a failed outcome."""
    job = importlib.import_module(f"emo.jobs.{config.job.name.value}")
    try:
        return job.run(config)
    except EmoError as error:
        return Outcome(status="failed", error=str(error), run_id=run_of(error))
    except OSError as error:  # a full disk, a folder that may not be written
        where = f" ({error.filename})" if error.filename else ""
        words = one_line(f"{error.strerror or error}{where}")
        return Outcome(status="failed", error=words, run_id=run_of(error))


def attempt(config: DictConfig, root: Path, folder: Path | None) -> Outcome:
    """The outcome of one job, whatever error it raises: the other jobs of its sweep must run on.

    The traceback of an unforeseen error is printed, or kept in the job's ``folder`` in a sweep.
    """
    stopping.listen()  # also in the workers of launchers
    start = time.monotonic()
    try:
        run = resolve(config, root)
        checks.check_files(run)
        if folder is None:  # the imports of a job take seconds
            log.info("job=%s model=%s in %s", run.job.name, run.model.label, run.precision.label)
        return replace(run_job(run), seconds=time.monotonic() - start)
    except EmoError as error:
        return Outcome(status="failed", error=str(error))
    except Exception as error:
        outcome = _unforeseen(error, folder)
    _release_model()  # not in the except block, whose traceback still holds the model
    return outcome


def _unforeseen(error: Exception, folder: Path | None) -> Outcome:
    lines = "".join(traceback.format_exception(error))
    where = ""
    if folder is None or os.environ.get("EMO_TRACEBACK") == "1":
        print(without_password(lines), file=sys.stderr)
    if folder is not None:
        (folder / "traceback.txt").write_text(without_password(lines), encoding="utf-8")
        where = f" (traceback in {folder / 'traceback.txt'})"
    reason = (str(error) or "no reason given").strip().partition("\n")[0]
    words = one_line(f"{type(error).__name__}: {reason}{where}")
    return Outcome(status="failed", error=words, run_id=run_of(error))


def _release_model() -> None:
    """Free the model in memory after an error: it may be half changed, or have taken all the memory."""
    session = sys.modules.get("emo.models.session")
    if session is not None:
        session.release()


def job_folder() -> Path | None:
    """The folder of this job in a sweep; None in a single run."""
    conf = HydraConfig.get()
    return Path(conf.runtime.output_dir) if conf.mode is RunMode.MULTIRUN else None


def main(launcher: str | None = None) -> NoReturn:
    """Entry of launch.py and of the installed command ``emo``.

    The project's root is the folder of ``launcher``, the path of launch.py; without it the current
    folder.
    """
    root = Path.cwd() if launcher is None else Path(launcher).resolve().parent
    traceback_wanted = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors reach us unprinted
    os.environ["EMO_TRACEBACK"] = str(int(traceback_wanted))  # also for the workers of a launcher
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    node = schema()
    node.root = str(root)
    ConfigStore.instance().store(name="schema", node=node)
    failed = []

    @hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
    def job(config: DictConfig) -> Outcome:
        folder = job_folder()
        if folder is not None:
            _announce()
        outcome = attempt(config, root, folder)
        outcome = replace(outcome, error=outcome.error and error_lines(outcome.error))
        if folder is not None:
            (folder / OUTCOME).write_text(outcome.to_json(), encoding="utf-8")
        last = []
        if folder is None and not outcome.failed:
            job, method = JobName(config.job.name), MethodName(config.method.name)
            words = HydraConfig.get().overrides.task
            last = closing.closing(outcome, closing.next_commands(job, method, words))
        elif outcome.run_id and not outcome.failed:
            last = [closing.run_line(outcome)]
        show(outcome, output_of(config), last)
        if outcome.failed:
            failed.append(outcome)
        return replace(outcome, table="")

    given = sys.argv[1:]
    stopping.listen()
    try:
        sys.argv[1:] = arguments.checked(given, root)
        job()
    except KeyboardInterrupt as error:
        reason = str(error) or "interrupted"
        print(f"{reason}; the same command goes on where this one stopped", file=sys.stderr)
        sys.exit(stopping.exit_code(error))
    except SweepFailed:
        sys.exit(1)
    except BrokenPipeError:  # the reader of the output has ended, as head does
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - for what Python flushes at the end
        sys.exit(1)
    except (
        Exception
    ) as error:  # errors of jobs are caught before: this one is about the command line
        if traceback_wanted:
            raise
        output = Output.json if "output=json" in given else Output.text
        show(Outcome(status="failed", error=refusal(error)), output)
        sys.exit(1)
    sys.exit(1 if failed else 0)


def refusal(error: Exception) -> str:
    """The line about an error that ended a command before its jobs."""
    if isinstance(error, EmoError):
        return str(error)
    if isinstance(error, (HydraException, OmegaConfBaseException)):
        return str(explained(error))
    if (
        isinstance(error, OSError) and error.filename
    ):  # the only folder Hydra makes for a single run
        return f"hydra.run.dir={value_text(error.filename)}: {error.strerror or value_text(error)}"
    reason = value_text(without_password(str(error)).partition("\n")[0])
    return f"{type(error).__name__}: {reason} (HYDRA_FULL_ERROR=1 prints where)"


def output_of(config: DictConfig) -> Output:
    """The output of a composed config; text if the config has no valid choice."""
    try:
        return Output.json if config.output in ("json", Output.json) else Output.text
    except OmegaConfBaseException:
        return Output.text


def _announce() -> None:
    """Log which point of a sweep begins, and its varied overrides."""
    conf = HydraConfig.get()
    varied = os.environ.get(VARIED, "").split("|")
    overrides = [word for word in conf.overrides.task if word.partition("=")[0] in varied]
    words = without_password(" ".join(overrides))
    log.info("point %d of %s: %s", conf.job.num + 1, os.environ.get(POINTS, "?"), words)


if __name__ == "__main__":
    main()
