"""Logits behind prompts are those of each prompt alone; the lens is the model's own norm and head."""

import numpy as np
import pytest
import torch

from emo.config.enums import BackendName
from emo.config.schema import BackendConfig
from emo.steering.next_token import lens_logits, next_logits
from emo.steering.steerable import open_steerable
from tests.steering.test_backends import HIDDEN, N_LAYERS, loaded

HF = BackendConfig(name=BackendName.hf)
KEPT = (3, 40, 300)


def prompts():
    rng = np.random.default_rng(0)
    return [tuple(rng.integers(5, 400, size=n).tolist()) for n in (9, 3, 17, 3, 12, 5)]


def alone(of, ids):
    with torch.inference_mode():
        return of.model(input_ids=torch.tensor([ids])).logits[0, -1].numpy()


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt2"])
@pytest.mark.parametrize("batch", [1, 4])
def test_a_batch_has_the_logits_of_each_prompt_alone(family, batch):
    of = loaded(family)
    found = next_logits(open_steerable(of, HF), prompts(), KEPT, batch)
    expected = np.array([alone(of, ids)[list(KEPT)] for ids in prompts()])
    assert np.allclose(found, expected, atol=1e-4)


def test_a_batch_padded_on_the_left_without_its_mask_would_differ():
    """The trap that turned published effects into nulls: the same batch, read where prompts were."""
    of = loaded("llama")
    width = max(map(len, prompts()))
    padded = torch.tensor([[0] * (width - len(ids)) + list(ids) for ids in prompts()])
    with torch.inference_mode():
        wrong = of.model(input_ids=padded).logits[:, -1].numpy()
    right = next_logits(open_steerable(of, HF), prompts(), range(wrong.shape[1]), 8)
    short = 1
    assert np.abs(wrong[short] - right[short]).max() > 1e-2


def test_without_a_choice_of_tokens_they_are_log_probabilities():
    found = next_logits(open_steerable(loaded(), HF), prompts(), None, 4)
    assert np.allclose(np.exp(found.astype(np.float64)).sum(axis=1), 1, atol=1e-4)


def test_every_prompt_has_its_own_addition():
    of = loaded()
    model = open_steerable(of, HF)
    rng = np.random.default_rng(1)
    added = [{1: rng.normal(size=HIDDEN).astype(np.float32) * k} for k in range(len(prompts()))]
    found = next_logits(model, prompts(), KEPT, 4, added)
    plain = next_logits(model, prompts(), KEPT, 4)
    assert np.allclose(found[0], plain[0], atol=1e-4)  # its addition is zero
    for k, ids in enumerate(prompts()):
        one = next_logits(model, [ids], KEPT, 1, [added[k]])
        assert np.allclose(found[k], one[0], atol=1e-4)
    assert (np.abs(found - plain).max(axis=1)[1:] > 1e-3).all()


def test_an_addition_reaches_only_the_tokens_of_its_place():
    of = loaded()
    model = open_steerable(of, HF)
    rng = np.random.default_rng(3)
    added = [{1: 3 * rng.normal(size=HIDDEN).astype(np.float32)} for _ in prompts()]
    places = [(1, len(ids) - 1) for ids in prompts()]
    found = next_logits(model, prompts(), KEPT, 4, added, places)
    for k, ids in enumerate(prompts()):

        def add(_module, _inputs, out, k=k, ids=ids):
            stream = out if isinstance(out, torch.Tensor) else out[0]
            stream[:, 1 : len(ids) - 1] += torch.from_numpy(added[k][1])

        hook = of.model.base_model.layers[1].register_forward_hook(add)
        expected = alone(of, ids)[list(KEPT)]
        hook.remove()
        assert np.allclose(found[k], expected, atol=1e-4)
    assert np.abs(found - next_logits(model, prompts(), KEPT, 4, added)).max() > 1e-2


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_the_lens_is_the_final_norm_and_the_head(family):
    of = loaded(family)
    directions = np.random.default_rng(2).normal(size=(150, HIDDEN)).astype(np.float32)
    body = of.model.base_model
    norm = getattr(body, "norm", None) or body.ln_f
    with torch.inference_mode():
        expected = of.model.lm_head(norm(torch.from_numpy(directions))).numpy()
    found = lens_logits(open_steerable(of, HF), directions)
    assert np.allclose(found, expected, atol=1e-4)


def test_a_planted_direction_promotes_its_token():
    of = loaded("llama")
    row = of.model.lm_head.weight[123].detach() / of.model.base_model.norm.weight.detach()
    logits = lens_logits(open_steerable(of, HF), row.numpy()[None])
    assert logits[0].argmax() == 123


def test_no_hook_stays_behind():
    of = loaded()
    before = alone(of, prompts()[0])
    model = open_steerable(of, HF)
    lens_logits(model, np.ones((2, HIDDEN), np.float32))
    next_logits(model, prompts(), KEPT, 4, [{N_LAYERS - 1: np.ones(HIDDEN, np.float32)}] * 6)
    assert np.array_equal(alone(of, prompts()[0]), before)
