"""The readings of this project against whole passes; the environment and the table of the peers."""

import numpy as np
import torch

from benchmarks import peers
from benchmarks.peers import Reader, cosine, environment, ours, section
from emo.config.enums import PrecisionName
from emo.models.loading import LoadedModel
from emo.models.tiny import build
from emo.models.weights import Weights

TEXTS = ["a long story of the sea", "a story", "the end", "a story"]


def test_rows_stand_in_the_order_of_the_texts():
    model, tokenizer = build("llama", 3, 32, 0)
    loaded = LoadedModel(model, tokenizer, Weights(None, "tiny", ""), "cpu", PrecisionName.fp32)
    got = ours(loaded, TEXTS, 2)
    assert got.shape == (3, 4, 32)
    for i, text in enumerate(TEXTS):
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        states = model(ids, output_hidden_states=True).hidden_states
        assert np.allclose(got[1, i], states[2][0, -1].detach().numpy(), atol=1e-5)


def test_the_table_gives_ratios_to_the_first_way_and_meets_aims():
    values = np.random.default_rng(0).normal(size=(3, 4, 8))
    first = Reader("emotion-geometry", lambda _: values, "eager", [2.0, 1.0, 3.0], values)
    turned = values.copy()
    turned[2] = 0  # the last block is left out
    peer = Reader("jaxtyping", lambda _: turned, "sdpa", [5.0], turned)
    assert cosine(values, turned) > 1 - 1e-12
    assert cosine(values, -values) < -1 + 1e-12
    with_aim = peers.AIMS | {"jaxtyping": 2.4}
    peers.AIMS, old = with_aim, peers.AIMS
    try:
        text = section([first, peer], 4, "tiny", "Machine: none.")
    finally:
        peers.AIMS = old
    assert "| sdpa | 5.00 | 2.50 | at least 2.4: yes | 1.0000000 |" in text


def test_a_finished_environment_is_kept(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(peers.subprocess, "run", lambda command, **_: asked.append(command))
    python = environment(tmp_path)
    assert environment(tmp_path) == python
    (command,) = asked  # installed once, with its own pip's target, and nothing that it depends on
    assert command[command.index("--python") + 1] == str(python)
    assert "--no-deps" in command
    shared = next(tmp_path.glob("*/lib/*/site-packages/shared.pth")).read_text()
    assert str(peers.ROOT) in shared
