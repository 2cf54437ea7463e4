"""What a model cannot do is seen on one short text and said in one line; what it can is read rightly."""

import numpy as np
import pytest
import torch
import transformers

from emo.activations import hf
from emo.activations.backend import TokenSpan, pad
from emo.activations.embedding import padding_id, table_rows
from emo.activations.hf import HFBackend, ResidualStream, decoder_layers
from emo.activations.opening import open_backend
from emo.activations.reading import check_texts, tokenise
from emo.activations.trial import finite_in_trial
from emo.config.enums import Attention, BackendName, Implementation, PrecisionName, Readout
from emo.config.schema import BackendConfig, Int8Config, PrecisionConfig
from emo.core.compare.readers import tolerance
from emo.errors import ModelError, NoMemory, StimuliError
from emo.generation.decoding import HFDecoder
from emo.generation.samples import Request
from emo.models import quantised
from emo.models.loading import LoadedModel
from emo.models.weights import Weights
from tests.activations import families
from tests.activations.tiny_models import apart, loaded

HF = BackendConfig(name=BackendName.hf)
TEXTS = ("The bus stops here.", "Rain", "A letter arrives on each day of the week but one.")


def one_line(error, words):
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("family", ["deepseek_v4", "hy_v4"])
def test_several_streams_of_which_none_is_the_residual_are_refused(family):
    with pytest.raises(ModelError) as caught:
        open_backend(families.build(family), HF)
    one_line(caught, f"model of type {family}: a decoder block gives (1, ")
    one_line(caught, ", 4, 64) where one residual stream [text, token, hidden] = (1, ")


@pytest.mark.parametrize("n_texts", [1, 4, 5])
def test_of_several_streams_the_active_one_is_read_whatever_the_size_of_the_batch(n_texts):
    """Four streams and at most four texts: there a wrong index is in range and nobody notices."""
    model = families.build("gemma3n_text")
    model.model.config.altup_active_idx = 2
    spans = tokenise(model.tokenizer, [f"{TEXTS[2]} {i}" for i in range(n_texts)], Readout.last)
    seen = []
    handles = [
        block.register_forward_hook(lambda _m, _a, out: seen.append(out))
        for block in decoder_layers(model.model)
    ]
    got = open_backend(model, HF).resid_post(pad(spans, 2))
    want = [out[2, range(n_texts), [len(s.ids) - 1 for s in spans]] for out in seen[-4:]]
    for handle in handles:
        handle.remove()
    assert got.shape == (4, n_texts, 64)
    assert np.array_equal(got, torch.stack(want).numpy())  # the same numbers, taken out twice


def test_blocks_that_return_lists_are_read():
    """GPT-1's; oracle: the states it returns itself, which have no norm behind them."""
    model = families.build("openai-gpt")
    spans = tokenise(model.tokenizer, TEXTS, Readout.last)
    got = open_backend(model, HF).resid_post(pad(spans, 2))
    for item, span in enumerate(spans):
        with torch.no_grad():
            out = model.model(torch.tensor([span.ids]), output_hidden_states=True)
        want = np.stack([h[0, -1].numpy() for h in out.hidden_states[1:]])
        assert apart(got[:, item], want) <= tolerance("fp32")


@pytest.mark.parametrize("kind", [tuple, list])
def test_an_edit_is_put_where_the_stream_was_taken_from(kind):
    stream = ResidualStream("llama", 3, None)
    a, b = torch.ones(2, 5, 3), torch.zeros(2, 5, 3)
    assert stream.put(a, b) is b
    got = stream.put(kind([a, "more"]), b)
    assert type(got) is kind
    assert got[0] is b and got[1] == "more"
    several = ResidualStream("gemma3n_text", 3, 1)
    whole = torch.arange(4 * 2 * 5 * 3.0).reshape(4, 2, 5, 3)
    got = several.put(whole, b)
    assert torch.equal(several.take(got), b)
    assert torch.equal(got[[0, 2, 3]], whole[[0, 2, 3]])
    assert torch.equal(several.take(whole), whole[1]) and whole[1].sum() > 0  # left as it was


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (torch.zeros(2, 5), r"gives \(2, 5\)"),
        (torch.zeros(5, 2, 3), r"gives \(5, 2, 3\)"),
        (torch.zeros(2, 5, 4), r"gives \(2, 5, 4\)"),
        ((torch.zeros(4, 2, 5, 3),), r"gives \(4, 2, 5, 3\)"),
        ({"hidden": torch.zeros(2, 5, 3)}, "gives dict"),
    ],
    ids=str,
)
def test_other_outputs_are_named(output, words):
    with pytest.raises(ModelError, match=words):
        ResidualStream("new", 3, None).take(output, (2, 5))


