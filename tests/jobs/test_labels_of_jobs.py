"""stimuli.label=situation through whole jobs: the same as a file with both columns exchanged."""

import csv

import numpy as np
import pytest

from emo import api
from emo.config.resolve import compose
from emo.errors import ConfigError
from emo.jobs import extract
from emo.runs.plan import make_plan
from tests.conftest import TINY, write_small_csv

SITUATION = "stimuli.label=situation"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The situations of a file, and the emotions of the file with both columns exchanged."""
    root = tmp_path_factory.mktemp("project")
    small, turned = write_small_csv(root), root / "turned.csv"
    with small.open() as read, turned.open("w", newline="") as write:
        rows = list(csv.DictReader(read))
        writer = csv.writer(write)
        writer.writerow(["emotion", "passage_id", "text", "situation"])
        for r in rows:
            writer.writerow([r["situation"], r["passage_id"], r["text"], r["emotion"]])

    def config(*overrides, path=small):
        return compose(*TINY, f"stimuli.path={path}", *overrides, root=root)

    outcomes = {
        "emotion": extract.run(config()),
        "situation": extract.run(config(SITUATION)),
        "turned": extract.run(config(path=turned)),
    }
    return root, config, outcomes


def test_every_number_is_that_of_a_file_with_the_columns_exchanged(runs):
    root, _, outcomes = runs
    situation, turned = (
        api.load_run(outcomes[name].run_id, root) for name in ("situation", "turned")
    )
    assert situation.vectors.emotions == turned.vectors.emotions
    assert len(situation.vectors.emotions) == 6
    assert np.array_equal(situation.vectors.values, turned.vectors.values)
    a, b = situation.descriptors, turned.descriptors
    assert a.headline() == b.headline()
    for name in a.curves:
        assert np.array_equal(a.curves[name], b.curves[name], equal_nan=True)
    assert situation.activations.situations == turned.activations.situations


def test_it_is_another_run_and_reads_no_passage_again(runs):
    _, config, outcomes = runs
    assert outcomes["situation"].fingerprint not in {
        outcomes[name].fingerprint for name in ("emotion", "turned")
    }
    assert outcomes["situation"].passes_done == 0
    again = extract.run(config(SITUATION))
    assert (again.status, again.run_id) == ("reused", outcomes["situation"].run_id)


def test_title_table_and_tags_say_situation(runs):
    root, config, outcomes = runs
    table = outcomes["situation"].table
    assert "vectors of situations" in table.splitlines()[1]  # behind the answer
    assert "split halves of the passages, by emotion" in table
    assert "split halves of the passages, by situation" in outcomes["emotion"].table
    run = api.load_run(outcomes["situation"].run_id, root)
    assert run.params["stimuli.label"] == "situation"
    assert run.tags["condition"] == "none"
    assert run.tags["condition_note"] == "its vectors are of situations"
    assert make_plan(config(SITUATION)).run_name.startswith("- tiny fp32 label=situation")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("method=generation",), "allowed is emotion with method=generation; situation is for"),
        (("job=equivalence",), "allowed is emotion with job=equivalence; situation is for"),
        (("job=steer",), "allowed is emotion with job=steer; situation is for"),
    ],
)
def test_what_does_not_know_it_refuses_it(overrides, words, tmp_path):
    with pytest.raises(ConfigError, match=words) as error:
        compose(*TINY, SITUATION, *overrides, root=tmp_path)
    assert error.value.parameter == "stimuli.label"
    assert "\n" not in str(error.value)


def test_an_unknown_label_and_removed_situations_are_refused(runs):
    _, config, _ = runs
    with pytest.raises(ConfigError, match="allowed is emotion, situation"):
        config("stimuli.label=topic")
    with pytest.raises(ConfigError, match=r"none with stimuli\.label=situation"):
        extract.run(config(SITUATION, "vectors.remove=situation"))


def test_passages_without_situations_are_refused_before_anything_is_written(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("emotion,text\n" + "".join(f"{e},Text {e}.\n" for e in "abcd"))
    config = compose(*TINY, f"stimuli.path={path}", SITUATION, root=tmp_path)
    with pytest.raises(ConfigError, match="these passages have no situation column"):
        extract.run(config)
    assert list(tmp_path.iterdir()) == [path]
