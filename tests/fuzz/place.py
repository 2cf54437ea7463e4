"""Where cases are run: a project in which every kind of run is logged, and one that is new."""

from __future__ import annotations

import csv
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import yaml
from safetensors.numpy import load_file

from tests.forked import Done, Project, Saved, Warm
from tests.fuzz.case import Case, May
from tests.fuzz.judge import Result, Seen, finished_faults, outcome_word, refusal_faults

CPU_S = 20
"""Processor seconds a command may take; what it does not do in them it never does."""
WALL_S = float(os.environ.get("FUZZ_WALL_S", "45"))
"""Seconds in all, on a machine that has other things to do as well."""

EMOTIONS = ("afraid", "calm", "happy")
SITUATIONS = ("quay", "kitchen", "tower", "field")
SMALL = (
    "model=tiny",
    "stimuli.path=small.csv",
    "resampling.n_splits=10",
    "resampling.n_bootstrap=10",
    "resampling.splits_per_replicate=2",
    "resampling.n_permutations=9",
)
"""What makes a run of seconds."""
STORIES = (
    "method=generation",
    "subparams=loose",
    "subparams.max_new_tokens=6",
    "subparams.prompts_path=prompts.yaml",
)
STEER = (
    "job=steer",
    "job.steer.scenarios_path=scenarios.yaml",
    "job.steer.strengths=[0.1]",
    "job.steer.max_new_tokens=4",
)
ABLATE = (
    "job=ablate",
    "job.ablate.tokens=[6,4]",
    "job.ablate.samples=[2,1]",
    "subparams.prompts_path=prompts.yaml",
)
SUMMARIZE = ("job=summarize", "job.summarize.permutations=50", "job.summarize.n_bootstrap=20")
STUDY = (
    "job=sensitivity",
    "job.sensitivity.space={samples:[2,1],max_new_tokens:[6,4],layer:[middle,best],prompts:[stories,paragraph]}",
    "subparams.prompts_path=prompts.yaml",
)
NORMS = {
    "afraid": (2.2, 5.1),
    "angry": (2.5, 6.2),
    "calm": (6.9, 1.7),
    "happy": (8.5, 6.0),
    "sad": (2.1, 3.5),
}
"""Emotion -> valence and arousal; job=axes needs five."""
FIVE = ("stimuli.path=five.csv",)
AXES = ("job=axes", "norms.path=norms.csv", "job.axes.permutations=99")
VALIDATE = (
    "job=validate",
    "job.validate.which=[scenarios,components]",
    "job.validate.permutations=99",
)
LOGGED = {
    "extract": (),
    "generation": STORIES,
    "steer": STEER,
    "ablate": ABLATE,
    "z_score": ("vectors.projection=z_score",),
    "other_model": ("model.name=tiny1", "model.tiny.seed=1"),
    "summarize": SUMMARIZE,
    "sensitivity": (*STUDY, "job.sensitivity.n_trials=4"),
    "precision": ("job=precision", "job.precision.precisions=[bf16]", "job.precision.situations=2"),
    "five": FIVE,
    "axes": (*FIVE, *AXES),
    "validate": (*FIVE, *VALIDATE),
    "five_stories": (*FIVE, *STORIES),
    "axes_stories": (*FIVE, *STORIES, *AXES),
    "equivalence": ("job=equivalence",),
}
"""Kind of run -> what makes it, besides ``SMALL``; in an order in which each finds what it needs."""

PROMPTS = {
    "stories": ["Write of someone who is {emotion}.", "Tell of {emotion} people."],
    "paragraph": "A paragraph of someone {emotion}.",
    "neutral_topics": ["bread", "the sawing of wood"],
    "neutral_story": "A text of {topic}.",
}
SCENARIOS = [
    {"id": "one", "mood": "calm", "emotion": "happy", "text": "The letter lay there and she"},
    {"id": "two", "mood": "flat", "emotion": "calm", "text": "Nobody had come to the quay, so"},
]


