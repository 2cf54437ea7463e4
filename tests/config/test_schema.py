import dataclasses
import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from emo.config.enums import BackendName, PrecisionName
from emo.config.resolve import INSTALL_TL, compose
from emo.config.schema import RunConfig, canonical, public
from emo.errors import ConfigError
from emo.models.weights import Weights
from emo.runs.identity import (
    ablation_identity,
    fingerprint,
    precision_identity,
    reader_identity,
    run_identity,
    text_identity,
)

ROOT = Path(__file__).parents[2]
WEIGHTS = Weights("org/model", "abc", "")


def name(config):
    return fingerprint(run_identity(config, WEIGHTS, "cpu", "s" * 64))


def test_result_is_frozen_and_typed():
    config = compose("model=tiny")
    assert isinstance(config, RunConfig)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 1  # pyright: ignore


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((ROOT / "conf").rglob("*.yaml")), ids=str)
def test_every_option_says_what_it_is(path):
    first, *rest = path.read_text().splitlines()
    if first.startswith("# @package"):
        first = rest[0]
    if path.parent.name != "help":
        assert first.startswith("# ")
        assert len(first) > 20


@pytest.mark.parametrize(
    "option", sorted(p.stem for p in (ROOT / "conf" / "model").glob("*.yaml") if p.stem != "hub")
)
def test_every_model_composes_and_states_what_it_must(option):
    model = compose(f"model={option}").model
    assert model.name == option
    raw = yaml.safe_load((ROOT / "conf" / "model" / f"{option}.yaml").read_text())
    for key in ("id", "family", "variant", "size_b", "backend", "licence", "gated"):
        assert key in raw


def test_mistral7b_is_the_instruct_model_and_base_says_so():
    assert compose("model=mistral7b").model.id == "mistralai/Mistral-7B-Instruct-v0.3"
    assert compose("model=mistral7b_base").model.id == "mistralai/Mistral-7B-v0.3"


def test_hub_takes_any_id_without_a_new_file():
    config = compose("model=hub", "model.id=org/thing", "model.revision=v2")
    assert (config.model.id, config.model.revision) == ("org/thing", "v2")


@pytest.mark.parametrize("option", sorted(p.stem for p in (ROOT / "conf/experiment").glob("*")))
def test_every_experiment_composes_to_what_its_file_says(option):
    config = canonical(compose(f"experiment={option}"))
    said = yaml.safe_load((ROOT / f"conf/experiment/{option}.yaml").read_text()) or {}

    def differing(said, made, name=""):
        for key, value in said.items():
            if isinstance(value, dict):
                yield from differing(value, made[key], f"{name}{key}.")
            elif made[key] != value:
                yield f"{name}{key}={made[key]}, the file says {value}"

    own = {key: value for key, value in said.items() if key not in ("hydra", "defaults")}
    assert list(differing(own, config)) == []


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("seed=-1", r"seed=-1: allowed is a value of at least 0"),
        ("backend.batch_size=0", r"backend\.batch_size=0: .* at least 1"),
        ("resampling.n_bootstrap=-3", r"resampling\.n_bootstrap=-3"),
        ("model=hub", r"model\.id=\?\?\?"),
        ("precision=int8 precision.int8.threshold=-1", r"precision\.int8\.threshold=-1"),
        ("precision=int8 precision.int8.threshold=nan", r"threshold=nan: allowed is a finite"),
        ("precision=int8 precision.int8.threshold=inf", r"threshold=inf: allowed is a finite"),
        ("+nonsense=1", r"nonsense.*no such parameter"),
        ("+model.sise=3", r"model\.sise.*no such parameter.*size_b"),
        ("method.suffix=' ' method.readout=suffix", r"method\.suffix"),
    ],
)
def test_bad_values_name_parameter_value_and_what_is_allowed(override, words):
    with pytest.raises(ConfigError, match=words) as caught:
        compose(
            *override.replace("' '", "QUOTED").replace(" ", "|").replace("QUOTED", "' '").split("|")
        )
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "override",
    [
        "seed=x",
        "precision.name=fp12",
        "precision=fp12",
        "precision.int8.compute_dtype=int8",
        "model.variant=chat",
        "nope=1",
    ],
)
def test_wrong_types_and_options_are_refused_while_composing(override):
    with pytest.raises(ConfigError, match=re.escape(override.partition("=")[0])):
        compose(override)


@pytest.mark.parametrize(
    "override",
    [
        "seed=1",
        "precision=bf16",
        "method.readout=mean",
        "backend.attention=sdpa",
        "vectors.remove=situation",
        "resampling.n_splits=9",
    ],
)
def test_fingerprint_follows_what_can_change_a_number(override):
    assert name(compose(override)) != name(compose())


@pytest.mark.parametrize(
    "override",
    [
        "backend.batch_size=3",
        "paths.store=/elsewhere",
        "tracking=server",
        "output=json",
        "force=true",
        "method.suffix=unused",
        "backend.device=cpu",
        "model.licence=other",
    ],
)
def test_fingerprint_ignores_what_cannot(override):
    assert name(compose(override)) == name(compose())


