"""Contract: what every backend does, on every family. Oracle: a block's output, one text at a time.

Between backends, vectors may differ by the fp32 tolerance of emo.core.compare.readers (1.5e-5 of their
norm); 1.2e-6 is the most that was seen here.
"""

import numpy as np
import pytest
import torch

from emo.activations.backend import OutOfMemory, TokenSpan, pad, pad_texts
from emo.activations.hf import decoder_layers, translated_oom
from emo.activations.opening import BACKENDS, BackendRow, open_backend
from emo.activations.reading import check_texts, tokenise
from emo.config.enums import BackendName, Implementation, PrecisionName, Readout
from emo.config.schema import BackendConfig
from emo.core.compare.readers import tolerance
from emo.errors import ModelError, StimuliError
from emo.models.loading import LoadedModel
from emo.models.tiny import build
from emo.models.weights import Weights
from tests.activations.backends import CONFIGS, ROWS, OneByOne
from tests.device import DEVICE

TEXTS = (
    "The bus stops here.",
    "A week has seven days, and a letter arrives on each of them but one.",
    "Rain",
    "Someone opened the door of the shop, looked at the clock and went away again.",
)
N_LAYERS = 3


def loaded(architecture, dtype=torch.float32, device=DEVICE):
    model, tokenizer = build(architecture, N_LAYERS, 64, 0)
    model = model.to(device, dtype)
    return LoadedModel(model, tokenizer, Weights(None, "t", ""), device, PrecisionName.fp32)


CASES = [(name, architecture) for name, row in ROWS.items() for architecture in row.families]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def case(request):
    """An untouched model for the oracle, the backend on another of the same weights, the texts."""
    name, architecture = request.param
    model = loaded(architecture, device="cpu")
    spans = tokenise(model.tokenizer, TEXTS, Readout.last)
    return model, ROWS[name].open(loaded(architecture)), spans


def test_the_table_has_every_backend_that_a_config_can_name():
    names = {b.value for b in BackendName if b not in (BackendName.auto, BackendName.tl)}
    assert set(BACKENDS) == set(CONFIGS) == names | {i.value for i in Implementation}
    assert set(BACKENDS) <= set(ROWS)
    assert {config.label for config in CONFIGS.values()} == set(CONFIGS)


def test_a_new_row_is_what_a_config_of_its_label_opens(monkeypatch):
    monkeypatch.setitem(BACKENDS, "hf", BackendRow(OneByOne, needs_head=False))
    assert isinstance(open_backend(loaded("llama"), CONFIGS["hf"]), OneByOne)


def test_a_backend_without_a_row_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="backend=auto: allowed is hf, bridge, hooked"):
        open_backend(loaded("llama"), BackendConfig(name=BackendName.auto))
    monkeypatch.delitem(BACKENDS, "hooked")
    with pytest.raises(ValueError, match="backend=hooked: allowed is hf, bridge"):
        open_backend(loaded("llama"), CONFIGS["hooked"])


def test_enough_families_are_read_by_both_backends():
    assert len({a for r, a in CASES if r == "bridge"}) >= 8
    assert len({a for r, a in CASES if r == "hooked"}) >= 8


def apart(a, b):
    """Largest ||a - b|| / ||b|| over the leading axes."""
    a, b = a.astype(float), b.astype(float)
    return (np.linalg.norm(a - b, axis=-1) / np.linalg.norm(b, axis=-1)).max()


def cosine(a, b):
    a, b = a.astype(float), b.astype(float)
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


def single(backend, spans):
    return np.concatenate([backend.resid_post(pad([s], backend.pad_id)) for s in spans], axis=1)


def test_shapes(case):
    _, backend, spans = case
    got = backend.resid_post(pad(spans, backend.pad_id))
    assert got.shape == (N_LAYERS, len(TEXTS), 64)
    assert got.dtype == np.float32
    assert (backend.n_layers, backend.hidden) == (N_LAYERS, 64)


def test_batch_size_padding_side_and_order_do_not_matter(case):
    _, backend, spans = case
    one = single(backend, spans)
    right_padded = backend.resid_post(pad(spans, backend.pad_id))
    left_padded = backend.resid_post(pad(spans, backend.pad_id, side="left"))
    order = [2, 0, 3, 1]
    shuffled = backend.resid_post(pad([spans[i] for i in order], backend.pad_id))
    assert cosine(one, right_padded).min() >= 0.999999
    assert cosine(one, left_padded).min() >= 0.999999
    assert cosine(one[:, order], shuffled).min() >= 0.999999


def test_several_readings_of_a_text_in_one_pass(case):
    """What begins a text is read in its pass, and is what it is alone: later tokens change nothing."""
    _, backend, spans = case
    long, other = spans[3], spans[1]
    n = len(long.ids) // 2
    begun = [long, TokenSpan(long.ids[:n], n - 1, n), TokenSpan(long.ids[:n], 0, n)]
    for side in ("right", "left"):
        got = backend.resid_post(pad_texts([begun, [other]], backend.pad_id, side))
        assert apart(got, single(backend, [*begun, other])) <= tolerance("fp32")


def test_last_token_of_every_block(case):
    """A full forward with hooks of the test's own, one text at a time, no padding."""
    model, backend, spans = case
    got = backend.resid_post(pad(spans, backend.pad_id))
    for item, span in enumerate(spans):
        seen = []
        handles = [
            m.register_forward_hook(lambda _m, _a, out, seen=seen: seen.append(out))
            for m in decoder_layers(model.model)
        ]
        with torch.no_grad():
            model.model(torch.tensor([span.ids]))
        for handle in handles:
            handle.remove()
        want = [(out[0] if isinstance(out, tuple) else out)[0, -1].numpy() for out in seen]
        assert apart(got[:, item], np.stack(want)) <= tolerance("fp32")