def test_blocks_in_lists_of_their_parts_are_not_taken_for_blocks():
    """XLM has a list of attentions and none of blocks: the shapes fit, the numbers are others."""
    with pytest.raises(ModelError) as caught:
        open_backend(families.build("xlm"), HF)
    one_line(caught, "model of type xlm: its decoder blocks were not found")


def test_any_other_list_of_modules_is_found_out(monkeypatch):
    parts = torch.nn.ModuleList
    monkeypatch.setattr(
        hf, "decoder_layers", lambda model: parts([b.mlp for b in decoder_layers(model)])
    )
    with pytest.raises(ModelError, match="decoder blocks were not found"):
        open_backend(loaded("llama"), HF)


def test_a_model_that_does_not_state_its_hidden_states_is_taken(monkeypatch):
    def refuses(*_):
        raise TypeError("unexpected keyword argument 'output_hidden_states'")

    monkeypatch.setattr(HFBackend, "stated", refuses)
    open_backend(loaded("llama"), HF)


# Overflow


def test_layers_that_overflow_are_known_before_anything_is_read():
    model = loaded("llama", n_layers=3)
    assert finite_in_trial(open_backend(model, HF), model, "hf") == (0, 1, 2)
    other = loaded("llama", n_layers=3)
    with torch.no_grad():
        decoder_layers(other.model)[1].mlp.down_proj.weight[0] = torch.inf
    assert finite_in_trial(open_backend(other, HF), other, "hf") == (0,)
    nothing = loaded("llama")
    with torch.no_grad():
        nothing.model.get_input_embeddings().weight.fill_(torch.nan)
    assert finite_in_trial(open_backend(nothing, HF), nothing, "hf") == ()


def test_a_model_is_tried_once_by_each_reader():
    model, passes = loaded("llama"), []
    model.model.base_model.register_forward_pre_hook(lambda *_: passes.append(1))
    for _ in range(3):
        open_backend(model, HF)
    assert len(passes) == 2  # one with hooks, one that states its hidden states


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA error: out of memory")])
def test_no_memory_for_a_short_text_is_one_line(error):
    model = loaded("llama")

    def full(*_):
        raise error

    handle = model.model.base_model.register_forward_pre_hook(full)
    with pytest.raises(NoMemory) as caught:
        open_backend(model, HF)
    one_line(caught, "no memory on cpu for one short text")
    handle.remove()
    open_backend(model, HF)


# Quantised


def quantised_mamba(name, tmp_path):
    built = families.build("mamba").model
    built.save_pretrained(tmp_path)
    precision = PrecisionConfig(PrecisionName(name), Int8Config())
    model = type(built).from_pretrained(
        tmp_path,
        dtype=torch.float16,
        device_map={"": "cpu"},
        quantization_config=quantised.quantisation(precision, torch.float16),
    )
    quantised.finish(model, "mamba")
    tokenizer = families.build("mamba").tokenizer
    return LoadedModel(model.eval(), tokenizer, Weights(None, "t", ""), "cpu", precision.name)


@pytest.mark.parametrize("name", ["int8", "nf4"])
def test_a_family_that_looks_into_its_layers_breaks_when_quantised_and_says_so(name, tmp_path):
    pytest.importorskip("bitsandbytes")
    with pytest.raises(ModelError) as caught:
        open_backend(quantised_mamba(name, tmp_path), HF)
    one_line(caught, f"model of type mamba: cannot be read in {name} (RuntimeError: ")
    one_line(caught, "; take precision=fp32, bf16 or fp16")


