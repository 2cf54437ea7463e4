"""The last lines that a command prints: its run, where to look at it, and what to do next."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from emo.config.enums import JobName, MethodName
from emo.process.progress import duration
from emo.redact import without_password
from emo.runs.outcome import Outcome

SUMMARIZE = ("job=summarize", "tables, figures and a report from all logged runs")
STEER = ("job=steer", "what the model writes under these vectors")
PRECISION = ("job=precision", "what each precision changes, layer by layer")

NEXT: dict[JobName, tuple[tuple[str, str], ...]] = {
    JobName.extract: (
        STEER,
        ("method.readout=mean", "another way to read the passages"),
        SUMMARIZE,
    ),
    JobName.steer: (("job.steer.layers=all", "the same at every layer"), SUMMARIZE),
    JobName.precision: (("job=equivalence", "transformers against TransformerLens"), SUMMARIZE),
    JobName.equivalence: (PRECISION,),
    JobName.ablate: (("experiment=sensitivity", "the same question as an Optuna study"), SUMMARIZE),
    JobName.sensitivity: (("job=ablate", "the same question with intervals"), SUMMARIZE),
    JobName.axes: (STEER, SUMMARIZE),
    JobName.read: (STEER, SUMMARIZE),
    JobName.validate: (STEER, SUMMARIZE),
    JobName.summarize: (("job=bundle", "the report and its runs as one folder to hand on"),),
}
"""Words that are put behind those of the command, and what they lead to."""

WRITTEN: tuple[tuple[str, str], ...] = (
    ("job=extract", "the same model reads the passages"),
    ("job=ablate", "which of the eight sub-parameters matters"),
    SUMMARIZE,
)
"""The same after an extraction from texts that the model wrote itself."""

OF_THE_JOB = ("job", "experiment", "force", "output", "norms", "text")
"""Words of a command that the next one does not take over, with all that begin so and a dot."""
OF_TEXTS = ("method", "subparams")
"""Words that only an extraction from the model's own texts takes."""

PAGES = ("run.html", "summary.html", "index.html")


def closing(outcome: Outcome, commands: Sequence[tuple[str, str]]) -> list[str]:
    """The closing lines of a command; none for one that failed.

    ``commands`` come from :func:`next_commands` or :func:`after_a_sweep`.
    """
    if outcome.failed:
        return []
    lines = [run_line(outcome)] if outcome.run_id else []
    lines += [f"  page  {address(outcome.artifacts[p])}" for p in PAGES if p in outcome.artifacts][
        :1
    ]
    if outcome.link:
        here = outcome.link.startswith("http://127.0.0.1")
        lines.append(f"  UI    {outcome.link}{'  (start it: make ui)' if here else ''}")
    width = max((len(command) for command, _ in commands), default=0)
    for i, (command, purpose) in enumerate(commands):
        lines.append(f"  {'next' if i == 0 else '':<4}  {command:<{width}}  {purpose}")
    return lines


def run_line(outcome: Outcome) -> str:
    """The line that names the run, how it came to be there, and what it took."""
    took = "" if outcome.seconds is None else f", {duration(outcome.seconds)}"
    return f"  run   {outcome.run_id} ({outcome.status}{took})"


def address(place: str) -> str:
    """The address of a file as a terminal opens it; of a server's files as the store gives it."""
    return f"file://{quote(place)}" if place.startswith("/") else place


def next_commands(job: JobName, method: MethodName, words: Sequence[str]) -> list[tuple[str, str]]:
    """Commands that make sense after one with these overrides, each with what it does."""
    written = method is MethodName.generation
    steps = WRITTEN if written and job is JobName.extract else NEXT.get(job, ())
    kept = [without_password(word) for word in words if _kept(word, written)]
    if any(word.startswith("method.readout=") for word in kept):
        steps = tuple(step for step in steps if not step[0].startswith("method.readout="))
    return [(_command([*kept, *more.split()], job), purpose) for more, purpose in steps]


def after_a_sweep(common: Sequence[str]) -> list[tuple[str, str]]:
    """The command that makes sense after a sweep; ``common`` are the words of all its points."""
    kept = [without_password(word) for word in common if _kept(word, False)]
    more, purpose = SUMMARIZE
    return [(_command([*kept, more], JobName.extract), purpose)]


def _kept(word: str, written: bool) -> bool:
    name = word.lstrip("+").partition("=")[0].partition(".")[0].partition("/")[0]
    return name not in OF_THE_JOB and not (written and name in OF_TEXTS)


def _command(words: Sequence[str], job: JobName) -> str:
    """The command line; one that only adds settings to the job names the job as well."""
    named = any(word.startswith(("job=", "experiment=")) for word in words)
    if not named and job is not JobName.extract:
        words = [*words[:-1], f"job={job.value}", words[-1]]
    program = ["python", "launch.py"] if Path(sys.argv[0]).name == "launch.py" else ["emo"]
    return shlex.join([*program, *words])
