"""Every number of a bundle's report, made again from the bundle's files without a model."""

from __future__ import annotations

import json
import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from emo.bundle.comparing import TOLERANCE, Comparison, pairs
from emo.bundle.layout import REPORT, RUNS, Study, damaged_files, opened, read_study
from emo.config.checks import as_path
from emo.core.geometry.comprehension import describe
from emo.core.geometry.generated import TextCounts, describe_stories
from emo.core.geometry.item_sets import Recipe
from emo.core.geometry.projections import project
from emo.core.records import EmotionVectors
from emo.core.stats.resampling import Resampling
from emo.errors import DamagedFile, NotLogged, first_of
from emo.process.progress import duration, steps, track
from emo.report.summary.report_files import REPORT as REPORT_PAGE
from emo.report.summary.report_files import write_report
from emo.report.summary.sections import sections
from emo.runs import files as serialise
from emo.runs.files import plain
from emo.runs.listing import RunListing
from emo.runs.plan import passages
from emo.stimuli.poles import Poles, load_poles
from emo.summary.of_listing import summary_of

log = logging.getLogger(__name__)

T = TypeVar("T")

AS_LOGGED = {
    "steering.json": "what a judge read in steered texts",
    "conversations.json": "what a model said in conversations and how it was scored",
    "generation.json": "how many generated texts a mean rests on",
}
"""What needs a judge or a tokenizer and is taken as it was logged, by the file that has it."""


@dataclass(frozen=True)
class Verification:
    """What came out of making a bundle's numbers again."""

    damaged: tuple[str, ...]
    """Files that are missing, changed or added since the bundle was made; nothing is made again then."""
    differences: tuple[str, ...]
    """Numbers that come out otherwise: where, what is written, what comes out."""
    numbers: int
    """How many numbers were compared."""
    runs: int
    """How many logged runs were described again."""
    seconds: float
    as_logged: tuple[str, ...] = ()
    """What was not made again, but taken as it was logged."""

    @property
    def ok(self) -> bool:
        """Whether every file is as it was and every number comes out."""
        return not self.damaged and not self.differences

    def __str__(self) -> str:
        """The finding in a few lines."""
        took = duration(self.seconds)
        if self.damaged:
            head = f"{len(self.damaged)} files are not as they were when the bundle was made"
            return "\n".join([head, *(f"  {line}" for line in self.damaged)])
        if self.differences:
            listed = first_of(self.differences, "\n  ")
            head = f"{len(self.differences)} of {self.numbers} numbers and texts differ ({took})"
            return f"{head}\n  {listed}"
        head = f"all {self.numbers} numbers come out again within {TOLERANCE:g}"
        logged = f"\n  taken as logged: {'; '.join(self.as_logged)}" if self.as_logged else ""
        return f"{head} ({self.runs} runs, {took}){logged}"


def verify(bundle: str | Path) -> Verification:
    """Every number of a study's report and of its runs, made again from the bundle's files.

    No model, no network and no tracking store is needed. Vectors and descriptors of every run are made
    from its logged activations, with the same random streams; then the report from these runs. Numbers
    are the same if they differ by at most 1e-6, or by that share of the larger one.

    Parameters
    ----------
    bundle
        The folder or the zip that ``job=bundle`` wrote.

    Returns
    -------
    Verification
        ``ok``, or the names of damaged files, or the numbers that differ. As text: the finding.

    Raises
    ------
    EmoError
        If it is no bundle, or one of another format.

    Examples
    --------
    ``print(emo.verify("study-1a2b3c4d.zip"))`` gives ``all 365174 numbers come out again ...``.

    >>> emo.verify("mlruns")
    Traceback (most recent call last):
    ...
    emo.errors.EmoError: ...mlruns: no bundle: it has no study.json
    """
    start = time.monotonic()
    with opened(as_path("bundle", bundle)) as folder:
        study = read_study(folder)
        if damaged := damaged_files(folder):
            return Verification(tuple(damaged), (), 0, 0, time.monotonic() - start)
        found = Comparison()
        described = [run for run in study.runs if run.run_id in study.used]
        own = study.config["stimuli"].get("poles")
        poles = load_poles(folder / own if own else None)
        for run in steps(described, "run", lambda run: run.run_id[:8]):
            _describe_again(folder / RUNS / run.run_id, run.listing(), poles, found)
        with tempfile.TemporaryDirectory(prefix="emo-verify-") as temporary:
            _report_again(folder, study, Path(temporary), found)
        logged = tuple(
            what for file, what in AS_LOGGED.items() if any((folder / RUNS).glob(f"*/{file}"))
        )
    took = time.monotonic() - start
    differences = tuple(found.differences)
    return Verification((), differences, found.numbers, len(described), took, logged)


