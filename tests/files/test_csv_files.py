"""What we write as CSV is text in a spreadsheet, and comes back as it was."""

import csv
import io
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emo.core.records import EmotionVectors, Passage, StimulusSet
from emo.files.csv_files import FORMULA, csv_text, no_formula, original
from emo.report.table import Table
from emo.runs.files import rdm_csv, write_stimuli
from emo.stimuli.labels import visible
from emo.stimuli.loading import load_stimuli

ODD = st.sampled_from("=+-@\t\r\n'\"#,; 0.e1aé\u2028\uff1d\u200b")
LEAD = st.sampled_from(["", "", "=", "+", "-", "@", "\t", "'", "''", "'=", "\uff0d", "#"])
REST = st.text(ODD | st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=8)
TEXT = st.builds(str.__add__, LEAD, REST)


def is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


@given(st.lists(st.lists(TEXT, min_size=2, max_size=2), max_size=5), st.booleans())
def test_every_cell_comes_back_and_none_is_a_formula(rows, quoted):
    written = csv_text(["a", "=b"], rows, quoted=quoted)
    read = list(csv.reader(io.StringIO(written, newline=""), strict=True))
    assert [[original(cell) for cell in row] for row in read] == [["a", "=b"], *rows]
    for cell in (cell for row in read for cell in row):
        assert not cell.startswith(tuple(FORMULA)) or is_number(cell)


def test_numbers_stay_numbers():
    row = [-0.5, "-0.5", "+3", "-1e-9", math.nan, None, True, np.float64(-2.5), "-inf", 7]
    assert csv_text(["x"] * 10, [row]).splitlines()[1] == "-0.5,-0.5,+3,-1e-9,nan,,True,-2.5,-inf,7"
    assert [no_formula(c) for c in ("-1+1", "- 1", "-1 ", "=1", "'x")] == [
        "'-1+1",
        "'- 1",
        "'-1 ",
        "'=1",
        "''x",
    ]


@pytest.mark.parametrize("label", ["=cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "\uff1d1"])
def test_labels_in_tables_and_matrices_are_no_formulas(label, rng):
    table = Table("t", "t", "", ("model", label), ((label, 0.5),)).to_csv()
    vectors = EmotionVectors(rng.normal(size=(1, 3, 4)), (label, "b", "c"), (1, 1, 1), "mean")
    for text in (table, rdm_csv(vectors, 0)):
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert cells.count("'" + label) == 2 and label not in cells


def passages(texts):
    items = tuple(
        Passage(str(i), f"#{'=+'[i % 2]}e{i}", text, None) for i, text in enumerate(texts)
    )
    return StimulusSet(items, (), "x", "y")


@given(
    st.lists(TEXT.map(str.strip).filter(visible), min_size=3, max_size=6).filter(
        lambda texts: len(set(texts)) > 1
    )
)
def test_logged_passages_load_again_to_the_same(texts):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stimuli.csv"
        write_stimuli(passages(texts), path)
        assert load_stimuli(path).items == passages(texts).items


def test_the_bundled_passages_are_written_without_a_mark_and_load_to_the_same_digest(tmp_path):
    stimuli, path = load_stimuli(), tmp_path / "stimuli.csv"
    write_stimuli(stimuli, path)
    assert path.read_text(encoding="utf-8").startswith(
        '"emotion","passage_id","text","situation"\n'
    )
    assert load_stimuli(path).sha256 == stimuli.sha256


def test_apostrophes_of_a_users_own_file_are_left_alone(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("emotion,passage_id,text\na,1,'Tis rain.\nb,1,'=x\nc,1,''y\n")
    assert [p.text for p in load_stimuli(path).items] == ["'Tis rain.", "'=x", "''y"]
