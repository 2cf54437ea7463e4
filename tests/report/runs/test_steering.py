"""What the report says of planted sweeps: numbers, doubt, disagreement."""

import csv
import io
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from emo.core.choices import Direction
from emo.core.steering.dose_response import DoseSweep, SteeredText, cells
from emo.core.steering.regimes import Limits, RegimeName
from emo.core.steering.text_measures import TextMeasures
from emo.report.runs import steering as report
from emo.report.runs import steering_figures
from emo.report.summary.steering import steering_figures as figures_of
from emo.report.summary.steering import steering_tables as tables_of
from emo.runs.listing import RunListing
from emo.summary.steering import Steered

LIMITS = Limits(0.3, 3.0, 36, "greedy")
GOOD = TextMeasures(9, False, 0.0, 1.0, 1.0, 0.0, 1.0, 2.0, 0.5, True)
PLAIN = replace(GOOD, score=0.0, named=False)
CHINESE_LOOP = replace(GOOD, repetition=0.9, foreign=1.0, score=math.nan)


def planted():
    """Strength 0.1 works; at 0.2 every text is a loop in Chinese. Random directions do nothing."""
    steered = []
    for direction in ("target", "random"):
        for strength in (0.1, 0.2):
            for i in range(12):
                loop = direction == "target" and strength == 0.2
                better = direction == "target" and strength == 0.1
                measures = CHINESE_LOOP if loop else GOOD if better else PLAIN
                words = "快乐" * 8 if loop else f"a <b>fluent</b> text {i}"
                steered.append(
                    SteeredText(f"s{i}", "calm", direction, "3", strength, words, measures, PLAIN)
                )
    unsteered = {f"s{i}": f"plain {i}" for i in range(12)}
    openings = dict.fromkeys(unsteered, "An opening that <i>")
    return DoseSweep(tuple(steered), openings, unsteered, LIMITS, 48, 0, norm="mean")


def test_summary_says_what_was_planted():
    lines = report.terminal_text(planted(), "title", "a note").splitlines()
    assert lines[:2] == ["title", "  note: a note"]
    works = next(x for x in lines if "0.1 target" in x)
    assert "12/12 (0.74 to 1.00)" in works
    assert works.endswith("surgical (surgical)")
    loop = next(x for x in lines if "0.2 target" in x)
    assert "0/12" in loop
    assert loop.endswith("repetitive_collapse (explosive)  DISAGREE")
    zero = next(x for x in lines if " 0 none " in x)
    assert lines.index(zero) < lines.index(works)
    assert "0/12" in zero and zero.endswith("surgical (explosive)  DISAGREE")
    assert any(
        "limits from 36 unsteered texts (greedy), one in 37 of which exceeds" in x for x in lines
    )
    assert any("without position 0 and special ones" in x for x in lines)
    assert any("best surgical dose 0.1 at 3: 12/12" in x for x in lines)
    assert any("random there: 0/12" in x for x in lines)
    assert "37 of 40 (0.80 to 0.98)" in lines[-1]


def test_tables_have_the_share_of_every_script():
    swept = planted()
    mixed = replace(swept.steered[0], text="good 高兴")
    swept = replace(swept, steered=(mixed, *swept.steered[1:]))
    table = report.texts_table(swept)
    at = [table["columns"].index(name) for name in ("scripts", "opening_scripts")]
    rows = [tuple(row[i] for i in at) for row in table["data"]]
    assert rows[:13] == [("LATIN 1", "LATIN 1")] * 12 + [("LATIN 0.667, CJK 0.333", "LATIN 1")]
    loop = next(i for i, t in enumerate(swept.steered) if t.measures is CHINESE_LOOP)
    assert rows[12 + loop] == ("CJK 1", "LATIN 1")
    cells = list(csv.DictReader(io.StringIO(report.cells_csv(swept))))
    assert [c["scripts"] for c in cells] == [
        "LATIN 1",
        "LATIN 0.972, CJK 0.0278",
        "CJK 1",
        "LATIN 1",
        "LATIN 1",
    ]


