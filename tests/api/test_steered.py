"""Steering from a notebook: the texts of job=steer, and blocks that leave a model as it was."""

import numpy as np
import pytest
import torch

from emo.core.choices import Direction
from emo.errors import ConfigError, EmoError
from emo.models.tiny import build
from emo.runs import files
from tests.api.conftest import SCENARIOS

PROMPT = SCENARIOS[0]["text"]


def test_a_steered_text_is_the_one_of_the_job(read, steered):
    swept = steered.tracker.read(steered.run_id, "steering.json", files.read_steering)
    target = [t for t in swept.steered if t.direction == Direction.target.value]
    assert len(target) == 2
    for text in target:
        here = read.steer(PROMPT, text.emotion, text.strength, max_new_tokens=6)
        assert here.text == text.text
        assert here.unsteered == swept.unsteered["one"]
        assert text.site == f"best_{here.layer}"
    assert target[0].text != target[1].text  # a strength of 4 is seen


def generated(loaded, **options):
    inputs = loaded.tokenizer(PROMPT, return_tensors="pt")
    ids = loaded.model.generate(**inputs, max_new_tokens=6, do_sample=False, **options)
    return loaded.tokenizer.decode(ids[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def prompt_norm(loaded, layer):
    """Mean norm of the prompt's residual stream after a block, without position 0."""
    seen = []
    hook = loaded.model.model.layers[layer].register_forward_hook(lambda *a: seen.append(a[2]))
    with torch.no_grad():
        loaded.model(**loaded.tokenizer(PROMPT, return_tensors="pt"))
    hook.remove()
    stream = seen[0][0] if isinstance(seen[0], tuple) else seen[0]
    return float(stream[0, 1:].double().norm(dim=-1).mean())


def test_generate_within_a_block_writes_what_steer_writes(read):
    loaded = read.load_model()
    want = read.steer(PROMPT, "sad", 4, max_new_tokens=6)
    with read.steering(loaded.model, sad=4, norm=prompt_norm(loaded, want.layer)):
        assert generated(loaded) == want.text
    assert generated(loaded) == want.unsteered != want.text


def logits(loaded):
    with torch.no_grad():
        return loaded.model(**loaded.tokenizer(PROMPT, return_tensors="pt")).logits.numpy()


def test_strengths_of_several_emotions_add_up(read):
    loaded = read.load_model()
    a, b = (read.vectors[e, 1] / np.linalg.norm(read.vectors[e, 1]) for e in ("sad", "calm"))
    neutral = np.linalg.norm(read.activations.neutral[1].astype(np.float64), axis=-1).mean()
    added = torch.tensor(neutral * (0.5 * a - 0.2 * b), dtype=torch.float32)
    block = loaded.model.model.layers[1]
    hook = block.register_forward_hook(
        lambda _m, _a, out: (out[0] + added, *out[1:]) if isinstance(out, tuple) else out + added
    )
    want = logits(loaded)
    hook.remove()
    with read.steering(loaded.model, {"sad": 0.5}, calm=-0.2, layer=1):
        assert np.allclose(logits(loaded), want, atol=1e-5)


def test_a_block_that_ends_in_an_error_leaves_the_model_as_it_was(read):
    loaded = read.load_model()
    before = logits(loaded)
    with pytest.raises(RuntimeError), read.steering(loaded.model, sad=4, layer=1):
        assert not np.allclose(logits(loaded), before)
        raise RuntimeError
    assert np.array_equal(logits(loaded), before)


def test_a_run_that_wrote_its_texts_steers_at_the_layer_it_was_read_at(wrote):
    emotion = wrote.vectors.emotions[0]
    assert wrote.steer(PROMPT, emotion, 0.1, max_new_tokens=2).layer == wrote.best_layer


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((PROMPT, "clam", 0.1), r"emotion=clam: allowed is one of .*\(did you mean calm\?\)"),
        ((PROMPT, "calm", float("nan")), "strength=nan: allowed is a finite number"),
        ((PROMPT, "calm", "much"), "strength=much: allowed is a finite number"),
        ((5, "calm", 0.1), "prompt=5: allowed is a text"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_refused(read, arguments, words):
    with pytest.raises(ConfigError, match=words):
        read.steer(*arguments)
    with pytest.raises(ConfigError, match="layer=9: allowed is a whole number from 0 to 3"):
        read.steer(PROMPT, "calm", 0.1, layer=9)


def test_a_block_needs_a_model_of_the_runs_shape_and_a_strength(read):
    other, _ = build("gpt2", 2, 64, 0)
    for model, strengths, words in (
        (other, {"calm": 0.1}, "with 2 layers of width 64: allowed is a model with the run's 4"),
        ("gpt2", {"calm": 0.1}, "model=str: allowed is a loaded model of transformers"),
        (other, {}, "strengths=none: allowed is a strength for an emotion or more"),
        (other, {"clam": 0.1}, "did you mean calm"),
    ):
        with pytest.raises(ConfigError, match=words):
            read.steering(model, strengths)


@pytest.fixture
def z_scored(make):
    return make("vectors.projection=z_score")


def test_z_scored_vectors_are_no_directions(z_scored):
    with pytest.raises(EmoError, match="its vectors are z-scored"):
        z_scored.steer(PROMPT, "calm", 0.1)


def test_texts_are_shown_escaped_with_their_line_breaks(read):
    from dataclasses import replace

    shown = read.steer(PROMPT, "calm", 0, max_new_tokens=2)
    html = replace(shown, text="a <b>\nline</b> </script>")._repr_html_()
    assert "&lt;b&gt;\nline" in html and "</script>" not in html and "pre-wrap" in html
