"""job=bundle: a logged report with the files of its runs -> one folder or zip to hand on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo.bundle.layout import FRONT, STUDY
from emo.bundle.writing import pack, write_bundle
from emo.config.schema import RunConfig
from emo.errors import ConfigError, EmoError, TrackingError, value_text
from emo.files.checksums import NAME, checksums_of, sha256_of
from emo.files.whole import new_folder, remove_leftovers
from emo.runs.outcome import Outcome
from emo.runs.reuse import open_logged

if TYPE_CHECKING:
    from emo.tracking import Connection

PARAMETER = "job.bundle.run"
SUMMARISED = ("extract", "steer", "methods", "behave")
"""Jobs whose runs a report may use."""


def run(config: RunConfig) -> Outcome:
    """Write the bundle of a report, the newest one where none is named; nothing is logged."""
    logged = open_logged(config)
    run_id = _report(config, logged)
    folder = config.path(config.job.bundle.folder)
    target = folder / f"study-{run_id[:8]}{'.zip' * config.job.bundle.zip}"
    _require_free(config, target)
    provenance = logged.read(run_id, "provenance.json", _json)
    listed = [run for job in SUMMARISED for run in logged.runs_of(job)]
    try:
        remove_leftovers(folder)
        with new_folder(folder) as partial:
            settings = logged.read(run_id, "config.json", _json)
            study = write_bundle(partial, logged, config, run_id, provenance, listed, settings)
            digest = sha256_of(partial / NAME)
            names = [*checksums_of(partial), NAME]
            size = sum((partial / name).stat().st_size for name in names)
            _place(partial, target, names)
    except OSError as error:
        allowed = f"a folder that takes the files ({error.strerror or error}); none is written"
        raise ConfigError("job.bundle.folder", folder, allowed) from error
    place = target if target.suffix == ".zip" else target / FRONT
    lines = [
        f"study {run_id[:8]}: {len(study.used)} runs, {len(names)} files, {size / 2**20:.0f} MiB",
        f"  bundle  {target}",
        f"  digest  {digest} (of the list of checksums: who has it can tell that nothing changed)",
        f"  verify  python -m emo.bundle verify {target}",
    ]
    return Outcome(
        status="finished",
        run_id=run_id,
        metrics={"runs": len(study.used), "files": len(names), "bytes": size},
        artifacts={place.name: str(place)},
        table="\n".join(lines),
    )


def _report(config: RunConfig, logged: Connection) -> str:
    """The id of the report that is named, or of the newest."""
    named = config.job.bundle.run
    if named is None:
        newest = logged.all_finished(job="summarize")
        if not newest:
            raise EmoError("job=bundle: there is no report yet; make one with: job=summarize")
        return newest[0].info.run_id
    try:
        run = logged.get(named)
    except TrackingError as error:
        raise TrackingError(f"{PARAMETER}={value_text(named)}: {error}") from error
    if run.data.tags.get("job") != "summarize":
        raise ConfigError(PARAMETER, named, "the id of a job=summarize run")
    return run.info.run_id


def _require_free(config: RunConfig, target: Path) -> None:
    """Refuse to put a bundle where something else is; an earlier bundle is replaced."""
    ours = target.is_file() if target.suffix == ".zip" else (target / STUDY).is_file()
    if target.exists() and not ours:
        allowed = f"a folder without {target.name}, which is no bundle"
        raise ConfigError("job.bundle.folder", config.job.bundle.folder, allowed)


def _place(partial: Path, target: Path, names: list[str]) -> None:
    if target.suffix == ".zip":
        packed = partial / target.name
        pack(partial, packed, names)
        packed.replace(target)
        return
    if target.exists():
        shutil.rmtree(target)
    partial.rename(target)


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
