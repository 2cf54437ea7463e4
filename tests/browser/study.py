"""A small study on tiny models: a run of every kind that has a page, and what they are summed up in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from emo.cli import run_job
from emo.config.enums import JobName
from emo.config.resolve import compose
from emo.runs.reuse import open_tracker
from tests.conftest import EMOTIONS, TINY, write_small_csv

STORIES = ("method=generation", "subparams=loose", "subparams.max_new_tokens=12")
JOBS: Mapping[str, tuple[str, ...]] = {
    "comprehension": (),
    "generation": STORIES,
    "precision": ("job=precision", "job.precision.precisions=[bf16]"),
    "equivalence": ("job=equivalence",),
    "axes": ("job=axes", "job.axes.permutations=99", "norms.path=ROOT/norms.csv"),
    "methods": (
        "job=methods",
        "job.methods.readouts=[mean]",
        "job.methods.positions=[mean]",
        "job.methods.estimators=[mean_difference,lda]",
        "subparams.samples=5",
        "subparams.max_new_tokens=6",
    ),
    "ablate": ("job=ablate", "job.ablate.tokens=[24,12]", "job.ablate.samples=[2,1]"),
    "steer": (
        "job=steer",
        "job.steer.scenarios_path=ROOT/scenarios.yaml",
        "job.steer.strengths=[0.1]",
        "job.steer.max_new_tokens=6",
    ),
    "sensitivity": (
        "job=sensitivity",
        "job.sensitivity.objectives=[reliability]",
        "job.sensitivity.n_trials=4",
        "job.sensitivity.space={prompts:[stories],samples:[4,2],max_new_tokens:[12]}",
    ),
    "behave": (
        "job=behave",
        "behave=full",
        "job.behave.facts=[mona_lisa,days_week]",
        "job.behave.gate=0",
        "job.behave.max_new_tokens=6",
        "job.behave.constraints=[no_the,three_sentences]",
        "job.behave.task_tokens=6",
    ),
    "read": ("job=read", "text=Nobody had come, and she laughed."),
    "validate": ("job=validate", "job.validate.permutations=99", "job.validate.max_new_tokens=4"),
    "import": ("job=import", "job.import.path=ROOT/vectors.npz"),
}
"""Overrides by name of the runs whose pages are opened; ROOT is the study's folder."""
ALSO = (
    ("model.tiny.architecture=gpt2", "model.tiny.hidden=64"),
    (*STORIES, "subparams.seed=1"),
)
"""Overrides of the runs that are only summed up: a second model, and other draws of the stories."""
SUMMARY = ("job=summarize", "job.summarize.permutations=50", "job.summarize.n_bootstrap=30")
PAGES = (*JOBS, "summary")


def made_pages(root: Path) -> dict[str, Path]:
    """The pages of the study's runs by name, made in a folder."""
    small = write_small_csv(root)
    rows = (f"{e},{2 + i},{7 - i % 3}\n" for i, e in enumerate(EMOTIONS))
    (root / "norms.csv").write_text("word,valence,arousal\n" + "".join(rows))
    np.savez(root / "vectors.npz", calm=np.eye(4, 128), sad=np.eye(4, 128, 4))
    (root / "scenarios.yaml").write_text(
        "- {id: one, mood: flat, emotion: calm, text: Nobody had come and she}\n"
    )

    def page(overrides: tuple[str, ...]) -> Path:
        named = (word.replace("ROOT", str(root)) for word in overrides)
        config = compose(*TINY, f"stimuli.path={small}", *named, root=root)
        outcome = run_job(config)
        assert outcome.run_id is not None, (overrides, outcome.error)
        file = "summary.html" if config.job.name is JobName.summarize else "run.html"
        return open_tracker(config).artifact(outcome.run_id, file)

    pages = {name: page(overrides) for name, overrides in JOBS.items()}
    for overrides in ALSO:
        page(overrides)
    return {**pages, "summary": page(SUMMARY)}
