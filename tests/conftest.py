"""Shared fixtures; jaxtyping checks every shape stated in emo/core, but not in tests of jobs."""

from __future__ import annotations

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import jaxtyping

jaxtyping.install_import_hook("emo.core", "beartype.beartype")

import csv
import gc
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import settings

settings.register_profile("project", deadline=None, max_examples=40, derandomize=True)
settings.load_profile("project")

ROOT = Path(__file__).parents[1]
EMOTIONS = ("afraid", "calm", "happy", "proud", "sad")


@pytest.fixture(scope="session", autouse=True)
def copied_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """MLflow takes over a second to make its tables: in this process only the first test waits.

    Tests that start processes of their own get databases of their own making.
    """
    from emo.tracking import database

    made = tmp_path_factory.mktemp("database") / "made.db"
    create = database.create_whole

    def copy(path: Path, artifacts: Path) -> None:
        if path.exists() or not path.parent.is_dir():
            return
        if not made.exists():
            create(made, artifacts)
        shutil.copy(made, path)
        with closing(sqlite3.connect(path)) as copied, copied:  # as if it had been made there
            copied.execute("UPDATE experiments SET artifact_location = ?", (f"{artifacts}/0",))

    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):  # of whoever runs the tests
        os.environ.pop(name, None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "create_whole", copy)
        yield


@pytest.fixture(scope="module", autouse=True)
def fewer_objects() -> Iterator[None]:
    """Set what a module's tests leave behind, such as imports, aside from garbage collection.

    Letting go of a model collects garbage. Most of that time went into objects of torch and MLflow that
    live as long as the process.
    """
    yield
    gc.collect()
    gc.freeze()


_PICTURES: dict[CodeType, dict[str, bytes]] = {}


@pytest.fixture(autouse=True)
def pictures_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the files of each kind of figure once per process: it takes longer than a tiny model's run.

    Every figure is still put together. Tests of the pictures themselves override this fixture.
    """
    from emo.runs import drawing

    real = drawing._pictures

    def pictures(draw: Any, spelt: set[str]) -> dict[str, bytes]:
        kind = getattr(draw, "__code__", None)
        if kind not in _PICTURES:
            made = real(draw, spelt)
            if kind is None:
                return made
            _PICTURES[kind] = made
        else:
            draw()
        return _PICTURES[kind]

    monkeypatch.setattr(drawing, "_pictures", pictures)


@pytest.fixture(autouse=True)
def shapes_checked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Check shapes but in tests of jobs: these call the same functions and take longer with it."""
    jaxtyping.config.update("jaxtyping_disable", request.path.parent.name == "jobs")
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def small_csv(tmp_path: Path) -> Path:
    return write_small_csv(tmp_path)


@pytest.fixture
def one_template(tmp_path: Path) -> str:
    """The override that takes prompts with a single story template."""
    prompts = yaml.safe_load((ROOT / "emo/stimuli/data/prompts.yaml").read_text())
    path = tmp_path / "one_template.yaml"
    path.write_text(yaml.safe_dump(prompts | {"stories": prompts["stories"][:1]}))
    return f"subparams.prompts_path={path}"


def write_small_csv(folder: Path) -> Path:
    """Five emotions told in six situations: enough for every number, small enough for a test."""
    path = folder / "small.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["emotion", "passage_id", "text", "situation"])
        for s, place in enumerate(("quay", "kitchen", "field", "tower", "shop", "bridge")):
            for e in EMOTIONS:
                text = (
                    f"On the {place} number {s} someone stood, {e[::-1]}, and looked {e[1:]}ward."
                )
                writer.writerow([e, f"{place}_{e}", text, place])
    return path


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out.strip().splitlines()[-1])


@pytest.fixture
def launch(tmp_path: Path) -> Callable[..., Result]:
    """Run launch.py as a user would, results and caches below tmp_path."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("launch.py", "conf", "emo"):
        (project / name).symlink_to(ROOT / name)

    def run(*args: str, timeout: float = 120, check: bool | None = True) -> Result:
        # The copy's own root is found through the path that is called, so don't resolve the link.
        script = (
            "import sys; from emo.cli import main; "
            f"sys.argv[0] = 'launch.py'; main({str(project / 'anchor.py')!r})"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, *args],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=project,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        if check is not None:
            assert (done.returncode == 0) == check, done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    return run


TINY = (
    "model=tiny",
    "resampling.n_splits=8",
    "resampling.n_bootstrap=8",
    "resampling.splits_per_replicate=2",
    "resampling.n_permutations=9",
)


@pytest.fixture
def tiny_config(tmp_path: Path, small_csv: Path) -> Callable[..., Any]:
    """RunConfig of a tiny model on the small passages, everything below tmp_path."""
    from emo.config.resolve import compose

    def make(*overrides: str) -> Any:
        return compose(*TINY, f"stimuli.path={small_csv}", *overrides, root=tmp_path)

    return make
