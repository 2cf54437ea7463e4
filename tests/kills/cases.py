"""The jobs that are killed, each small enough to be run hundreds of times."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

EMOTIONS = ("afraid", "calm", "happy", "hostile")
SMALL = (
    "model=tiny",
    "stimuli.path=small.csv",
    "resampling.n_splits=4",
    "resampling.n_bootstrap=4",
    "resampling.splits_per_replicate=2",
    "resampling.n_permutations=9",
)
NORMS = {
    "afraid": (2.2, 5.1),
    "calm": (6.9, 1.7),
    "happy": (8.5, 6.0),
    "hostile": (2.3, 5.4),
    "sad": (2.1, 3.5),
}
"""Emotion -> valence and arousal; job=axes needs five."""
AXES = (
    *SMALL,
    "stimuli.path=five.csv",
    "job=axes",
    "norms.path=norms.csv",
    "job.axes.permutations=99",
)
STUDY = (
    *SMALL,
    "job=sensitivity",
    "job.sensitivity.n_trials=6",
    "job.sensitivity.space.samples=[2,1]",
    "job.sensitivity.space.max_new_tokens=[6,3]",
)
SUMMARY = (
    *SMALL,
    "job=summarize",
    "job.summarize.permutations=20",
    "job.summarize.n_bootstrap=10",
)
TWO_MODELS = (SMALL, (*SMALL, "model.tiny.architecture=gpt2"))


@dataclass(frozen=True)
class Job:
    """A command that is killed, and the commands whose runs are there before."""

    name: str
    command: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ((*SMALL, "seed=9"),)
    repeated: bool = False
    """Whether a finished job is made anew by the same command, as a summary is."""


JOBS = {
    job.name: job
    for job in (
        Job("extract", SMALL, before=()),
        Job("sweep", ("-m", *SMALL, "seed=0,1,2,3")),
        Job(
            "generation",
            (*SMALL, "method=generation", "subparams.max_new_tokens=6", "subparams.samples=2"),
        ),
        Job(
            "frontier",
            (
                "experiment=frontier",
                *SMALL,
                "job=extract",
                "subparams.topics=3",
                "subparams.max_new_tokens=8",
                "subparams.start=4",
                "backend.decode_batch_size=4",
            ),
            before=(),
        ),
        Job(
            "steer",
            (
                *SMALL,
                "job=steer",
                "job.steer.scenarios=[aggressive_to_calm,neutral_to_hostile]",
                "job.steer.strengths=[0.1]",
                "job.steer.max_new_tokens=4",
                "job.steer.controls=[random]",
            ),
        ),
        Job(
            "ablate", (*SMALL, "job=ablate", "job.ablate.tokens=[6,3]", "job.ablate.samples=[2,1]")
        ),
        Job(
            "summarize",
            SUMMARY,
            before=TWO_MODELS,
            repeated=True,
        ),
        Job("bundle", (*SMALL, "job=bundle"), before=(*TWO_MODELS, SUMMARY)),
        Job("read", (*SMALL, "job=read", "text=A quiet quay, and nobody there.")),
        Job("axes", AXES),
        Job(
            "axes of stories",
            (*AXES, "method=generation", "subparams.max_new_tokens=6", "subparams.samples=2"),
        ),
        Job(
            "methods",
            (
                *SMALL,
                "job=methods",
                "job.methods.readouts=[last]",
                "job.methods.positions=[last]",
                "job.methods.estimators=[mean_difference,lda]",
                "subparams.samples=2",
                "subparams.max_new_tokens=6",
            ),
        ),
        Job(
            "validate",
            (
                *SMALL,
                "job=validate",
                "job.validate.which=[scenarios,turns]",
                "job.validate.permutations=99",
                "job.validate.max_new_tokens=4",
            ),
        ),
        Job("sensitivity", STUDY),
        Job("sensitivity in a database", (*STUDY, "job.sensitivity.storage=sqlite:///study.db")),
        Job(
            "behave",
            (
                *SMALL,
                "job=behave",
                "job.behave.facts=[capital_france,days_week]",
                "job.behave.gate=0",
                "job.behave.max_new_tokens=4",
                "job.behave.facets=[epistemic,procedural]",
                "job.behave.constraints=[no_the]",
                "job.behave.task_tokens=4",
                "backend.decode_batch_size=2",
            ),
            before=(),
        ),
        Job("equivalence", (*SMALL, "job=equivalence")),
        Job("import", (*SMALL, "job=import", "job.import.path=vectors.npz")),
        Job(
            "precision",
            (
                *SMALL,
                "job=precision",
                "job.precision.situations=2",
                "job.precision.precisions=[bf16,int8]",
            ),
        ),
    )
}


def write_passages(folder: Path) -> None:
    """Passages of four and of five emotions (of them the bundled scenarios'), norms, vectors."""
    for name, emotions in (("small", EMOTIONS), ("five", tuple(NORMS))):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["emotion", "passage_id", "text", "situation"])
            for place in ("quay", "field", "tower", "bridge"):
                for emotion in emotions:
                    text = (
                        f"On the {place} someone stood, {emotion[::-1]}, "
                        f"and looked {emotion[1:]}ward."
                    )
                    writer.writerow([emotion, f"{place}_{emotion}", text, place])
    np.savez(folder / "vectors.npz", calm=np.eye(4, 128), sad=np.eye(4, 128, 4))
    with (folder / "norms.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["word", "valence", "arousal"])
        writer.writerows([word, *ratings] for word, ratings in NORMS.items())
