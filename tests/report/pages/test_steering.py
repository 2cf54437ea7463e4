"""The page of a steering run: every text in the card of its scenario, with what the judge heard."""

import re
from dataclasses import replace

import pytest

from emo.report.pages.page import render
from emo.report.pages.steering import pieces, scenarios_section, signed, steering_page
from emo.report.runs import steering as report
from emo.steering.heard import heard_words
from tests.report.runs.test_steering import planted

PICTURES = dict.fromkeys(("dose_response", "emotions", "regimes"), b"png")


def page_of(swept):
    answer = report.answer(swept)
    return render(steering_page("a & b", answer, "text", swept, heard_words), PICTURES, "run")


def test_every_text_is_in_the_card_of_its_scenario_with_opening_and_unsteered_text():
    swept = planted()
    cards = re.findall(r"<article.*?</article>", page_of(swept), re.S)
    assert len(cards) == 12
    for i, card in enumerate(cards):
        assert f"<h3>s{i}: calm" in card
        assert card.count("<tr data-row") == 4
        assert "An opening that &lt;i&gt;" in card and f"plain {i}</span>" in card


def test_what_a_model_wrote_is_escaped():
    page = page_of(planted())
    assert "a &amp; b" in page
    assert "<b>fluent" not in page and "&lt;b&gt;fluent" in page


def test_rows_say_direction_strength_label_and_verdict():
    html = scenarios_section(planted()).html
    rows = re.findall(r"<tr data-row ([^>]*)>", html)
    kinds = {
        name: sum(f'{name}"' in row for row in rows)
        for name in ('data-direction="target', 'data-strength="0.2', 'data-judged="better')
    }
    assert kinds == {
        'data-direction="target': 24,
        'data-strength="0.2': 24,
        'data-judged="better': 12,
    }
    assert sum('data-label="repetitive"' in row for row in rows) == 12
    assert html.count("target judged better 1 of 2") == 12


def test_the_answer_names_the_best_dose_its_controls_and_the_regime():
    answer = report.answer(planted(), random=True)
    assert answer.startswith("The weights are random")
    assert "strength 0.1 at 3, chosen on these texts) 12 of 12 texts are fluent" in answer
    assert "controls there: random 0 of 12." in answer
    assert "Steering at 3 is surgical over all strengths by the robust rule, which other" in answer


def test_the_answer_where_nothing_is_better():
    swept = planted()
    bad = replace(swept, steered=tuple(t for t in swept.steered if t.strength == 0.2))
    assert report.answer(bad).startswith("No dose of the emotion vectors leaves the language whole")


def test_pieces_are_the_text_and_mark_what_the_judge_hears():
    text = "He was happy; then, a HORRIBLE noise! :) and \u2028no more"
    marked = pieces(text, heard_words)
    assert "".join(piece for piece, _ in marked) == text
    heard = {piece: valence for piece, valence in marked if valence is not None}
    assert heard["happy"] > 0 > heard["HORRIBLE"]
    assert heard[":)"] > 0
    assert pieces(text, None) == [(text, None)]


def test_words_are_heard_as_the_judge_hears_them():
    """A text of one heard word has a score of its sign; a text without any has none."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    for text in (
        "The letter was awful.",
        "She smiled (happy)",
        "On the table.",
        "hell's bells",
        "a :-(",
    ):
        heard = heard_words(text)
        assert bool(heard) == (analyzer.polarity_scores(text)["compound"] != 0), text


@pytest.mark.parametrize(
    ("x", "words"),
    [(-0.0, "+0.00"), (-0.004, "+0.00"), (-0.25, "\u22120.25"), (float("nan"), "\u2013")],
)
def test_a_score_has_a_sign_and_no_minus_zero(x, words):
    assert signed(x) == words


def test_of_too_many_texts_the_first_are_shown_and_the_page_says_so(monkeypatch):
    monkeypatch.setattr("emo.report.pages.steering.fitting", lambda lengths: 5)
    html = scenarios_section(planted()).html
    assert "The first 5 of 48 texts are shown" in html
    assert html.count("<tr data-row") == 5
