"""The page of a run that read passages: its numbers are the descriptors', its texts the passages."""

import base64
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from emo.core.choices import Label
from emo.core.geometry.comprehension import describe
from emo.core.geometry.cosines import cosine_matrix
from emo.core.geometry.left_out import read_as
from emo.core.records import Activations, Passage, StimulusSet
from emo.core.stats.resampling import Resampling
from emo.report.pages.comprehension import comprehension_page, start_layer
from emo.report.pages.geometry import MOST_COSINES
from emo.report.pages.page import render
from emo.report.pages.passages import MOST_TEXTS, fitting
from emo.report.runs import extract
from tests.report.pages.test_page import EVIL, data_of

POLES = {"calm": 1.0, "happy": 1.0, "sad": -1.0, "angry": -1.0, "afraid": -1.0}


def stimuli(emotions, situations, text=EVIL):
    items = tuple(
        Passage(f"{s}_{e}", e, f"{text} {s} {e}", s) for s in situations for e in emotions
    )
    return StimulusSet(items, ("It is noon.",) * 4, "file", "0" * 64)


def made(
    rng,
    emotions=tuple(POLES),
    situations=tuple("abcdef"),
    n_layers=4,
    text=EVIL,
    layers=(),
    label=Label.emotion,
):
    passages = replace(stimuli(emotions, situations, text), label=label)
    n = len(passages.items)
    offset = rng.normal(size=(n_layers, len(emotions), 10))
    values = rng.normal(size=(n_layers, n, 10)) + np.tile(offset, (1, len(situations), 1))
    for layer in layers:
        values[layer, 0, 0] = np.nan
    activations = Activations(
        values.astype(np.float32),
        tuple(p.id for p in passages.items),
        tuple(p.emotion for p in passages.items),
        tuple(str(p.situation) for p in passages.items),
        rng.normal(size=(n_layers, 4, 10)).astype(np.float32),
        "last",
    )
    settings = Resampling(n_splits=6, n_bootstrap=6, splits_per_replicate=2, n_permutations=9)
    vectors, d = describe(activations, settings, poles=POLES)
    page = comprehension_page(
        "a title", "an answer", "a text", d, vectors, passages, read_as(activations), POLES
    )
    return render(page), vectors, d, activations


def numbers(text, kind):
    return np.frombuffer(base64.b64decode(text), np.dtype(kind).newbyteorder("<")).astype(float)


def test_curves_and_bands_are_those_of_the_descriptors(rng):
    html, _, d, _ = made(rng)
    curves = {c["name"]: c for c in data_of(html, "geometry")[0]["curves"]}
    assert set(curves) == set(d.curves)
    for name, curve in curves.items():
        np.testing.assert_allclose(curve["values"], d.curves[name], atol=6e-6)
    for name, null in d.nulls.items():
        np.testing.assert_allclose(curves[name]["null"], [null.low, null.high], atol=6e-6)
    for name, bounds in d.intervals.items():
        np.testing.assert_allclose(curves[name]["interval"], [bounds.low, bounds.high], atol=6e-6)
    assert curves["accuracy"]["line"] == [d.chance, "chance"]


def test_cosines_come_out_as_from_the_vectors(rng):
    html, vectors, _, _ = made(rng)
    data = data_of(html, "geometry")[0]
    shown = numbers(data["cosines"], np.int16).reshape(4, 10) / data["scale"]
    for layer in range(4):
        wanted = cosine_matrix(vectors.values[layer])[np.triu_indices(5, 1)]
        np.testing.assert_allclose(shown[layer], wanted, atol=6e-5)
    assert sorted(data["order"]) == [0, 1, 2, 3, 4]


def test_the_share_read_as_written_on_the_page_is_the_accuracy(rng):
    html, _, d, _ = made(rng)
    data = data_of(html, "passages")
    read = numbers(data["read"], np.uint8).reshape(4, 30)
    share = (read == np.array(data["written"])).mean(axis=1)
    np.testing.assert_allclose(share, d.curves["accuracy"])
    assert data["start"] == start_layer(d) == d.choices["accuracy"].layer


def test_every_passage_stands_on_the_page_escaped_with_what_it_is_read_as(rng):
    html, _, d, activations = made(rng)
    assert "<script>alert" not in html and "<img" not in html
    rows = re.findall(
        r'<td data-head="written as">(\w+)</td><td data-head="read as">(\w+)</td>', html
    )
    read = read_as(activations)[start_layer(d)]
    assert rows == [(e, tuple(POLES)[r]) for e, r in zip(activations.emotions, read, strict=True)]
    assert html.count("&lt;/script&gt;&lt;script&gt;alert(1)") >= 30


