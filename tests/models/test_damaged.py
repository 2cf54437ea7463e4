"""Damage of every kind to a model folder: one line, at once, nothing written and nothing allocated."""

import json
import random

import pytest

from tests.models.folders import change, copied, load_folder, refusal, save


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return save("llama", tmp_path_factory.mktemp("whole") / "m")


@pytest.fixture
def copy(whole, tmp_path):
    return copied(whole, tmp_path / "m")


FIELDS = [
    *[{"num_hidden_layers": v} for v in ("2", 2.5, [2], 10**30, True)],
    *[{"num_attention_heads": v} for v in (0, -1, 3, 10**9, "4")],
    *[{"num_key_value_heads": v} for v in (0, 3, -2)],
    *[{"hidden_size": v} for v in (0, -64, 10**9, 10**30, "64", 63)],
    *[{"intermediate_size": v} for v in (-1, 10**12)],
    *[{"vocab_size": v} for v in (0, 10**12, 10**30, "x")],
    *[{"pad_token_id": v} for v in (10**6, -5)],
    *[{"rope_parameters": v} for v in ({"rope_type": "zzz"}, {"rope_theta": "x"}, [1], "x")],
    {"rope_scaling": {"type": "unheard-of", "factor": 2}},
    {"dtype": "float99"},
    {"torch_dtype": "int1000"},
    {"hidden_act": "no-such-function"},
    {"rms_norm_eps": "small"},
    {"head_dim": 7},
    {"layer_types": ["full_attention"]},
    {"architectures": 3, "model_type": 5},
    {"model_type": ["llama"]},
    {"transformers_weights": "config.json"},
    {"quantization_config": {"quant_method": "awq"}},
]


@pytest.mark.parametrize("fields", FIELDS, ids=str)
def test_values_of_a_config(copy, fields):
    """Those that transformers takes all the same change nothing that is read; the rest is refused."""
    change(copy, **fields)
    try:
        loaded = load_folder(copy)
    except Exception:
        refusal(copy)
    else:
        assert loaded.model.get_input_embeddings().weight.shape == (512, 64)
        assert len(loaded.model.model.layers) == 2


def test_most_of_them_are_refused(whole, tmp_path):
    """The test above would pass if all were taken."""
    taken = []
    for i, fields in enumerate(FIELDS[:20]):
        path = copied(whole, tmp_path / str(i))
        change(path, **fields)
        try:
            load_folder(path)
        except Exception:
            continue
        taken.append(fields)
    assert len(taken) <= 2, taken


TOKENIZERS = {
    "not UTF-8": b'{"version": "\xff\xfe"}',
    "null": b"null",
    "list": b"[]",
    "no model": b'{"version": "1.0"}',
    "deep": b"[" * 50_000,
    "unknown kind": b'{"version": "1.0", "model": {"type": "None of them"}}',
}


def test_a_file_too_large_for_json_is_not_read(copy):
    with (copy / "config.json").open("r+b") as file:
        file.truncate(2**36)  # sparse: no disk is full of it
    assert refusal(copy) == "config.json is damaged: 64.0 GiB are no object of JSON"


@pytest.mark.parametrize("content", TOKENIZERS.values(), ids=TOKENIZERS)
def test_tokenizers_that_are_none(copy, content):
    (copy / "tokenizer.json").write_bytes(content)
    assert refusal(copy).startswith("its tokenizer ")


@pytest.mark.parametrize("content", [b"null", b"[1]", b"{", b'{"tokenizer_class": 5}', b"\xff"])
def test_tokenizer_configs_that_are_none(copy, content):
    (copy / "tokenizer_config.json").write_bytes(content)
    assert refusal(copy).startswith("its tokenizer ")


def test_a_tokenizer_of_another_model(copy):
    """Every id of plain text above the table; on a GPU it would end the process."""
    content = json.loads((copy / "tokenizer.json").read_text())
    vocabulary = content["model"]["vocab"]
    content["model"]["vocab"] = {token: i + 40_000 for token, i in vocabulary.items()}
    (copy / "tokenizer.json").write_text(json.dumps(content))
    message = refusal(copy)
    assert "its embedding table has 512 rows: the tokenizer is another model's" in message


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(copy, value):
    import safetensors.torch as st

    tensors = st.load_file(copy / "model.safetensors")
    tensors["model.layers.1.mlp.up_proj.weight"][3, 5] = value
    st.save_file(tensors, copy / "model.safetensors", {"format": "pt"})
    assert refusal(copy).startswith(
        "its weight model.layers.1.mlp.up_proj.weight is not finite in float32"
    )


def test_weights_too_large_for_a_precision(copy):
    import safetensors.torch as st

    from emo.config.enums import PrecisionName

    tensors = st.load_file(copy / "model.safetensors")
    tensors["model.norm.weight"][0] = 1e6
    st.save_file(tensors, copy / "model.safetensors", {"format": "pt"})
    assert "not finite in float16" in refusal(copy, PrecisionName.fp16)
    assert load_folder(copy, PrecisionName.bf16).model is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("seed", range(40))
def test_random_damage(copy, name, seed):
    """Bytes changed, doubled or taken out: read as before, or one line."""
    draw = random.Random(f"{name} {seed}")
    content = bytearray((copy / name).read_bytes())
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(content))
        match draw.randrange(3):
            case 0:
                content[place] = draw.randrange(256)
            case 1:
                del content[place : place + draw.randint(1, 20)]
            case _:
                content[place:place] = content[place : place + draw.randint(1, 20)]
    (copy / name).write_bytes(content)
    try:
        load_folder(copy)
    except Exception:
        refusal(copy)


def test_nothing_is_printed_by_the_libraries(copy, capfd, recwarn):
    """Warnings of the tokenizer's length, of the config, of new weights."""
    change(copy, "tokenizer_config.json", model_max_length=4)
    change(copy, pad_token_id=None, unheard_of=1)
    loaded = load_folder(copy)
    loaded.tokenizer("A text of more than four tokens, as every passage is.")
    assert "".join(capfd.readouterr()) == ""
    assert [str(w.message) for w in recwarn] == []