@dataclass(frozen=True)
class Verdict:
    """What became of a case."""

    case: Case
    done: Done
    faults: tuple[str, ...]

    @property
    def word(self) -> str:
        return outcome_word(self.done, self.faults)

    def __str__(self) -> str:
        return f"{self.case.name}: {'; '.join(self.faults)}"


class Place:
    """One warm process and the projects it works in; ``whole`` with logged runs of every kind."""

    def __init__(self, folder: Path, whole: bool = True) -> None:
        self._warm = Warm()
        self._answers = folder / "answers"
        self._answers.mkdir(parents=True)
        self._canary = folder / "canary"
        self.new = Project(folder / "new")
        write_inputs(self.new)
        self._saved = {"new": self.new.save()}
        self.runs: dict[str, str] = {}
        """Kind of run -> its id."""
        self.used = Project(folder / "used")
        self._results: dict[tuple[str, ...], Result | None] = {}
        if whole:
            self._log_runs()
            self._saved["used"] = self.used.save()

    def close(self) -> None:
        """End the warm process."""
        self._warm.close()

    def _log_runs(self) -> None:
        write_inputs(self.used)
        for kind, args in LOGGED.items():
            heavy = kind == "equivalence"  # TransformerLens would make every fork slower
            run = self._warm.run if heavy else self._warm.learn
            done = run(self.used, *SMALL, *args, "output=json")
            assert done.code == 0, done.err
            self.runs[kind] = done.json["run_id"]
        for code in (SAVE_MODEL, SPOOL_ENTRIES):
            done = self._call(self.used, Case("base", (), (), call=("call", [code])))
            assert done.code == 0, done.err

    def artifacts(self, kind: str) -> Path:
        """The artifacts of a run of ``used``, from its root."""
        (found,) = (self.used.root / "mlruns").rglob(f"{self.runs[kind]}/artifacts")
        return found.relative_to(self.used.root)

    def judge(self, case: Case) -> Verdict:
        """Do the damage, run the command, put everything back."""
        project, saved = (
            (self.new, self._saved["new"]) if case.fresh else (self.used, self._saved["used"])
        )
        wanted = self._wanted(case) if case.may in (May.repair, May.leave_out) else None
        try:
            undo = None if case.damage is None else case.damage(project.root)
            before = Saved(saved.copy, dict(project._state()))
            runs = _runs(project.root)
            done = self._call(project, case)
            if callable(undo):
                undo()
            seen = Seen(
                _changed(project, before),
                {k: v for k, v in _runs(project.root).items() if runs.get(k) != v},
                self._canary.exists(),
            )
            return Verdict(case, done, tuple(self._faults(case, done, seen, wanted)))
        finally:
            self._canary.unlink(missing_ok=True)
            project.restore(saved)

    def _faults(self, case: Case, done: Done, seen: Seen, wanted: Result | None) -> list[str]:
        if done.code is None or done.code == -24:
            return [f"no end within {CPU_S if done.code else WALL_S:g} s", *_last(done.err)]
        if done.code == 0:
            found = None if case.call else _result(done)
            return finished_faults(case, done, seen, found, wanted)
        return refusal_faults(case, done, seen)

    def _wanted(self, case: Case) -> Result | None:
        """What the command gives without the damage; None where it gives no result."""
        if case.args not in self._results:
            done = self._call(self.used, case)
            self._results[case.args] = _result(done) if done.code == 0 else None
            self.used.restore(self._saved["used"])
        return self._results[case.args]

    def _call(self, project: Project, case: Case) -> Done:
        hooks: list[tuple[str, Sequence[Any]]] = [("tests.fuzz.child:limit", [CPU_S])]
        if case.call is not None:
            hooks.append((f"tests.fuzz.child:{case.call[0]}", case.call[1]))
        env = {
            "HOME": str(project.temporary / "home"),
            "FUZZ_ANSWERS": str(self._answers),
            "FUZZ_CANARY": str(self._canary),
            **case.env,
        }
        wall = float(case.env.get("FUZZ_WALL_S", WALL_S))  # shorter in the harness's own tests
        return self._warm.run(project, *case.args, timeout=wall, env=env, hooks=hooks)


