"""A study as one folder or zip: complete, opened offline, and every number made again or named."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import emo
from emo.bundle.__main__ import main
from emo.bundle.layout import damaged_files, opened, read_study
from emo.cli import run_job
from emo.config.resolve import compose
from emo.errors import DamagedFile, EmoError
from emo.files.checksums import write_checksums
from tests.conftest import TINY, write_small_csv

pytestmark = pytest.mark.slow
QUICK = ("job.summarize.permutations=20", "job.summarize.n_bootstrap=20")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose passages are gone after its study was bundled: a folder and a zip."""
    root = tmp_path_factory.mktemp("project")
    path = write_small_csv(root)
    words = [*TINY, f"stimuli.path={path}"]
    made = run_job(compose(*words, root=root))
    assert made.error is None
    report = run_job(compose(*words, "job=summarize", *QUICK, root=root))
    assert report.error is None
    for more in ([], ["job.bundle.zip=true"]):
        outcome = run_job(compose(*words, "job=bundle", *more, root=root))
        assert outcome.error is None, outcome.error
    path.unlink()
    return root, made.run_id, report.run_id


@pytest.fixture
def bundle(project, tmp_path):
    """A copy that may be damaged."""
    root, _, report = project
    return Path(shutil.copytree(root / "exports" / f"study-{report[:8]}", tmp_path / "study"))


def test_a_bundle_has_the_report_the_runs_and_the_environment(bundle, project):
    _, run_id, report = project
    study = read_study(bundle)
    assert (study.summary, study.used) == (report, (run_id,))
    for name in (
        "index.html",
        "report/summary.html",
        "report/tables/descriptors.csv",
        f"runs/{run_id}/activations.safetensors",
        f"runs/{run_id}/descriptors.json",
        "inputs/path/small.csv",
        "requirements.txt",
    ):
        assert (bundle / name).stat().st_size > 0, name
    assert json.loads((bundle / "environment.json").read_text())["packages"]["numpy"]
    assert damaged_files(bundle) == []


def test_its_pages_fetch_nothing_and_every_link_of_the_front_page_leads_somewhere(bundle):
    front = (bundle / "index.html").read_text()
    links = re.findall(r'(?:href|src)="([^"]*)"', front)
    assert links
    assert all((bundle / link).exists() for link in links)
    assert "http" not in front


def test_the_report_leads_to_the_pages_of_its_runs_within_the_bundle(bundle, project):
    _, run_id, _ = project
    report = (bundle / "report/summary.html").read_text()
    pages = set(re.findall(r'<a class="page" href="([^"]*)"', report))
    assert pages == {f"../runs/{run_id}/run.html"}
    assert all((bundle / "report" / page).is_file() for page in pages)


def test_it_says_nothing_of_the_machine_it_was_made_on(bundle, project):
    root, _, _ = project
    for name in ("study.json", "environment.json", "index.html"):
        text = (bundle / name).read_text()
        assert "mlflow.user" not in text
        assert '"host"' not in text
    assert str(root) not in (bundle / "environment.json").read_text()


def test_every_number_is_made_again_although_the_passages_are_gone(bundle):
    found = emo.verify(bundle)
    assert found.ok, str(found)
    assert (found.runs, found.as_logged) == (1, ())
    assert found.numbers > 4 * 5 * 128  # the vectors alone
    assert str(found).startswith("all ")


