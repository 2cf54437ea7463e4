import pytest
import torch

from emo.errors import ConfigError
from emo.models.tiny import ARCHITECTURES, build, train_tokenizer


def test_at_least_eight_families():
    assert len(ARCHITECTURES) >= 8


def test_the_same_arguments_give_the_same_weights_and_leave_the_global_stream_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    a, b = build("llama", 2, 64, 3)[0], build("llama", 2, 64, 3)[0]
    other = build("llama", 2, 64, 4)[0]
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))
    assert not torch.equal(next(a.parameters()), next(other.parameters()))


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_norms_are_not_the_identity(architecture):
    model = build(architecture, 2, 64, 0)[0]
    norms = [p for n, p in model.named_parameters() if "norm" in n or "ln_" in n]
    assert norms
    assert all(p.std() > 0.05 for p in norms)


def test_tokenizer_is_the_same_every_time_and_adds_one_bos():
    a, b = train_tokenizer(), train_tokenizer()
    text = "The bus stops here, says Ines."
    assert a(text)["input_ids"] == b(text)["input_ids"]
    assert a(text)["input_ids"].count(a.bos_token_id) == 1
    assert a.decode(a(text)["input_ids"], skip_special_tokens=True) == text


def test_unknown_family_names_the_known_ones():
    with pytest.raises(ConfigError, match=r"model\.tiny\.architecture=mamba: allowed is llama"):
        build("mamba", 2, 64, 0)
