"""Passages labelled by their situations."""

import pytest

from emo.core.choices import Label
from emo.core.records import Passage, StimulusSet
from emo.errors import ConfigError
from emo.runs.files import write_stimuli
from emo.stimuli.exchange import as_in_the_file, labelled_by_situation, labels_in_words
from emo.stimuli.loading import MOST_EMOTIONS, load_stimuli


def made(cells):
    items = tuple(Passage(str(i), e, f"{e} {s}", s) for i, (e, s) in enumerate(cells))
    return StimulusSet(items, ("a", "b"), "file", "d")


def test_roles_are_exchanged_and_nothing_else_is():
    bundled = load_stimuli()
    got = labelled_by_situation(bundled)
    assert [(p.emotion, p.situation) for p in got.items] == [
        (p.situation, p.emotion) for p in bundled.items
    ]
    assert [(p.id, p.text) for p in got.items] == [(p.id, p.text) for p in bundled.items]
    assert (got.sha256, got.label) == (bundled.sha256, Label.situation)
    assert as_in_the_file(got) == bundled == as_in_the_file(bundled)
    assert labels_in_words(got) == (
        "labelled by situation: vectors are of 24 situations, halves are of 21 emotions"
    )


def test_the_csv_of_a_run_is_the_file(small_csv, tmp_path):
    stimuli = load_stimuli(small_csv)
    path = tmp_path / "again.csv"
    write_stimuli(labelled_by_situation(stimuli), path)
    assert load_stimuli(path).items == stimuli.items
    assert load_stimuli(path).sha256 == stimuli.sha256


CROSSED = [(e, s) for e in "abc" for s in "xyz"]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([(e, None) for e in "abc"], "these passages have no situation column"),
        ([(e, s) for e in "abc" for s in "xy"], "have 2 situations; a geometry needs at least 3"),
        ([*CROSSED, ("a", "w")], "these passages are not crossed: of one emotion only 'w'"),
        (
            [(e, str(s)) for e in "abc" for s in range(MOST_EMOTIONS + 1)],
            f"have {MOST_EMOTIONS + 1} situations; at most {MOST_EMOTIONS} are taken",
        ),
    ],
)
def test_a_set_without_a_geometry_of_situations_is_refused_in_one_line(cells, words):
    with pytest.raises(ConfigError) as error:
        labelled_by_situation(made(cells))
    assert "stimuli.label=situation: allowed is emotion: " in str(error.value)
    assert words in str(error.value) and "\n" not in str(error.value)
