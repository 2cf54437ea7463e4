"""Command line: Hydra composes, one line tells what is wrong, the exit code says whether it worked."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.config_store import ConfigStore
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from emo.composing import resolve, schema
from emo.config import Output, RunConfig
from emo.errors import EmoError
from emo.jobs.outcome import Outcome

log = logging.getLogger(__name__)


def run_job(config: RunConfig) -> Outcome:
    """Run the job a config names; what a user can mend comes back as a failed outcome."""
    job = importlib.import_module(f"emo.jobs.{config.job.name.value}")
    try:
        return job.run(config)
    except EmoError as error:
        return Outcome(status="failed", error=str(error))
    except OSError as error:  # a full disk, a folder that may not be written
        where = f" ({error.filename})" if error.filename else ""
        return Outcome(status="failed", error=f"{error.strerror or error}{where}")


def show(outcome: Outcome, output: Output) -> None:
    """Print an outcome: JSON as the last line of standard output, or the table."""
    if outcome.failed:
        print(f"error: {outcome.error}", file=sys.stderr)
    elif output is Output.text or outcome.table:
        print(outcome.table, file=sys.stderr if output is Output.json else sys.stdout)
    if output is Output.json:
        sys.stderr.flush()
        print(outcome.to_json(), flush=True)


def explain(error: Exception) -> str:
    """Hydra's several lines as one: the parameter, the value and what is allowed."""
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, option = str(error.missing_cfg_file).rpartition("/")
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
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    ConfigStore.instance().store(name="schema", node=schema())
    failed = []

    @hydra.main(version_base="1.3", config_path=str(root / "conf"), config_name="config")
    def job(config: DictConfig) -> None:
        try:
            run = resolve(config, root)
            outcome = run_job(run)
        except EmoError as error:
            outcome = Outcome(status="failed", error=str(error))
        show(outcome, Output.json if config.get("output") in ("json", Output.json) else Output.text)
        if outcome.failed:
            failed.append(outcome)

    try:
        job()
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where this one stopped", file=sys.stderr)
        sys.exit(130)
    except (HydraException, OmegaConfBaseException) as error:
        if traceback_wanted:
            raise
        outcome = Outcome(status="failed", error=explain(error))
        show(outcome, Output.json if "output=json" in sys.argv else Output.text)
        sys.exit(1)
    sys.exit(1 if failed else 0)