def test_shuffled_partners_that_the_judge_cannot_tell_apart_are_named():
    swept = replace(planted(), partners={"calm": "sad", "sad": "gloomy"}, alike=("sad",))
    text = report.terminal_text(swept, "t")
    assert "shuffled: 1 of 2 emotions" in text and "apart: sad by gloomy" in text
    assert "shuffled:" not in report.terminal_text(planted(), "t")


def test_regime_of_the_site_is_said():
    """Half of 24 texts loop: not more than half, and not surely so. Chinese without spaces is short."""
    text = report.terminal_text(planted(), "t")
    assert (
        "regime at 3, all strengths: robust surgical?, published rule explosive: 0 of 24 texts loop, 12 "
        "are short; 5 texts otherwise would make it surgical" in text
    )
    # "plain 3" is two words, which the published rule calls short.
    assert (
        "regime at strength 0: robust surgical, published rule explosive: 0 of 12 texts loop, 12 are "
        "short; 7 texts otherwise would make it repetitive_collapse" in text
    )


def test_what_cannot_be_judged_is_no_failure():
    swept = planted()
    dumb = [
        replace(t, unsteered=replace(t.unsteered, score=math.nan))
        for t in swept.steered
        if t.strength == 0.1
    ]
    found = report.curves(cells((*dumb, *(t for t in swept.steered if t.strength == 0.2)), LIMITS))
    assert np.isnan(found["dose_success_target_3"][0])
    assert found["dose_success_target_3"][1] == 0


def steered(model_id):
    tags = {"model_id": model_id, "model": "m", "precision": "fp16"}
    run = RunListing("abcdef123456", "FINISHED", 0, tags, {})
    return Steered("m", run, planted())


@pytest.mark.parametrize(
    ("model_id", "published", "same"),
    [
        ("google/gemma-3-1b-pt", "explosive", "yes"),
        ("google/gemma-3-1b-it", "surgical", "no"),
        ("somebody/other", None, None),
    ],
)
def test_section_has_the_regime_beside_the_studys(model_id, published, same):
    regimes, _doses = tables_of(SimpleNamespace(steering=[steered(model_id)]))
    unsteered, row = (dict(zip(regimes.columns, row, strict=True)) for row in regimes.rows)
    assert (unsteered["layers"], unsteered["precision"]) == ("none (strength 0)", "fp16")
    assert unsteered["in the study"] is None  # the study did not record it
    assert (row["looping"], row["short"]) == (0.0, 0.5)
    assert row["texts to the cut-off"] == "5 from surgical"
    assert "exactly on a cut-off" in regimes.caption
    assert row["regime, published rule"] == "explosive"
    assert row["regime, robust"] == "surgical?"
    assert (row["in the study"], row["same by its rule"]) == (published, same)


def test_section_counts_texts():
    _regimes, table = tables_of(SimpleNamespace(steering=[steered("x")]))
    zero, row = (dict(zip(table.columns, r, strict=True)) for r in table.rows[:2])
    assert (zero["strength"], zero["direction"], zero["better / judged"]) == (0.0, "none", "0/12")
    assert (row["texts"], row["better / judged"], row["fluent / judged"]) == (12, "12/12", "12/12")


def test_nothing_surgical_is_said():
    swept = planted()
    bad = replace(swept, steered=tuple(t for t in swept.steered if t.strength == 0.2))
    assert "no dose of the emotion vectors is surgical" in report.terminal_text(bad, "t")


def test_curves_are_in_order_of_strength():
    found = report.curves(cells(planted().steered, planted().limits))
    assert found["dose_success_target_3"].tolist() == [1.0, 0.0]
    assert found["dose_repetition_target_3"] == pytest.approx([0.0, 0.9])
    assert all(isinstance(v, np.ndarray) for v in found.values())


