"""job=summarize: logged runs -> one study -> tables, figures and a report in one logged run."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from emo import conditions
from emo.config.enums import Label
from emo.config.schema import RunConfig, canonical
from emo.errors import ConfigError, TrackingError
from emo.files.json_digests import Subject, json_digest
from emo.pipeline import condition_runs
from emo.pipeline.summary_files import summary_result
from emo.pipeline.summary_links import run_links
from emo.process.memory import keep_freed_memory
from emo.report.summary.report_files import REPORT
from emo.runs.job import Result, artifacts, log_result, outcome_of, write_result
from emo.runs.names import shortened
from emo.runs.outcome import Outcome
from emo.runs.plan import passages
from emo.runs.provenance import code_commit
from emo.runs.reuse import open_logged, open_tracker, staged
from emo.summary.assemble import Summary
from emo.summary.baselines import check_baselines
from emo.summary.of_listing import summary_of

if TYPE_CHECKING:
    from emo.tracking import Tracker

log = logging.getLogger(__name__)


def check(config: RunConfig) -> None:
    """Refuse conditions and baselines that there are not, and a summary of no model."""
    if config.job.summarize.models is not None and not config.job.summarize.models:
        raise ConfigError("job.summarize.models", [], "at least one name, or null for all")
    if config.job.summarize.make and config.stimuli.label is Label.situation:
        raise ConfigError(
            "job.summarize.make", config.job.summarize.make, "[] with stimuli.label=situation"
        )
    check_baselines(config)
    conditions.planned(config)


def run(config: RunConfig) -> Outcome:
    """Assemble what is logged. A model is loaded only for conditions that are to be made first.

    With conditions made first, the summary is of their model alone, unless
    ``job.summarize.models`` names others.
    """
    check(config)
    keep_freed_memory()
    made = condition_runs.make(config)
    stimuli = passages(config)
    logged = open_logged(config)
    tracker = _to_log_in(config)
    runs = logged.runs_of("extract")
    summary = summary_of(
        config,
        stimuli,
        runs,
        logged.runs_of("steer"),
        lambda r: partial(logged.read, r.run_id),
        made,
        logged.runs_of("methods"),
        logged.runs_of("behave"),
    )
    commit = code_commit(Path(config.root))
    shown = [*summary.runs, *(e.run for e in summary.left_out)]
    result = summary_result(summary, commit, run_links(logged, shown, tracker is not None))
    return _log(tracker, summary, result, _tags(summary, commit))


def _log(
    tracker: Tracker | None, summary: Summary, result: Result, tags: Mapping[str, str]
) -> Outcome:
    """Log the summary; without a store its files are kept where exports are."""
    from emo.tracking.links import run_link

    config, run_id, link = summary.config, None, ""
    if tracker is None:
        uri, names = _keep(summary, result)
    else:
        with tracker.run(_run_name(summary), tags) as run_id:
            names = log_result(tracker, run_id, config, result)
        uri, link = tracker.artifact_uri(run_id), run_link(tracker, run_id)
    report = replace(result.report, effort=f"  report {uri}/{REPORT}")
    files = artifacts(uri, names)
    return outcome_of("finished", _fingerprint(summary), run_id, report, files, link)


def _run_name(s: Summary) -> str:
    models = ", ".join(dict.fromkeys(m.name for m in s.models)) or "of no model"
    return shortened(f"summary {models}, {len(s.runs)} runs")


def _to_log_in(config: RunConfig) -> Tracker | None:
    """The store to log the summary in; None if it can only be read."""
    try:
        return open_tracker(config)
    except TrackingError as error:
        log.warning("%s: the summary is not logged", error)
        return None


def _keep(summary: Summary, result: Result) -> tuple[str, list[str]]:
    """Keep the files of a summary that is not logged where exports are; the folder and their names."""
    config = summary.config
    kept = config.path(config.job.export.folder) / f"summary-{_fingerprint(summary)[:12]}"
    with staged(config) as folder:
        names = write_result(folder, result)
        shutil.copytree(folder, kept, dirs_exist_ok=True)
    return str(kept), names


def _tags(s: Summary, commit: str) -> dict[str, str]:
    return {
        "job": "summarize",
        "fingerprint": _fingerprint(s),
        "stimuli_sha256": s.stimuli.sha256,
        "code_commit": commit,
    }


def _fingerprint(s: Summary) -> str:
    """Of the runs used and of the settings; a summary is always made anew."""
    c = s.config
    identity = {
        "job": "summarize",
        "runs": sorted(r.run_id for r in s.runs),
        "summary": canonical(c.job.summarize),
        "resampling": canonical(c.resampling),
        "seed": c.seed,
    }
    return json_digest(Subject.settings, identity)