def test_hidden_states_agree_but_for_the_last_block(case):
    """hidden_states[l + 1] is resid_post[l], except the last: there the final norm was applied."""
    model, backend, spans = case
    span = spans[1]
    got = backend.resid_post(pad([span], backend.pad_id))[:, 0]
    with torch.no_grad():
        out = model.model(torch.tensor([span.ids]), output_hidden_states=True)
    states = np.stack([h[0, -1].numpy() for h in out.hidden_states[1:]])
    assert apart(got[:-1], states[:-1]) <= tolerance("fp32")
    if model.model.config.model_type != "opt":  # its final norm is outside the decoder's list too
        assert not np.allclose(got[-1], states[-1], atol=1e-2)


def test_mean_is_the_mean_over_the_span(case):
    model, backend, _ = case
    spans = tokenise(model.tokenizer, TEXTS, Readout.mean)
    assert {s.start for s in spans} == {1}  # behind the BOS
    got = backend.resid_post(pad(spans, backend.pad_id))
    for item, s in enumerate(spans):
        each = [TokenSpan(s.ids, i, i + 1) for i in range(s.start, s.stop)]
        rows = backend.resid_post(pad(each, backend.pad_id))
        assert apart(got[:, item], rows.mean(axis=1)) <= tolerance("fp32")


def test_hooks_are_gone_afterwards_even_after_an_error(case, request):
    _, backend, spans = case
    module, blocks = ROWS[request.node.callspec.params["case"][0]].modules(backend)

    def hooks():  # transformers leaves some of its own
        return [len(m._forward_hooks) for m in module.modules()]

    backend.resid_post(pad(spans, backend.pad_id))
    before = hooks()
    backend.resid_post(pad(spans, backend.pad_id))
    assert hooks() == before

    def broken(*_args, **_more):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    breaking = blocks[-1].register_forward_pre_hook(broken)
    try:
        with pytest.raises(OutOfMemory):
            backend.resid_post(pad(spans, backend.pad_id))
    finally:
        breaking.remove()
    assert hooks() == before


@pytest.mark.parametrize("reader", ROWS)
@pytest.mark.parametrize(
    ("dtype", "name"), [(torch.bfloat16, "bf16"), (torch.float16, "fp16")], ids=["bf16", "fp16"]
)
def test_batches_in_16_bits_are_single_passes_within_their_rounding(reader, dtype, name):
    model = loaded("llama", dtype)
    backend = ROWS[reader].open(model)
    spans = tokenise(model.tokenizer, TEXTS, Readout.last)
    batch = backend.resid_post(pad(spans, backend.pad_id))
    assert apart(single(backend, spans), batch) <= tolerance(name)


def test_padding_never_rebuilds_masks_from_ids():
    """pad may equal eos or any id that stands in the text."""
    batch = pad([TokenSpan((7, 7, 7), 2, 3), TokenSpan((7,), 0, 1)], pad_id=7, side="left")
    assert batch.mask.tolist() == [[True] * 3, [False, False, True]]
    assert batch.spans.tolist() == [[2, 3], [2, 3]]
    assert pad([TokenSpan((7, 7), 0, 2), TokenSpan((7,), 0, 1)], 7).mask.tolist() == [
        [True, True],
        [True, False],
    ]


def test_suffix_stands_at_the_end(case):
    model, _, _ = case
    span = tokenise(model.tokenizer, ["Rain."], Readout.suffix, "The end is")[0]
    text = model.tokenizer.decode(span.ids, skip_special_tokens=True)
    assert text == "Rain. The end is"
    assert (span.start, span.stop) == (len(span.ids) - 1, len(span.ids))


def test_too_long_texts_are_all_named():
    spans = [TokenSpan((1,) * n, n - 1, n) for n in (3, 9, 8)]
    with pytest.raises(StimuliError) as caught:
        check_texts(spans, ["a", "b", "c"], 7, 99)
    assert caught.value.problems == [
        "passage 'b' has 9 tokens; the model reads at most 7",
        "passage 'c' has 8 tokens; the model reads at most 7",
    ]


def test_a_model_without_decoder_layers_is_refused():
    model = loaded("gpt2").model
    model.config.num_hidden_layers = 17
    with pytest.raises(ModelError, match="no list of 17 decoder layers"):
        decoder_layers(model)


def test_other_errors_are_not_taken_for_memory():
    with pytest.raises(RuntimeError, match="shape"), translated_oom():
        raise RuntimeError("shape mismatch")
    with pytest.raises(OutOfMemory), translated_oom():
        raise MemoryError


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB, max allowed: 9.07 GB)"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        torch.AcceleratorError("CUDA error: out of memory", 2),
        torch.OutOfMemoryError("HIP is full"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
    ],
    ids=str,
)
def test_every_devices_words_for_no_memory(error):
    with pytest.raises(OutOfMemory), translated_oom():
        raise error


@pytest.mark.parametrize("reader", CONFIGS)
def test_where_a_batch_is_read_is_copied_to_the_device_once_and_not_at_every_layer(
    reader, monkeypatch
):
    model = loaded("llama")
    backend = open_backend(model, CONFIGS[reader])
    batch = pad(tokenise(model.tokenizer, TEXTS, Readout.last), backend.pad_id)
    copied, real = [], torch.from_numpy
    monkeypatch.setattr(torch, "from_numpy", lambda x: copied.append(x) or real(x))
    backend.resid_post(batch)
    assert len(copied) == 4  # ids, mask, rows, positions
