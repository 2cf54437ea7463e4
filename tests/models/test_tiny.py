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


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("architecture", "mamba", "llama, "),
        *(("hidden", odd, "a multiple of 8") for odd in (17, 18, 20, 129)),
        ("hidden", 10**6, "at most 2e+08 parameters"),
        ("hidden", 4096, "with model.tiny.n_layers=4 it would have about"),
        ("n_layers", 10**8, "at most 512"),
        ("seed", 2**64, "below 2^64"),
        ("seed", 10**30, "below 2^64"),
    ],
)
def test_what_cannot_be_built_is_refused_before_anything_is(field, value, words):
    from emo.config.enums import Source
    from emo.config.schema import ModelConfig, TinyConfig
    from emo.models.weights import locate

    shape = TinyConfig(**{field: value})
    with pytest.raises(ConfigError) as caught:
        locate(ModelConfig(name="tiny", id="tiny", source=Source.tiny, tiny=shape))
    assert str(caught.value).startswith(f"model.tiny.{field}={value}: allowed is ")
    assert words in str(caught.value)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
@pytest.mark.parametrize("hidden", [16, 24, 40])
def test_every_width_that_is_allowed_can_be_built(architecture, hidden):
    assert build(architecture, 1, hidden, 2**64 - 1)[0].config.hidden_size == hidden
