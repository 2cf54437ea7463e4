"""Pages and answers of runs that compare: their tables hold the records' numbers."""

import numpy as np
import pytest

from emo.core.conditions.ablation import ablation as decomposed
from emo.report.pages import comparisons as pages
from emo.report.runs import ablation, axes, equivalence, precision, sensitivity
from emo.report.runs.extract import RANDOM
from tests.report.runs.test_ablation import agreement, effects, shown
from tests.report.runs.test_axes import RESULT
from tests.report.runs.test_equivalence import report as compared
from tests.report.runs.test_precision import row
from tests.report.runs.test_sensitivity import IMPORTANCE

__all__ = ["effects"]


def cells(section):
    """Rows of the tables of a section as lists of texts."""
    from html.parser import HTMLParser

    class Table(HTMLParser):
        rows: list[list[str]]

        def __init__(self):
            super().__init__()
            self.rows = []

        def handle_starttag(self, tag, attrs):
            if tag == "tr":
                self.rows.append([])
            if tag in ("td", "th"):
                self.rows[-1].append("")

        def handle_data(self, data):
            if self.rows and self.rows[-1] and data.strip():
                self.rows[-1][-1] += data.strip()

    table = Table()
    table.feed(section.html)
    return table.rows


def test_precisions_stand_with_their_numbers():
    page = pages.precision_page("t", "a", "x", [row("fp32"), row("bf16")])
    rows = cells(page.sections[0])
    assert len(rows[0]) <= 7
    assert rows[2] == ["bf16", "fp32", "0.625", "0.991", "0.750", "0.500", "0.250"]
    assert page.sections[-1].figures == ("precision",)


def test_the_answer_of_precisions_names_each_and_what_is_beyond_rounding():
    beyond = {"activations": 3, "vectors": 0, "rdm": 0}
    kinds = dict(zip(precision.KINDS, beyond.values(), strict=False))
    rows = [row("fp32"), row("bf16", layers_beyond=kinds, n_layers=4)]
    answer = precision.answer(rows, random=True)
    assert answer.startswith(RANDOM)
    assert "the RDM agrees with that of fp32 at rho bf16 0.625." in answer
    first = next(iter(precision.KINDS.values()))
    assert f"bf16 moves beyond its own rounding: {first} at 3 of 4 layers." in answer


def test_the_answer_of_backends_says_who_agrees():
    answer = equivalence.answer(compared())
    assert "bridge gives the same bits as transformers at all 4 layers." in answer
    assert "hooked DOES NOT AGREE" in answer
    page = pages.equivalence_page("t", answer, "x", compared(hooked="not installed"))
    assert [s.title for s in page.sections] == ["bridge against transformers", "Figures"]
    assert [r[-1] for r in cells(page.sections[0])[1:]] == ["exact"] * 4
    assert "hooked is not available: not installed." in equivalence.answer(
        compared(hooked="not installed")
    )


def test_ratings_stand_with_interval_and_line():
    page = pages.axes_page("t", axes.answer(RESULT), "x", RESULT, ("axes", "circumplex"))
    rows = cells(page.sections[0])
    assert len(rows[0]) <= 7 and len(rows) == 1 + len(RESULT.findings)
    assert rows[1][:3] == ["valence", "component 1", "\u2013"]
    assert "0.83 (0.50 to 0.95)" in rows[1]
    assert axes.answer(RESULT).startswith("Valence in the RDM: rho 0.10")


def test_effects_are_ranked_and_their_intervals_beside_them(effects):
    answer = ablation.answer(shown(effects))
    page = pages.ablation_page("t", answer, "x", effects, [], ("prompts",))
    rows = cells(page.sections[0])
    assert [r[0] for r in rows[1:]] == ["x", "y"]
    assert rows[1][1] == "1 [1, 2]"
    assert float(rows[1][2].split()[0]) == pytest.approx(
        float(effects.effects.shapley.value[1]), abs=0.006
    )
    assert answer[0].isupper() and answer.endswith(".")


def test_an_ablation_that_can_tell_nothing_has_a_page(effects):
    nothing = decomposed(("y", "x"), agreement(np.zeros((9, 4)), reliability=-0.1))
    assert nothing.effects is None
    page = pages.ablation_page("t", "a", "x", nothing, [], ("prompts",))
    assert "tell no effect" in page.sections[0].html


def test_a_study_says_when_its_trials_are_few():
    assert sensitivity.answer([IMPORTANCE], {}) == (
        "4 trials are few for 2 parameters: small importances are not told from zero."
    )
    assert sensitivity.answer([IMPORTANCE], {}, random=True).startswith("The weights are random")
    page = pages.study_page("t", "a", "x", [IMPORTANCE], {}, (["trial", "x"], [[0, 1]]), ["f"])
    assert [s.title for s in page.sections] == ["Importances for relative_rho", "Figures", "Trials"]
    assert cells(page.sections[0])[1] == ["x", "0.900", "0.800"]
