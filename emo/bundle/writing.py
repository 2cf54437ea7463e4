"""A bundle's files: what a logged report rests on, gathered into one folder."""

from __future__ import annotations

import html
import importlib.metadata
import json
import platform
import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from emo.bundle.layout import (
    ENVIRONMENT,
    FORMAT,
    FRONT,
    INPUTS,
    PATHS,
    READ,
    REPORT,
    REQUIREMENTS,
    RUNS,
    STUDY,
    BundledRun,
    Study,
)
from emo.config.schema import RunConfig
from emo.errors import ConfigError
from emo.files.checksums import write_checksums
from emo.process.owner import HOST, PID, PID_NAMESPACE, PROCESS_START
from emo.report.summary.report_files import REPORT as SUMMARY
from emo.runs.listing import RunListing
from emo.runs.pages import PAGE
from emo.runs.provenance import package_versions

NOT_SHARED = ("mlflow.", HOST, PID, PROCESS_START, PID_NAMESPACE)
"""Beginnings of tags that say something of this machine, its user or its files."""


class Store(Protocol):
    """Where logged files come from."""

    def artifact(self, run_id: str, path: str) -> Path:
        """The local path of a run's file."""
        ...

    def files_of(self, run_id: str) -> list[str]:
        """Names of a run's files."""
        ...


def write_bundle(
    folder: Path,
    store: Store,
    config: RunConfig,
    summary: str,
    provenance: Mapping[str, Any],
    listed: Sequence[RunListing],
    settings: Mapping[str, Any],
) -> Study:
    """Write a bundle into an empty folder.

    Parameters
    ----------
    summary
        Id of the run whose report is bundled.
    provenance
        What that run says of its own origin: the runs used and those left out.
    listed
        Runs of the store that a report may use, those of each job newest first.
    settings
        The config of that run as JSON values.
    """
    used = tuple(provenance["runs"])
    known = {*used, *provenance["left_out"]}
    _copy(store, summary, folder / REPORT)
    for run_id in used:
        _copy(store, run_id, folder / RUNS / run_id)
    _point_within(folder / REPORT / SUMMARY, used)
    stimuli = settings["stimuli"]
    copies = _copies(stimuli, config, folder)
    study = Study(
        format=FORMAT,
        summary=summary,
        commit=provenance["code_commit"],
        config=_settings(settings, copies),
        used=used,
        runs=tuple(_shared(run) for run in listed if run.run_id in known),
        packages=dict(provenance["package_versions"]),
        originals={copy: stimuli[name] for name, copy in copies.items()},
    )
    (folder / STUDY).write_text(study.to_json(), encoding="utf-8")
    _write_environment(folder)
    (folder / FRONT).write_text(front_page(folder, study), encoding="utf-8")
    write_checksums(folder)
    return study


def _copy(store: Store, run_id: str, into: Path) -> None:
    """Copy all files of a run, each checked against its checksum by the store."""
    for name in store.files_of(run_id):
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name != "checksums.json":
            shutil.copyfile(store.artifact(run_id, name), target)


def _point_within(report: Path, used: Iterable[str]) -> None:
    """Let the report's links to pages of runs lead to the copies."""
    text = report.read_text(encoding="utf-8")
    for run_id in used:
        text = text.replace(
            f'href="../../{run_id}/artifacts/{PAGE}"', f'href="../{RUNS}/{run_id}/{PAGE}"'
        )
    report.write_text(text, encoding="utf-8")


def _settings(settings: Mapping[str, Any], copies: Mapping[str, str]) -> dict[str, Any]:
    """The settings that the report hangs on, with the copies of files that are the user's own."""
    kept = {name: settings[name] for name in READ}
    stimuli = {**kept["stimuli"], **copies}
    job = {"summarize": settings["job"]["summarize"]}
    return {**kept, "stimuli": stimuli, "job": job, "seed": settings["seed"]}


def _copies(stimuli: Mapping[str, Any], config: RunConfig, folder: Path) -> dict[str, str]:
    """Copy the user's own files of passages; the place of the copy by the field that names the file."""
    copies = {}
    for name in PATHS:
        if stimuli.get(name):
            source = config.path(stimuli[name])
            if not source.is_file():
                raise ConfigError(
                    f"stimuli.{name}", source, "the file that the report was made from"
                )
            copies[name] = f"{INPUTS}/{name}/{source.name}"
            (folder / copies[name]).parent.mkdir(parents=True)
            shutil.copyfile(source, folder / copies[name])
    return copies


def _shared(run: RunListing) -> BundledRun:
    tags = {k: v for k, v in run.tags.items() if not k.startswith(NOT_SHARED)}
    return BundledRun(run.run_id, run.status, run.started, tags, dict(run.params))


def _write_environment(folder: Path) -> None:
    """Write the machine and the packages that verify needs, and all packages that are installed."""
    machine = {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "packages": package_versions(),
    }
    (folder / ENVIRONMENT).write_text(json.dumps(machine, indent=1) + "\n", encoding="utf-8")
    installed = {
        f"{d.metadata['Name']}=={d.version}"
        for d in importlib.metadata.distributions()
        if d.metadata["Name"] is not None
    }
    lines = sorted(installed, key=str.lower)
    (folder / REQUIREMENTS).write_text("\n".join(lines) + "\n", encoding="utf-8")


def front_page(folder: Path, study: Study) -> str:
    """The page that a reader opens first: links to the report and to the page of each run."""
    report = f"{REPORT}/{SUMMARY}"
    rows = [_row(folder, run) for run in study.runs if run.run_id in study.used]
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Emotion geometry: a study</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; }}
td, th {{ text-align: left; padding: .2rem .6rem .2rem 0; overflow-wrap: anywhere; }}
code {{ overflow-wrap: anywhere; }}
</style></head>
<body><main>
<h1>Emotion geometry: a study</h1>
<p><a href="{report}">The report</a>, with its <a href="{REPORT}/tables/">tables</a> and
<a href="{REPORT}/figures/">figures</a> as files.</p>
<table><caption>The runs that the report uses</caption>
<tr><th scope="col">run</th><th scope="col">model</th><th scope="col">precision</th>
<th scope="col">method</th></tr>
{"".join(rows)}</table>
<p>Every number can be made again from these files, without a model, in an installation of
emotion-geometry: <code>python -m emo.bundle verify PATH</code>. <a href="{STUDY}">{STUDY}</a> has the
settings, <a href="{ENVIRONMENT}">{ENVIRONMENT}</a> and <a href="{REQUIREMENTS}">{REQUIREMENTS}</a> the
packages, checksums.json the digest of each file.</p>
</main></body></html>
"""


def _row(folder: Path, run: BundledRun) -> str:
    page = f"{RUNS}/{run.run_id}/{PAGE}"
    place = page if (folder / page).is_file() else f"{RUNS}/{run.run_id}/"
    tags = (run.tags.get(name, "") for name in ("model", "precision", "method"))
    cells = "".join(f"<td>{html.escape(tag)}</td>" for tag in tags)
    return f'<tr><td><a href="{place}">{run.run_id[:8]}</a></td>{cells}</tr>\n'


def pack(folder: Path, target: Path, names: Iterable[str]) -> None:
    """Write the named files of a folder into a zip, below one folder that is called like the zip."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(names):
            archive.write(folder / name, f"{target.stem}/{name}")