@pytest.mark.parametrize(
    ("precision", "setting", "counts"),
    [
        ("int8", "int8.threshold=5", True),
        ("int8", "int8.compute_dtype=fp32", True),
        ("int8", "int8.batched=false", True),
        ("int8", "int8.columns=shared", True),
        ("int8", "int8.columns=own", False),
        ("int8", "four_bit.compute_dtype=fp32", False),
        ("nf4", "four_bit.compute_dtype=fp32", True),
        ("fp4", "four_bit.compute_dtype=fp16", True),
        ("nf4", "int8.threshold=5", False),
        ("fp16", "int8.batched=false", False),
        ("fp16", "int8.columns=shared", False),
        ("fp16", "four_bit.compute_dtype=fp32", False),
    ],
)
def test_only_the_chosen_precisions_settings_enter_the_fingerprint(precision, setting, counts):
    plain = compose(f"precision={precision}")
    assert (
        name(compose(f"precision={precision}", f"precision.{setting}")) != name(plain)
    ) == counts


def test_every_precision_has_a_fingerprint_of_its_own():
    names = [name(compose(f"precision={p.value}")) for p in PrecisionName]
    assert len(set(names)) == len(PrecisionName) == 6


def test_batch_size_enters_the_fingerprint_of_batched_int8_only():
    for overrides, differ in (
        (("precision=int8",), True),
        (("precision=int8", "precision.int8.columns=shared"), True),
        (("precision=int8", "precision.int8.batched=false"), False),
        (("precision=nf4",), False),
    ):
        a, b = (compose(*overrides, f"backend.batch_size={n}") for n in (4, 8))
        assert (name(a) != name(b)) == differ


def test_int8_is_read_in_batches_unless_told_otherwise():
    sizes = {
        (): 16,
        ("precision=nf4",): 16,
        ("precision=int8",): 16,
        ("precision=int8", "precision.int8.batched=false"): 1,
        ("precision=fp16", "precision.int8.batched=false"): 16,
    }
    for overrides, size in sizes.items():
        assert compose(*overrides).batch_size == size


def test_variants_of_int8_are_never_called_int8():
    def label(*settings, name="int8"):
        return compose(
            f"precision={name}", *(f"precision.int8.{s}" for s in settings)
        ).precision.label

    assert label() == label("batched=true", "columns=own") == "int8"
    assert label("batched=false") == label("batched=false", "columns=shared") == "int8_alone"
    assert label("columns=shared") == "int8_shared"
    assert label("batched=false", name="bf16") == "bf16"


def test_the_plain_precisions_keep_the_fingerprints_of_stored_activations():
    assert precision_identity(compose()) == {"name": "fp32"}


def test_int8_of_earlier_versions_is_not_found_and_all_others_are():
    version = {
        p: reader_identity(compose(f"precision={p}"), WEIGHTS, "cpu").get("int8_reading")
        for p in ("fp32", "bf16", "fp16", "int8", "nf4", "fp4")
    }
    assert version == dict.fromkeys(version) | {"int8": 3}
    texts = {p: text_identity(compose(f"precision={p}"), WEIGHTS, "cpu") for p in ("int8", "fp16")}
    assert texts["int8"]["int8"] == 3
    assert "int8" not in texts["fp16"]


def test_texts_that_share_outlier_columns_are_not_mixed_with_others():
    usual, shared = (
        text_identity(compose("precision=int8", f"precision.int8.columns={c}"), WEIGHTS, "cpu")
        for c in ("own", "shared")
    )
    assert shared == usual | {"precision": usual["precision"] | {"columns": "shared"}}


def test_ablations_under_another_best_layer_are_not_found():
    made = ablation_identity(compose("job=ablate"), WEIGHTS, "cpu", "s", "p", [])
    assert made["version"] == 3


@pytest.mark.parametrize("job", ["ablate", "sensitivity"])
@pytest.mark.parametrize(
    ("override", "allowed"),
    [("vectors.remove=situation", "none"), ("method.readout=mean", "last")],
)
def test_ways_to_read_passages_are_refused_where_none_is_read(job, override, allowed):
    with pytest.raises(ConfigError, match=rf"{override}: allowed is {allowed} with job={job}"):
        compose("model=tiny", f"job={job}", override)
    compose("model=tiny", "job=precision", override)


def test_fingerprint_follows_weights_device_and_stimuli():
    config = compose()
    names = {
        fingerprint(run_identity(config, Weights(i, r, ""), d, s))
        for i, r, d, s in [
            ("a", "1", "cpu", "x"),
            ("a", "2", "cpu", "x"),
            ("a", "1", "cuda", "x"),
            ("a", "1", "cpu", "y"),
        ]
    }
    assert len(names) == 4
    hub = [
        reader_identity(compose("model=hub", f"model.id={i}"), Weights(i, "r", ""), "cpu")
        for i in ("a", "b")
    ]
    assert hub[0] != hub[1]


