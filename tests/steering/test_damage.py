"""Damage: the divergence is the one computed by hand, and what is read are plain texts."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, rel_entr

from emo.activations.hf import decoder_layers
from emo.config.enums import SteerNorm, SteerPositions
from emo.core.choices import Direction
from emo.core.steering.damage import Damage, damage_cells
from emo.generation.generating import Generation
from emo.steering.damage import damages, divergences, plain_texts
from emo.steering.doses import Dose, Site
from emo.steering.judging import naming
from emo.steering.steerable import HFSteerable
from emo.steering.sweep import Setup
from emo.stimuli.audit import load_lexicon
from emo.stimuli.plain_prompts import plain_prompts
from emo.stimuli.scenarios import Scenario
from tests.steering.test_backends import HIDDEN, N_LAYERS, loaded

IDS = tuple(range(20, 33))
LAST = N_LAYERS - 1


def setup(positions=SteerPositions.all):
    return Setup(Generation(4, None, 0, 4, False), positions, SteerNorm.mean)


def vector(seed=0, scale=3.0):
    values = scale * np.random.default_rng(seed).standard_normal(HIDDEN)
    return values.astype(np.float32)


def by_hand(model, added, where):
    """The last block's output plus the vector, through norm and head; summed over the vocabulary."""
    kept = []
    hook = decoder_layers(model)[LAST].register_forward_hook(lambda _m, _i, out: kept.append(out))
    with torch.no_grad():
        model(input_ids=torch.tensor([IDS]), use_cache=False)
        hook.remove()
        (out,) = kept
        stream = out[0] if isinstance(out, tuple) else out
        moved = stream + torch.from_numpy(added) * torch.tensor(where)[None, :, None]
        p, q = (
            log_softmax(model.lm_head(model.model.norm(s))[0].double().numpy(), axis=-1)
            for s in (stream, moved)
        )
    start = len(IDS) // 2
    terms = rel_entr(np.exp(p), np.exp(q)).sum(axis=-1)
    return terms[start - 1 : len(IDS) - 1].mean()


@pytest.mark.parametrize("positions", SteerPositions)
def test_the_divergence_is_that_of_the_definition(positions):
    model = HFSteerable(loaded())
    places = np.arange(len(IDS))
    where = places >= (len(IDS) // 2 if positions is SteerPositions.generated else 0)
    (found,) = divergences(model, IDS, [{LAST: vector()}], 4, setup(positions))
    assert found > 0.01
    assert found == pytest.approx(by_hand(model.loaded.model, vector(), where), rel=1e-4)


def test_an_addition_of_nothing_is_no_damage_and_a_longer_vector_is_more():
    model = HFSteerable(loaded())
    added = [{}, {0: 0 * vector()}, *({0: vector(scale=s)} for s in (0.1, 1.0, 4.0))]
    none, zero, *rising = divergences(model, IDS, added, 8, setup())
    assert none == zero == 0
    assert 0 < rising[0] < rising[1] < rising[2]


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_batches_change_nothing(batch_size):
    model = HFSteerable(loaded())
    added = [{1: vector(seed)} for seed in range(5)]
    whole = divergences(model, IDS, added, 16, setup())
    assert divergences(model, IDS, added, batch_size, setup()) == pytest.approx(whole, rel=1e-4)


def test_logits_that_are_not_finite_are_no_number():
    model = HFSteerable(loaded())
    assert np.isnan(divergences(model, IDS, [{0: np.full(HIDDEN, np.inf, np.float32)}], 4, setup()))


class Along:
    """Adds along one dimension per emotion, as long as the strength says."""

    def addition(self, dose):
        self.seen = [*getattr(self, "seen", []), dose]
        unit = np.eye(HIDDEN, dtype=np.float32)[["calm", "sad"].index(dose.emotion)]
        return {0: np.float32(9 * dose.strength) * unit}


def test_every_plain_text_is_read_under_every_strength_and_emotions_take_turns():
    model, additions = HFSteerable(loaded()), Along()
    here = Scenario("a", "", "calm", "x")
    doses = [
        Dose(here, emotion, direction, Site("0", (0,)), strength)
        for emotion in ("calm", "sad")
        for direction in (Direction.target, Direction.random)
        for strength in (0.1, 1.0)
    ]
    found = damages(model, doses, additions, 8, setup())
    n = len(plain_prompts())
    cells = damage_cells(found)
    assert [(c.direction, c.strength, c.n) for c in cells] == [
        (d, s, n) for d in ("target", "random") for s in (0.1, 1.0)
    ]
    assert [d.emotion for d in found if d.prompt < 2][::4] == ["calm", "sad"]
    assert {d.scenario.id for d in additions.seen} == set(plain_texts(model.loaded))
    assert cells[0].kl < cells[1].kl and cells[1].low < cells[1].kl < cells[1].high


def test_a_cell_with_a_text_that_is_not_finite_has_no_mean():
    texts = [Damage(i, "calm", "target", "0", 0.1, kl) for i, kl in enumerate([0.1] * 5 + [np.nan])]
    (cell,) = damage_cells(texts)
    assert np.isnan(cell.kl) and np.isnan(cell.high)


def test_the_interval_holds_the_mean_over_texts_in_19_of_20_studies():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        kls = rng.gamma(4.0, 0.25, 24)  # of mean 1
        (cell,) = damage_cells(
            [Damage(i, "calm", "target", "0", 0.1, float(kl)) for i, kl in enumerate(kls)]
        )
        held += cell.low <= 1 <= cell.high
    assert held / 200 >= 0.9


def test_plain_texts_are_of_our_own_number_and_name_no_emotion():
    texts = plain_prompts()
    assert len(set(texts)) == len(texts) >= 20
    patterns = naming(list(load_lexicon()))
    assert not [(t, e) for t in texts for e, pattern in patterns.items() if pattern.search(t)]
    assert all(20 <= len(t.split()) <= 35 for t in texts)
