"""What a reader of job=equivalence sees: every verdict, and nothing left out without a word."""

import dataclasses

import numpy as np
import pytest

from emo.core.compare.readers import Equivalence, EquivalenceReport
from emo.report.runs.equivalence import figure, terminal_text, to_csv

N = 4


def curves(relative, finite=(True,) * N):
    relative = np.array(relative, dtype=float)
    small = np.where(finite, relative**2, np.nan)
    return Equivalence(
        cosine_mean=1 - small / 2,
        cosine_min=1 - small,
        max_abs=np.where(finite, relative * 3, np.nan),
        relative=np.where(finite, relative, np.nan),
        rdm_rho=1 - small * 0,
        rdm_frobenius=np.where(finite, relative / 2, np.nan),
        finite=np.array(finite),
        same_gaps=np.ones(N, dtype=bool),
        tolerance=1e-3,
    )


EXACT = curves([0, 0, 0, 0])
MIXED = curves([0, 1e-4, 1e-2, 1], finite=(True, True, True, False))


def report(bridge=EXACT, hooked=MIXED):
    found = {"bridge": bridge, "hooked": hooked}
    return EquivalenceReport(
        precision="fp32",
        n_texts=7,
        n_layers=N,
        compared={name: e for name, e in found.items() if isinstance(e, Equivalence)},
        missing={name: e for name, e in found.items() if isinstance(e, str)},
    )


def test_a_line_a_layer_with_its_verdict():
    lines = terminal_text(report(), "title", "a note").splitlines()
    assert lines[0] == "title: TransformerLens against transformers, 7 texts"
    assert lines[1] == "  note: a note"
    rows = [
        line.split() for line in lines if line[:5] == "    " + line[4:5] and line[4:5].isdigit()
    ]
    assert [row[0] for row in rows] == ["0", "1", "2", "3", "11"]
    assert [" ".join(row[7:]) for row in rows[:4]] == ["exact", "within", "outside", "not finite"]
    assert rows[1][1:7] == ["5.0e-09", "1.0e-08", "0.0e+00", "5.0e-05", "1.0e-04", "3.0e-04"]
    assert (
        "    DOES NOT AGREE: 1 exact, 1 not finite, 1 outside, 1 within; largest relative difference "
        "1.0e-02 at layer 2, rounding explains 1.0e-03" in lines
    )


def test_where_no_bit_differs_one_line_is_enough():
    text = terminal_text(report(hooked="why not"), "title")
    assert text.count("not one bit differs in any of the 4 layers") == 1
    assert "    not available: why not" in text.splitlines()
    assert "agrees:" not in text


def test_nothing_finite_is_not_called_agreement():
    text = terminal_text(report(hooked=curves([1] * N, finite=(False,) * N)), "title")
    assert "DOES NOT AGREE: 4 not finite" in text


def test_csv_gives_the_numbers_back():
    rows = [line.split(",") for line in to_csv(report()).splitlines()]
    assert rows[0] == [
        *("reader", "layer", "cosine_mean", "cosine_min", "max_abs", "relative"),
        *("rdm_rho", "rdm_frobenius", "verdict"),
    ]
    assert len(rows) == 1 + 2 * N
    assert float(rows[6][3]) == MIXED.cosine_min[1]
    assert rows[-1][-1] == "not finite"


@pytest.mark.parametrize(
    ("hooked", "label"),
    [
        (MIXED, "hooked"),
        (EXACT, "hooked: not one bit differs"),
        (curves([1] * N, finite=(False,) * N), "hooked: not finite"),
    ],
)
def test_figure_says_what_it_cannot_draw(hooked, label):
    panel = figure(report(hooked=hooked), "title").axes[0]
    legend = [text.get_text() for text in panel.get_legend().get_texts()]
    assert legend == ["bridge: not one bit differs", label, "rounding explains up to here"]
    drawn = {line.get_label(): line.get_ydata() for line in panel.lines}
    if hooked is MIXED:
        assert np.array_equal(drawn["hooked"], [np.nan, 1e-4, 1e-2, np.nan], equal_nan=True)


def test_figure_puts_the_published_layer_at_the_same_depth():
    panel = figure(dataclasses.replace(report(), n_layers=56), "title").axes[1]
    star = next(line for line in panel.lines if "published" in str(line.get_label()))
    assert star.get_xdata()[0] == 22
    assert star.get_ydata()[0] == pytest.approx(3e-6)