TABLE_A1 = {
    "qwen2_5_1_5b": "tl",
    "smollm2_1_7b": "hf",
    "gemma3_1b": "tl",
    "llama3_2_3b": "tl",
    "mistral7b": "hf",
    "llama3_1_8b": "tl",
}


@pytest.mark.parametrize("model", TABLE_A1)
def test_auto_follows_what_the_study_used(model):
    for option in (model, f"{model}_base"):
        assert compose(f"model={option}").backend.name.value == TABLE_A1[model]


def test_a_backend_that_is_named_is_taken():
    assert compose("model=llama3_1_8b", "backend=hf").backend.name is BackendName.hf
    assert compose("model=mistral7b", "backend=tl").backend.name is BackendName.tl
    assert compose("model=gpt2").backend.name is BackendName.hf


def test_auto_has_the_fingerprint_of_what_it_resolves_to():
    assert name(compose("model=gemma3_1b")) == name(compose("model=gemma3_1b", "backend=tl"))
    assert name(compose("model=gpt2")) == name(compose("model=gpt2", "backend=hf"))


def test_implementation_counts_for_transformer_lens_only():
    bridge, hooked = (f"backend.implementation={i}" for i in ("bridge", "hooked"))
    assert name(compose("backend=tl", bridge)) != name(compose("backend=tl", hooked))
    assert name(compose("backend=hf", bridge)) == name(compose("backend=hf", hooked))
    assert name(compose("backend=tl")) != name(compose("backend=hf"))


def test_without_transformer_lens_auto_takes_hf_and_says_so(monkeypatch, caplog):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with caplog.at_level("INFO"):
        assert compose("model=gemma3_1b").backend.name is BackendName.hf
    assert caplog.messages == [
        f"backend=hf for model=gemma3_1b: TransformerLens is missing, {INSTALL_TL}"
    ]
    with pytest.raises(
        ConfigError, match=r"backend=tl: allowed is hf: .* pip install -c"
    ) as caught:
        compose("model=gemma3_1b", "backend=tl")
    assert "\n" not in str(caught.value)


def test_a_missing_package_is_not_mentioned_where_it_is_not_wanted(monkeypatch, caplog):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with caplog.at_level("INFO"):
        compose("model=gpt2")
    assert caplog.messages == []


def test_transformer_lens_runs_eager_attention_only():
    with pytest.raises(
        ConfigError, match=r"backend\.attention=sdpa: allowed is eager with backend=tl"
    ):
        compose("backend=tl", "backend.attention=sdpa")
    compose("backend=hf", "backend.attention=sdpa")


def test_a_model_option_names_one_backend():
    with pytest.raises(ConfigError, match=r"model\.backend=auto: allowed is hf, tl"):
        compose("model.backend=auto")


def test_suffix_counts_where_it_is_read():
    a = compose("method.readout=suffix", "method.suffix=One")
    b = compose("method.readout=suffix", "method.suffix=Two")
    assert name(a) != name(b)


def test_canonical_is_plain_json():
    import json

    config = compose("model=tiny")
    assert json.loads(json.dumps(canonical(config)))["model"]["tiny"]["n_layers"] == 4


def test_what_may_be_written_down_holds_no_password():
    config = compose(
        "model=tiny",
        "job.sensitivity.storage=postgresql://me:s3cret@db/study",
        "tracking.uri=sqlite:///other.db",
        "model.id=https://me:s3cret@models.example/x",
    )
    summary = dataclasses.replace(config.job.summarize, models=["https://t0ken@models.example/y"])
    config = dataclasses.replace(config, job=dataclasses.replace(config.job, summarize=summary))
    made = public(config)
    assert "s3cret" not in str(made)
    assert "t0ken" not in str(made)
    assert (made["tracking"]["uri"], made["job"]["sensitivity"]["storage"], made["root"]) == (
        None,
    ) * 3
    assert made["model"]["id"] == "https://models.example/x"
    assert made["resampling"] == canonical(config)["resampling"]


def test_a_projection_is_part_of_what_a_run_is_called():
    plain, none, other = (
        compose("model=tiny", *overrides)
        for overrides in ((), ("vectors.projection=none",), ("vectors.projection=z_score",))
    )
    assert name(plain) == name(none) != name(other)
    # Runs logged before there were projections keep their names.
    assert "projection" not in run_identity(plain, WEIGHTS, "cpu", "s")["vectors"]


@pytest.mark.parametrize("overrides", [("method=generation",), ("job=equivalence",)])
def test_a_projection_is_refused_where_nothing_is_projected(overrides):
    with pytest.raises(ConfigError, match=r"vectors\.projection=z_score: allowed is none with"):
        compose("model=tiny", "vectors.projection=z_score", *overrides)