def test_the_tables_hold_the_values_of_every_layer_without_javascript(rng):
    html, _, d, _ = made(rng)
    plain = re.sub(r"<script.*?</script>", "", html, flags=re.S)
    for layer in range(d.n_layers):
        assert f'<th scope="row">{layer}</th>' in plain
        for name in ("accuracy", "reliability", "anisotropy"):
            assert f'<td class="number">{d.curves[name][layer] + 0.0:.3f}</td>' in plain


def test_a_layer_that_is_not_finite_is_not_on_the_slider(rng):
    html, _, d, _ = made(rng, layers=(1,))
    data = data_of(html, "geometry")[0]
    assert data["layers"] == [0, 2, 3] == list(d.finite_layers)
    assert data["curves"][0]["values"][1] is None
    assert data_of(html, "passages")["layers"] == [0, 2, 3]


def test_the_default_size_of_a_run_is_far_below_two_megabytes(rng):
    emotions = tuple(f"emotion{i}" for i in range(21))
    text = "She had read his letter twice and put it down, and the rain went on. " * 4
    html, *_ = made(rng, emotions, tuple(f"situation {i}" for i in range(24)), 3, text)
    per_layer = len(json.dumps(data_of(html, "geometry"))) + len(data_of(html, "passages")["read"])
    assert len(html) + 10 * per_layer < 1_000_000


def test_of_too_many_pairs_some_layers_are_shown_and_the_page_says_so(rng, monkeypatch):
    monkeypatch.setattr("emo.report.pages.geometry.MOST_COSINES", 25)
    html, _, d, _ = made(rng, n_layers=6)
    data = data_of(html, "geometry")[0]
    wanted = {0, 3} | {start_layer(d)} | {c["layer"] for c in data["choices"]}
    assert set(data["layers"]) == wanted
    assert "layers are left out of the slider" in html
    assert len(data["curves"][0]["values"]) == 6
    assert MOST_COSINES > 25


def test_of_too_many_passages_the_first_are_listed_and_the_page_says_so(rng, monkeypatch):
    monkeypatch.setattr("emo.report.pages.passages.fitting", lambda lengths: 7)
    html, *_ = made(rng)
    assert "The first 7 of 30 passages are listed" in html
    data = data_of(html, "passages")
    assert len(data["written"]) == 7
    assert len(base64.b64decode(data["read"])) == 4 * 7


@pytest.mark.parametrize(("lengths", "wanted"), [((10, 10, 10), 3), ((10, 30, 10), 1), ((60,), 0)])
def test_as_many_texts_fit_as_their_letters_do(lengths, wanted):
    assert fitting(lengths, letters=39) == wanted
    assert fitting([1] * (MOST_TEXTS + 5)) == MOST_TEXTS


def test_passages_labelled_by_situation_are_called_so(rng):
    html, *_ = made(rng, text="plain", label=Label.situation)
    assert "How alike the situation vectors are" in html
    assert '<th scope="col">emotion</th>' in html
    assert "read as the situation whose mean activation" in html
    assert data_of(html, "geometry")[0]["kind"] == "situation"


def test_the_answer_tells_layer_accuracy_chance_and_what_the_published_criterion_chooses(rng):
    *_, d, _ = made(rng)
    answer = extract.answer(d, 30, 0.4, random=True)
    choice, published = d.choices["accuracy"], d.choices["mean_cosine"]
    assert answer.startswith(extract.RANDOM)
    assert f"{100 * choice.value:.1f} % of the 30 passages" in answer
    assert "(chance 20.0 %, bag of words 40.0 %)" in answer
    assert (
        f"layer, {choice.layer} of 0 to 3 (95 % interval {choice.low} to {choice.high})" in answer
    )
    assert f"The published criterion chooses layer {published.layer} " in answer
    nested = d.nested["accuracy"]
    assert (
        f"has {100 * nested.accuracy:.1f} % on the other half and {100 * nested.accuracy_same:.1f} % "
        "on its own"
    ) in answer
    without = replace(d, nested={})
    assert "other half" not in extract.answer(without, 30, 0.4)
    assert f"agree there at {d.curves['reliability'][choice.layer]:.2f}" in answer


def test_the_answer_cautions_where_no_situations_are_declared(rng):
    *_, d, _ = made(rng)
    assert "no situations are declared" in extract.answer(replace(d, split_unit="passage"), 30)
    few = replace(
        d, choices=d.choices | {"accuracy": None}, curves={"anisotropy": d.curves["anisotropy"]}
    )
    assert extract.answer(few, 5).startswith("Too few situations per emotion to leave one out")
