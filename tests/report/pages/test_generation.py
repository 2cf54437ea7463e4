"""The page of texts that a model wrote: each with its prompt, and the place where it was read."""

from dataclasses import replace

import numpy as np
import pytest

from emo.config.enums import Position
from emo.config.schema import SubparamsConfig
from emo.core.geometry.generated import StoryDescriptors
from emo.core.records import EmotionVectors, LabelNull
from emo.generation.samples import Finish, Generated, Request
from emo.generation.stories import Story, StoryTexts
from emo.report.pages.generation import generation_page, texts_section
from emo.report.pages.page import render
from emo.report.runs import generation as report
from tests.report.pages.test_page import EVIL, data_of


class Words:
    """Token i is the word w_i."""

    def decode(self, ids, skip_special_tokens):
        assert skip_special_tokens
        return "".join(f"w{i} " for i in ids)


def rows(position, *lengths):
    sub = replace(SubparamsConfig(), position=position)
    prompt = (1, 2, 3)
    stories = tuple(
        Story("calm", f"story {k}", f"{EVIL} {k}", Request(prompt, k), 2)
        for k in range(len(lengths))
    )
    texts = tuple(Generated(prompt, tuple(range(10, 10 + n)), Finish.length) for n in lengths)
    told = StoryTexts(stories, texts)
    return report.page_rows(report.text_rows(told, sub, Words()), told, sub, Words())


@pytest.mark.parametrize(
    ("position", "length", "wanted"),
    [
        (Position.last, 4, ("w10 w11 w12 ", "w13 ", "")),
        (Position.mean, 4, ("", "w10 w11 w12 w13 ", "")),
        (Position.mid, 12, ("w10 w11 w12 w13 w14 w15 ", "w16 ", "w17 w18 w19 w20 w21 ")),
    ],
)
def test_what_was_read_is_cut_out_of_the_text(position, length, wanted):
    (row,) = rows(position, length)
    assert (row["before"], row["read"], row["after"]) == wanted
    assert not row["in_prompt"]
    html = texts_section([row], position).html
    assert f'<mark title="read here">{wanted[1]}</mark>' in html


def test_a_text_too_short_for_the_middle_is_read_in_the_prompt():
    (row,) = rows(Position.mid, 4)
    assert row["in_prompt"] and (row["before"], row["read"]) == ("", "")
    assert row["after"] == row["text"]
    assert '<mark title="read here">\u25ae</mark></span>' in texts_section([row], Position.mid).html


def test_texts_and_prompts_are_escaped_and_of_too_many_the_first_are_listed(monkeypatch):
    monkeypatch.setattr("emo.report.pages.generation.fitting", lambda lengths: 2)
    html = texts_section(rows(Position.last, 4, 5, 6), Position.last).html
    assert "<script>" not in html and "&lt;/script&gt;" in html
    assert "The first 2 of 3 texts are listed" in html
    assert html.count("<tr data-row") == 2


DESCRIPTORS = StoryDescriptors(
    n_layers=2,
    finite_layers=(0, 1),
    layer=1,
    layer_source="middle, L // 2",
    centring="neutral",
    unit_norm=True,
    anisotropy=0.97,
    anisotropy_flag=True,
    rdm_std=0.1,
    reliability=0.3,
    split_unit="prompt",
    n_nominal=10.0,
    n_distinct=5.0,
    n_effective=5.0,
    n_short=0,
    nearest=("a", "b", 0.5),
    farthest=("a", "c", -0.5),
    curves={"rdm_std": np.array([0.2, 0.1]), "anisotropy": np.array([0.9, 0.97])},
    nulls={"reliability": LabelNull(*(np.array([x, x]) for x in (0.0, -0.2, 0.41, 0.3)))},
)


def test_the_answer_cautions_of_noise_repeats_and_anisotropy():
    answer = report.answer(DESCRIPTORS)
    assert "At layer 1 of 0 to 1 (middle, L // 2) RDMs from two halves of the prompts" in answer
    assert "agree at 0.30, stepped up, no more than permuted labels give (up to 0.41)" in answer
    assert "too little to compare" in answer
    assert "10 texts, 5 of them distinct, worth 5 independent ones: repeats add nothing." in answer
    assert "Anisotropy there is 0.970" in answer
    single = replace(
        DESCRIPTORS, reliability=None, n_effective=10.0, anisotropy_flag=False, nulls={}
    )
    assert report.answer(single) == (
        "At layer 1 of 0 to 1 (middle, L // 2) nothing tells how well other texts would give the same "
        "RDM: there is a single prompt per emotion. Each emotion has 10 texts, 5 of them distinct."
    )


def test_the_page_has_geometry_and_texts(rng):
    vectors = EmotionVectors(rng.normal(size=(2, 3, 6)), ("a", "b", "c"), (2, 2, 2), "neutral")
    page = generation_page(
        "t", "a", "x", DESCRIPTORS, vectors, rows(Position.last, 4), Position.last, {"a": 1.0}
    )
    html = render(page)
    data = data_of(html, "geometry")[0]
    assert (data["start"], data["layers"], data["poles"]) == (1, [0, 1], [1, None, None])
    assert [c["values"] for c in data["curves"]] == [[0.2, 0.1], [0.9, 0.97]]
    assert "data-filter" in html and html.count("<tr data-row") == 1