def test_a_zip_is_the_same_and_no_model_is_needed_for_it(project):
    root, _, report = project
    packed = root / "exports" / f"study-{report[:8]}.zip"
    code = (
        "import sys, emo; found = emo.verify(sys.argv[1]); print(found); "
        "assert found.ok; assert 'transformers' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code, str(packed)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout


def changed(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_changed_missing_and_added_files_are_all_named(bundle, project, capsys):
    _, run_id, _ = project
    weights = bundle / "runs" / run_id / "activations.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    (bundle / "report/tables/descriptors.csv").unlink()
    (bundle / "report/more.txt").touch()
    assert emo.verify(bundle).damaged == (
        "report/more.txt does not belong there",
        "report/tables/descriptors.csv is missing",
        f"runs/{run_id}/activations.safetensors has changed",
    )
    assert main(["verify", str(bundle)]) == 1
    assert "report/more.txt does not belong there" in capsys.readouterr().out


def test_numbers_that_were_changed_with_their_checksums_are_named(bundle, project):
    _, run_id, _ = project
    table = bundle / "report/tables/descriptors.csv"
    number = re.search(r"\d\.\d{6,}", table.read_text())[0]
    changed(table, number, f"{float(number) + 0.01}")
    descriptors = bundle / "runs" / run_id / "descriptors.json"
    content = json.loads(descriptors.read_text())
    content["rdm_std"] += 0.01
    descriptors.write_text(json.dumps(content))
    (bundle / "report/figures/more.csv").write_text("a\n1\n")
    write_checksums(bundle)
    found = emo.verify(bundle)
    assert not found.damaged
    named = " | ".join(found.differences)
    assert "report/tables/descriptors.csv, line 2, " in named
    assert f"runs/{run_id}/descriptors.json.rdm_std: " in named
    assert "report/figures/more.csv: a file is written, no such file comes out" in named


def test_what_is_no_bundle_is_refused_in_one_line(tmp_path, bundle):
    for place in (tmp_path / "none", tmp_path):
        with pytest.raises(EmoError, match="bundle"):
            emo.verify(place)
    changed(bundle / "study.json", '"format": 1', '"format": 99')
    with pytest.raises(EmoError, match="format 99; this program reads 1"):
        emo.verify(bundle)


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt", "a\\..\\out.txt"])
def test_a_zip_cannot_write_outside_its_folder(tmp_path, name):
    evil = tmp_path / "evil.zip"
    with zipfile.ZipFile(evil, "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(DamagedFile, match="leads out"), opened(evil):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["evil.zip"]


def test_without_a_report_or_with_another_run_it_is_refused(project, tmp_path):
    root, run_id, _ = project
    none = run_job(compose(*TINY, "job=bundle", root=tmp_path))
    assert none.error is not None
    assert not (tmp_path / "exports").exists()
    other = run_job(compose(*TINY, "job=bundle", f"job.bundle.run={run_id}", root=root))
    assert other.error.startswith(f"job.bundle.run={run_id}: allowed is the id of a job=summarize")


def test_passages_that_are_gone_are_named(project):
    root, _, _ = project
    outcome = run_job(compose(*TINY, "job=bundle", "job.bundle.folder=other", root=root))
    assert "allowed is the file that the report was made from" in outcome.error
    assert not list((root / "other").iterdir())


def test_a_folder_that_is_no_bundle_is_never_replaced(project):
    root, _, report = project
    folder = root / "mine" / f"study-{report[:8]}"
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("x")
    outcome = run_job(compose(*TINY, "job=bundle", "job.bundle.folder=mine", root=root))
    assert "which is no bundle" in outcome.error
    assert (folder / "thesis.txt").read_text() == "x"


def test_a_study_with_texts_that_a_model_wrote_is_made_again(tmp_path, small_csv):
    words = [*TINY, f"stimuli.path={small_csv}", *QUICK]
    few = ["subparams.max_new_tokens=8", "subparams.samples=2"]
    for more in (["method=generation", *few], ["job=summarize", "job.summarize.make=[A, B]"]):
        outcome = run_job(compose(*words, *more, root=tmp_path))
        assert outcome.error is None, outcome.error
    outcome = run_job(compose(*words, "job=bundle", root=tmp_path))
    assert outcome.metrics["runs"] == 2
    found = emo.verify(tmp_path / "exports" / f"study-{outcome.run_id[:8]}")
    assert found.ok, str(found)
    assert (found.runs, len(found.as_logged)) == (2, 1)


def test_a_study_of_two_models_and_a_steering_run_is_made_again(tmp_path, small_csv):
    words = [*TINY, f"stimuli.path={small_csv}"]
    steer = ["job=steer", "job.steer.scenarios=[aggressive_to_calm]", "job.steer.strengths=[0.1]"]
    for more in (
        [],
        ["model.tiny.architecture=gpt2"],
        [*steer, "job.steer.max_new_tokens=8"],
        ["job=summarize", *QUICK],
        ["job=bundle"],
    ):
        outcome = run_job(compose(*words, *more, root=tmp_path))
        assert outcome.error is None, outcome.error
    assert outcome.metrics["runs"] == 3
    found = emo.verify(next((tmp_path / "exports").glob("study-*")))
    assert found.ok, str(found)
    assert found.runs == 3
