"""Command line: Hydra composes, one line tells what is wrong, the exit code says whether it worked."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from emo import stopping
from emo.choices import Output
from emo.composing import resolve, schema
from emo.config import RunConfig
from emo.errors import EmoError, SweepFailed, run_of
from emo.jobs.outcome import OUTCOME, Outcome, show

log = logging.getLogger(__name__)

QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "WANDB_MODE": "disabled",  # comes with TransformerLens, never used
}
"""Turns off the usage reports of the packages underneath, here and in the processes of launchers."""

LAUNCHER_EXTRAS = ("joblib", "ray", "submitit")


def run_job(config: RunConfig) -> Outcome:
    """Run the job a config names; what a user can mend comes back as a failed outcome."""
    job = importlib.import_module(f"emo.jobs.{config.job.name.value}")
    try:
        return job.run(config)
    except EmoError as error:
        return Outcome(status="failed", error=str(error), run_id=run_of(error))
    except OSError as error:  # a full disk, a folder that may not be written
        where = f" ({error.filename})" if error.filename else ""
        return Outcome(
            status="failed", error=f"{error.strerror or error}{where}", run_id=run_of(error)
        )


def attempt(config: DictConfig, root: Path, folder: Path | None) -> Outcome:
    """Run one job, whatever happens: one that breaks must not end the others of its sweep.

    Of an error nobody foresaw the traceback is kept in the job's ``folder`` (a sweep) or printed.
    """
    stopping.listen()  # in the workers of launchers, too
    try:
        return run_job(resolve(config, root))
    except EmoError as error:
        return Outcome(status="failed", error=str(error))
    except Exception as error:
        outcome = _unforeseen(error, folder)
    _release_model()  # not above: the traceback holds the frames that hold the model
    return outcome


def _unforeseen(error: Exception, folder: Path | None) -> Outcome:
    lines = "".join(traceback.format_exception(error))
    where = ""
    if folder is None or os.environ.get("EMO_TRACEBACK") == "1":
        print(lines, file=sys.stderr)
    if folder is not None:
        (folder / "traceback.txt").write_text(lines, encoding="utf-8")
        where = f" (traceback in {folder / 'traceback.txt'})"
    said = (str(error) or "no reason given").splitlines()[0]
    words = f"{type(error).__name__}: {said}{where}"
    return Outcome(status="failed", error=words, run_id=run_of(error))


def _release_model() -> None:
    """Free the held model after a break: it may be half changed, or what took all the memory."""
    session = sys.modules.get("emo.models.session")
    if session is not None:
        session.release()


def job_folder() -> Path | None:
    """The folder of this job of a sweep; None in a single run."""
    conf = HydraConfig.get()
    return Path(conf.runtime.output_dir) if conf.mode is RunMode.MULTIRUN else None


def explain(error: Exception) -> str:
    """Hydra's several lines as one: the parameter, the value and what is allowed."""
    if isinstance(error, MissingConfigException):
        group, _, option = str(error.missing_cfg_file).rpartition("/")
        if group == "hydra/launcher" and (extra := option.partition("_")[0]) in LAUNCHER_EXTRAS:
            install = f"pip install -c constraints.txt -e '.[{extra}]'"
            return f"hydra/launcher: its package is not installed, {install}"
        if error.options is not None:
            allowed = ", ".join(o for o in error.options if not o.startswith("_"))
            return f"{group}={option}: allowed is {allowed}"
    if isinstance(error, OverrideParseException):
        return f"override {error.override}: {str(error).splitlines()[0]} (form: group=option, a.b=value)"
    cause = error.__cause__
    if isinstance(error, ConfigCompositionException) and isinstance(cause, OmegaConfBaseException):
        return _explain_override(str(error).splitlines()[0], cause)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    keep = [line for line in lines if not line.startswith(("reference_type", "object_type"))]
    return "; ".join(keep)


def _explain_override(first_line: str, cause: OmegaConfBaseException) -> str:
    """What is wrong with an override of one parameter, from Hydra's first line and its cause."""
    merging = "Error merging override "
    if first_line.startswith(merging):
        return f"{first_line.removeprefix(merging)}: {str(cause.msg).splitlines()[0]}"
    keys = (
        ", ".join(map(str, cause.parent_node)) if isinstance(cause.parent_node, DictConfig) else "?"
    )
    return f"{cause.full_key}: no such parameter; in this group there are {keys}"


def main(launcher: str) -> NoReturn:
    """Entry of launch.py; ``launcher`` is its path, the project's root is its folder."""
    root = Path(launcher).resolve().parent
    traceback_wanted = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors reach us unprinted
    os.environ["EMO_TRACEBACK"] = str(int(traceback_wanted))  # for workers of a launcher, too
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    node = schema()
    node.root = str(root)
    ConfigStore.instance().store(name="schema", node=node)
    failed = []

    @hydra.main(version_base="1.3", config_path=str(root / "conf"), config_name="config")
    def job(config: DictConfig) -> Outcome:
        folder = job_folder()
        outcome = attempt(config, root, folder)
        if folder is not None:
            (folder / OUTCOME).write_text(outcome.to_json(), encoding="utf-8")
        show(outcome, Output.json if config.get("output") in ("json", Output.json) else Output.text)
        if outcome.failed:
            failed.append(outcome)
        return replace(outcome, table="")

    stopping.listen()
    try:
        job()
    except KeyboardInterrupt as error:
        said = str(error) or "interrupted"
        print(f"{said}; the same command goes on where this one stopped", file=sys.stderr)
        sys.exit(stopping.exit_code(error))
    except SweepFailed:
        sys.exit(1)
    except (EmoError, HydraException, OmegaConfBaseException) as error:
        if traceback_wanted:
            raise
        said = str(error) if isinstance(error, EmoError) else explain(error)
        show(
            Outcome(status="failed", error=said),
            Output.json if "output=json" in sys.argv else Output.text,
        )
        sys.exit(1)
    sys.exit(1 if failed else 0)
