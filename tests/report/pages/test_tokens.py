"""The page of texts that were read: its numbers are those of the readings, its texts are escaped."""

import base64
import re
from dataclasses import replace

import numpy as np
import pytest

from emo.core.choices import TokenMeasure
from emo.core.token_readings import Mark, TokenReading, TokenReadings, summarised
from emo.report.pages import tokens
from emo.report.pages.page import render
from tests.report.pages.test_page import EVIL, data_of

EMOTIONS = ("calm", "<b>angry</b>", "sad")


def readings(rng, words=((" one", EVIL, " two"), ("<s>", " three")), n_layers=4):
    texts = []
    for number, some in enumerate(words):
        values = rng.uniform(-0.5, 0.5, (n_layers, 3, len(some))).astype(np.float32)
        marks = [Mark.special if t == "<s>" else Mark.none for t in some]
        values[..., [m is Mark.special for m in marks]] = 0.9
        long = np.ones((n_layers, len(some)), np.float32)
        whole = None if number else values[:, :, -1]
        texts.append(
            TokenReading(
                f"text {number + 1}", "".join(some), some, tuple(marks), values, long, whole
            )
        )
    layers = tuple(range(0, 2 * n_layers, 2))
    return TokenReadings(tuple(texts), EMOTIONS, layers, 2, "asked", TokenMeasure.cosine)


def page_of(made):
    summary = summarised(made, "0123456789abcdef", "")
    return render(tokens.page(made, summary, EVIL, "answer", "text"))


def unpacked(data, made, places):
    """The values on the page, [layer] of lists of [emotion token]."""
    whole = np.frombuffer(base64.b64decode(data["values"]), "<i2").astype(float)
    whole[whole == data["nothing"]] = np.nan
    out, start = [], 0
    for size, _ in zip(data["sizes"], places, strict=True):
        row = []
        for text in made.texts:
            n = len(EMOTIONS) * len(text.tokens)
            values = whole[start : start + n] / data["largest"] * size
            row.append(values.reshape(len(EMOTIONS), -1))
            start += n
        out.append(row)
    assert start == len(whole)
    return out


def test_the_values_of_the_page_are_those_of_the_readings(rng):
    made = readings(rng)
    made.texts[0].values[1, 2, 0] = np.nan
    data = data_of(page_of(made), "tokens")
    assert data["layers"] == [0, 2, 4, 6] and data["start"] == 1
    for place, row in enumerate(unpacked(data, made, range(4))):
        for text, values in zip(made.texts, row, strict=True):
            assert np.allclose(values, text.values[place], atol=2e-5, equal_nan=True)
        assert data["scales"][place] == pytest.approx(made.largest(place))
        assert data["scales"][place] < 0.6 < data["sizes"][place]  # the marked token is no scale


def test_tokens_emotions_and_names_of_users_are_escaped(rng):
    page = page_of(readings(rng))
    assert "<script>alert" not in page and "<img" not in page and "<b>angry" not in page
    assert page.count("</script>") == page.count("<script")
    assert data_of(page, "tokens")["emotions"] == list(EMOTIONS)


def test_without_javascript_the_tokens_have_the_colours_of_the_first_emotion_and_a_table(rng):
    made = readings(rng)
    page = page_of(made)
    summary = summarised(made, "r", "")
    emotion = EMOTIONS.index(summary.texts[0].means[0][0])
    shares = [float(v) for v in re.findall(r'style="--v:([\d.]+)"', page)]
    values = np.concatenate([t.values[1, emotion][t.unmarked] for t in made.texts])
    assert np.allclose(shares, np.abs(values) / made.largest(1), atol=1e-3)
    assert page.count("marked") >= 1 and "special token" in page
    assert page.count("<tr>") == 5 + 2


def test_a_long_text_is_cut_with_a_sentence_and_the_page_stays_small(rng):
    made = readings(rng, ((" word",) * 1500, (" more",) * 1500), n_layers=30)
    many = tuple(f"emotion {i}" for i in range(21))
    texts = tuple(replace(t, values=np.repeat(t.values, 7, axis=1), whole=None) for t in made.texts)
    made = replace(made, emotions=many, texts=texts)
    page = page_of(made)
    assert "The first 2000 of 3000 tokens are shown" in page
    data = data_of(page, "tokens")
    assert [len(marks) for marks in data["marks"]] == [1500, 500]
    assert 2 in data["layers"] and data["layers"][data["start"]] == 2
    assert f"{len(data['layers'])} of 30 layers can be chosen" in page
    assert len(page.encode()) < 2 << 20