def test_scenarios_table_counts_over_doses():
    lines = report.scenarios_csv(planted()).splitlines()
    assert len(lines) == 1 + 12 * 2
    assert lines[1].startswith("s0,calm,target,1,2,")
    assert lines[1].endswith(",doses of one prompt")


def test_emotions_csv_has_the_intervals_of_the_figure():
    swept = planted()
    varied = [
        replace(t, measures=replace(t.measures, score=0.1 * i)) if t.strength == 0.1 else t
        for i, t in enumerate(swept.steered)
    ]
    lines = report.emotions_csv(replace(swept, steered=tuple(varied))).splitlines()
    rows = [dict(zip(lines[0].split(","), x.split(","), strict=True)) for x in lines[1:]]
    assert (rows[0]["direction"], rows[0]["strength"], float(rows[0]["shift"])) == (
        "none",
        "0.0",
        0,
    )
    rows = rows[1:]
    assert [(r["direction"], r["strength"], r["n_texts"]) for r in rows] == [
        (d, s, "12") for d in ("target", "random") for s in ("0.1", "0.2")
    ]
    assert float(rows[0]["shift"]) == pytest.approx(0.55)
    assert float(rows[0]["shift_low"]) < 0.55 < float(rows[0]["shift_high"])


def test_emotions_have_panels_at_every_site():
    swept = planted()
    other = [replace(t, site="all") for t in swept.steered]
    figure = report.emotions(replace(swept, steered=(*swept.steered, *other)), "t")
    assert [a.get_title() for a in figure.axes] == ["3: calm", "all: calm"]


def test_section_says_which_run_it_shows():
    run = RunListing(
        "abcdef123456",
        "FINISHED",
        0,
        {"steer": "published", "precision": "bf16"},
        {"job.steer.positions": "generated"},
    )
    summary = SimpleNamespace(steering=[Steered("m", run, planted())])
    drawn, (_regimes, doses) = figures_of(summary), tables_of(summary)
    settings = "preset published, bf16, positions generated, run abcdef12"
    assert all(settings in x.title for x in (*drawn, doses))
    assert {f.name for f in drawn} == {
        f"steering_{x}_m_bf16" for x in ("dose_response", "emotions", "regimes")
    }


def labels(axes):
    return [t.get_text() for t in axes.texts]


def test_regime_map_draws_both_rules_and_frames_disagreement():
    figure = report.regime_map(planted(), "t")
    published, robust, random = figure.axes
    assert (labels(published), labels(robust)) == (["X", "S", "X"], ["S", "S", "R"])
    assert labels(random) == ["S", "S", "S"]
    frames = [p for p in robust.patches if not p.get_fill()]
    assert [round(p.get_x() + p.get_width() / 2) for p in frames] == [0, 2]


def test_dose_response_has_a_row_a_site_and_a_line_a_direction():
    swept = planted()
    other = [replace(t, site="all") for t in swept.steered]
    figure = report.dose_response(replace(swept, steered=(*swept.steered, *other)), "t")
    assert len(figure.axes) == 6
    success = figure.axes[0].containers
    assert [c.get_label() for c in success] == ["target", "random"]
    assert success[0].lines[0].get_ydata().tolist() == [0.0, 1.0, 0.0]


def test_an_emotion_that_cannot_be_judged_is_said():
    swept = planted()
    silent = [
        replace(
            t,
            emotion="reflective",
            measures=replace(t.measures, score=math.nan),
            unsteered=replace(t.unsteered, score=math.nan),
        )
        for t in swept.steered
    ]
    figure = report.emotions(replace(swept, steered=(*swept.steered, *silent)), "t")
    assert [a.get_title() for a in figure.axes] == ["calm", "reflective: cannot be judged"]


def test_every_direction_and_every_regime_has_its_look():
    assert set(steering_figures.STYLES) == {d.value for d in Direction}
    assert set(steering_figures.REGIMES) == {
        RegimeName.repetitive_collapse,
        RegimeName.explosive,
        RegimeName.silent,
        RegimeName.surgical,
    }