def _describe_again(files: Path, run: RunListing, known: Poles, found: Comparison) -> None:
    """Make vectors and descriptors of an extraction from its activations; other jobs have none."""
    if not (files / "activations.safetensors").is_file():
        return
    config = run.config
    activations = serialise.read_activations(files / "activations.safetensors")
    resampling = Resampling(seed=config.seed, **asdict(config.resampling))
    poles, estimator = known.of(activations.emotions), config.method.estimator.value
    projected = project(activations, config.vectors.projection.value)
    if run.comprehension:
        name = "descriptors.json"
        remove = config.vectors.remove.value
        made = describe(projected, resampling, remove, track, estimator, poles=poles)
    else:
        name = "generation.json"
        d = serialise.read_story_descriptors(files / name)
        counts = TextCounts(
            d.n_nominal,
            d.n_distinct,
            d.n_effective,
            d.n_short,
            d.n_neutral,
            d.n_neutral_distinct,
            d.leaks,
            d.written,
        )
        recipe = Recipe(centring=d.centring, unit_norm=d.unit_norm, estimator=estimator)
        made = describe_stories(
            projected, d.layer, d.layer_source, recipe, counts, resampling, poles
        )
    vectors, descriptors = made
    where = f"{RUNS}/{run.run_id}"
    _same_vectors(f"{where}/vectors.safetensors", files / "vectors.safetensors", vectors, found)
    written = json.loads((files / name).read_text(encoding="utf-8"))
    found.values(f"{where}/{name}", written, plain(descriptors))


def _same_vectors(where: str, path: Path, again: EmotionVectors, found: Comparison) -> None:
    written = serialise.read_vectors(path)
    found.numbers += written.values.size
    if written.emotions != again.emotions or written.values.shape != again.values.shape:
        found.differ(where, "other emotions or layers", "those of the activations")
    elif not np.allclose(
        written.values, again.values, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True
    ):
        worst = float(np.nanmax(np.abs(written.values - again.values)))
        found.differ(where, "vectors", f"others, by up to {worst:.3g},")


def _report_again(folder: Path, study: Study, temporary: Path, found: Comparison) -> None:
    """Make the report again in an empty folder and compare its tables, figures' data and page."""
    config = study.run_config(folder, temporary)
    listed = [run.listing() for run in study.runs]
    summary = summary_of(
        config,
        passages(config),
        [r for r in listed if r.tags.get("job") == "extract"],
        [r for r in listed if r.tags.get("job") == "steer"],
        lambda r: partial(_read, folder / RUNS, r.run_id),
        study.used if config.job.summarize.make else (),
        [r for r in listed if r.tags.get("job") == "methods"],
        [r for r in listed if r.tags.get("job") == "behave"],
    )
    again = temporary / REPORT
    again.mkdir()
    write_report(again, summary, sections(summary), study.commit)
    written = folder / REPORT
    for pattern in ("tables/*.csv", "figures/*.csv"):
        for name, one, two in pairs(written, again, pattern):
            if one.is_file() and two.is_file():
                found.tables(f"{REPORT}/{name}", one, two)
            else:
                there = ["no such file", "a file"]
                found.differ(f"{REPORT}/{name}", there[one.is_file()], there[two.is_file()])
    page, other = ((place / REPORT_PAGE).read_text("utf-8") for place in (written, again))
    for copy, original in study.originals.items():  # the commands on the page name the files
        other = other.replace(str(folder / copy), original)
    found.pages(f"{REPORT}/{REPORT_PAGE}", page, other)


def _read(runs: Path, run_id: str, name: str, reader: Callable[[Path], T]) -> T:
    """What a reader makes of a run's file in the bundle."""
    path = runs / run_id / name
    if not path.is_file():
        raise NotLogged(run_id, name, "is not in the bundle")
    try:
        return reader(path)
    except OSError as error:
        raise DamagedFile(path, error.strerror or str(error)) from error