def write_inputs(project: Project) -> None:
    """The passages, prompts and scenarios of a project, and a home for its commands."""
    (project.temporary / "home").mkdir(exist_ok=True)
    for name, emotions in (("small", EMOTIONS), ("five", tuple(NORMS))):
        with (project.root / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerows([["emotion", "passage_id", "text", "situation"], *passages(emotions)])
    with (project.root / "norms.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [[word, *ratings] for word, ratings in NORMS.items()]
        csv.writer(file).writerows([["word", "valence", "arousal"], *rows])
    for name, content in (("prompts", PROMPTS), ("scenarios", SCENARIOS)):
        (project.root / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def passages(emotions: Sequence[str] = EMOTIONS) -> list[list[str]]:
    """Rows of a small set: emotions told in four situations."""
    return [
        [e, f"{s}_{e}", f"On the {s} someone stood, {e[::-1]}, and looked {e[1:]}ward.", s]
        for s in SITUATIONS
        for e in emotions
    ]


def _changed(project: Project, before: Saved) -> tuple[str, ...]:
    """What was written besides locks, which hold nothing, and new folders that hold only these."""
    found = []
    for path in project.changes(before):
        place = project.folder / path
        inside = [place, *(place.rglob("*") if not place.is_symlink() else ())]
        if not all(_folder(p) or (p.suffix == ".lock" and p.is_file()) for p in inside):
            found.append(path.removeprefix("project/"))
    return tuple(found)


def _folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _last(err: str) -> list[str]:
    lines = err.strip().splitlines()
    return [f"last line: {lines[-1][:100]}"] if lines else []


def _runs(root: Path) -> dict[str, str]:
    """Run -> status, of a project whose database can be read."""
    path = root / "mlruns" / "mlflow.db"
    if not path.is_file():
        return {}
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as database:
            return dict(database.execute("select run_uuid, status from runs"))
    except sqlite3.Error:
        return {}


def _result(done: Done) -> Result | None:
    """What a finished command printed as JSON; None if it printed none, or files are missing."""
    try:
        content = done.json
    except (ValueError, IndexError):
        return None
    files: dict[str, Any] = {}
    for name, where in content["artifacts"].items():
        path = Path(url2pathname(urlparse(where).path) if where.startswith("file:") else where)
        if not path.exists():
            files[name] = "missing"
        elif name.endswith(".safetensors"):
            files[name] = load_file(path)
        elif name.endswith(".gguf"):
            files[name] = path.read_bytes()
    left_out = [
        Path(where).read_text(encoding="utf-8")
        for name, where in content["artifacts"].items()
        if name.startswith("left_out") and name.endswith(".csv")
    ]
    return Result(content["metrics"], files, "".join(left_out))


SAVE_MODEL = """
from emo.models.tiny import build
model, tokenizer = build("llama", 2, 32, 3)
model.save_pretrained("mdl")
tokenizer.save_pretrained("mdl")
"""
"""The folder of a small model as a user has one."""

SPOOL_ENTRIES = """
import json, time
import numpy as np
from pathlib import Path
from emo.tracking import RunRecord
from emo.tracking.spool import Entry, Spool
files = root / "files"
(files / "figures").mkdir(parents=True)
(files / "table.txt").write_text("a table")
(files / "figures" / "one.txt").write_text("a figure")
for number in range(2):
    record = RunRecord({"colour": "blue"}, {"seed": "1"}, {"rho": 0.5, "none": None},
                       {"curve": np.array([1.0, np.nan, 3.0])}, ("small", "abc", "small.csv"))
    entry = Entry(f"sqlite:///{root}/mlruns/mlflow.db", "emotion-geometry", None, f"waits {number}",
                  {"fingerprint": f"f{number}", "job": "extract"}, record, 1000 + number, 2000 + number)
    Spool(root / "waiting").add(entry, files)
"""
"""Two results that wait for job=sync; cases put them where job=sync looks."""
