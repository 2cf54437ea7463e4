"""Reading from a notebook, against the run's own activations and the job's refusals."""

import numpy as np
import pytest

from emo.api.reading import _token
from emo.core.token_readings import Mark
from emo.errors import ConfigError, EmoError
from emo.runs.files import read_vectors
from emo.stimuli.loading import load_stimuli


def test_the_last_token_of_a_passage_has_the_cosine_of_its_activation(read, project):
    """The run read the last token: what is read of its own passage is what it kept of it."""
    passages = load_stimuli(project / "small.csv").items
    got = read.read([p.text for p in passages[:3]], layers="all").to_frame()
    vectors = read.vectors
    means = np.stack(  # of emotions, whose mean is the centre
        [
            read.activations.values[:, [e == name for e in read.activations.emotions]].mean(axis=1)
            for name in vectors.emotions
        ]
    ).astype(np.float64)
    centre = means.mean(axis=0)
    for i, name in enumerate(("text 1", "text 2", "text 3")):
        assert read.activations.item_ids[i] == passages[i].id
        text = got[got["text"] == name]
        last = text[text["position"] == text["position"].max()]
        for layer in range(4):
            x = read.activations.values[layer, i].astype(np.float64) - centre[layer]
            for emotion in vectors.emotions:
                v = vectors[emotion, layer]
                want = x @ v / np.linalg.norm(x) / np.linalg.norm(v)
                here = last[(last["layer"] == layer) & (last["emotion"] == emotion)]
                assert here["value"].item() == pytest.approx(want, abs=1e-4)


def test_norms_are_read_beside_the_vectors_where_they_are_stored(read):
    stored = read.tracker.read(read.run_id, "vectors.safetensors", read_vectors)
    neutral = np.linalg.norm(read.activations.neutral.astype(np.float64), axis=-1).mean(axis=1)
    assert stored.frame is not None
    assert np.allclose(read.vectors.norms(), neutral)


def test_a_heat_map_escapes_the_text_and_a_page_is_written(read, tmp_path):
    shown = read.read("a </script><b>quay</b>", layers=2)
    html = shown._repr_html_()
    assert "</script>" not in html and html.count("<b>") == 1 and "&lt;" in html
    for mark in (Mark.none, Mark.special):
        token = _token("</script>", mark, 0.5, "<b>")
        assert "&lt;/script&gt;" in token and "<b>" not in token
    assert "at layer 2" in html
    page = shown.save(tmp_path / "quay.html").read_text(encoding="utf-8")
    assert page.startswith("<!") and "</script><b>" not in page
    with pytest.raises(ConfigError, match=r"path=.*: allowed is a file in a folder that exists"):
        shown.save(tmp_path / "no" / "quay.html")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((5,), "texts=5: allowed is a text, a chat, or a list of these"),
        (([],), "there is no text"),
        (("",), "the text is empty"),
        (("a", 9), "layers=9: allowed is all, best, a layer from 0 to 3"),
        (("a", "best", "cosin"), r"measure=cosin: allowed is .*\(did you mean cosine\?\)"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(read, arguments, words):
    with pytest.raises(EmoError, match=words) as refused:
        read.read(*arguments)
    assert "\n" not in str(refused.value)