# Token ids beyond the table of embeddings


def with_more_tokens(architecture="llama", pad_token="<|filler|>"):
    """A tokenizer with tokens that were added without resizing the model; one of them fills up."""
    model = loaded(architecture)
    tokenizer = families.train_tokenizer()
    tokenizer.add_special_tokens({"pad_token": pad_token})
    tokenizer.add_tokens(["<|aside|>"], special_tokens=True)
    assert tokenizer.pad_token_id >= table_rows(model.model)
    return LoadedModel(model.model, tokenizer, model.weights, "cpu", model.precision)


@pytest.mark.parametrize("reader", ["hf", "bridge", "hooked"])
@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_padding_without_an_embedding_is_filled_up_with_another_id(reader, architecture):
    config = {
        "hf": HF,
        "bridge": BackendConfig(BackendName.tl, Implementation.bridge, Attention.eager),
        "hooked": BackendConfig(BackendName.tl, Implementation.hooked, Attention.eager),
    }[reader]
    if reader != "hf":
        pytest.importorskip("transformer_lens")
    model = with_more_tokens(architecture)
    backend, usual = open_backend(model, config), open_backend(loaded(architecture), config)
    assert backend.pad_id == 0
    spans = tokenise(model.tokenizer, TEXTS, Readout.last)
    got = backend.resid_post(pad(spans, backend.pad_id))
    assert apart(got, usual.resid_post(pad(spans, usual.pad_id))) <= tolerance("fp32")


def test_a_text_is_written_whatever_fills_up_its_batch():
    model, requests = with_more_tokens(), [Request((0, 5, 9)), Request((0, 7, 8, 9, 10, 11))]
    assert padding_id(model) == 0
    assert HFDecoder(model).decode(requests, 6, None) == HFDecoder(loaded("llama")).decode(
        requests, 6, None
    )


def test_padding_that_the_table_has_stays_as_it_was():
    model = loaded("llama")
    assert padding_id(model) == model.tokenizer.pad_token_id == 2
    model.tokenizer.pad_token = None
    assert padding_id(model) == 0


def test_passages_with_tokens_without_an_embedding_are_all_named():
    model = with_more_tokens()
    texts = ["Rain.", "He said <|aside|> no.", "", "<|aside|>"]
    spans = tokenise(model.tokenizer, texts, Readout.last)
    with pytest.raises(StimuliError) as caught:
        check_texts(spans, ["a", "b", "c", "d"], 6, table_rows(model.model))
    rows = table_rows(model.model)
    (problem,) = [p for p in caught.value.problems if "embeddings" in p]
    assert problem == (
        f"its tokenizer gives ids up to {rows + 1} and its embeddings are those of ids below {rows}: "
        "passages 'b', 'd'"
    )
    assert any("'b' has" in p and "reads at most 6" in p for p in caught.value.problems)


def test_a_model_without_a_table_of_embeddings_is_one_line(monkeypatch):
    model = loaded("llama")
    monkeypatch.setattr(
        transformers.LlamaForCausalLM,
        "get_input_embeddings",
        lambda _: (_ for _ in ()).throw(NotImplementedError),
    )
    with pytest.raises(ModelError, match="type llama: it has no table of input embeddings"):
        open_backend(model, HF)


def test_a_config_that_asks_for_tuples_is_read_and_written():
    model, requests = loaded("llama"), [Request((0, 5, 9)), Request((0, 7))]
    want = HFDecoder(loaded("llama")).decode(requests, 6, None)
    model.model.config.return_dict = False
    spans = [TokenSpan(r.prompt, 1, 2) for r in requests]
    backend = open_backend(model, HF)
    usual = open_backend(loaded("llama"), HF)
    assert apart(backend.resid_post(pad(spans, 0)), usual.resid_post(pad(spans, 0))) <= 1.5e-5
    model.model.config.return_dict = False
    assert HFDecoder(model).decode(requests, 6, None) == want
