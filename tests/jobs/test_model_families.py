"""Models of other families and with other tokenizers, through jobs: right, or one line and no run."""

import json
import re

import numpy as np
import pytest
import torch
from tokenizers import processors

from emo.cli import run_job
from emo.runs import files
from emo.runs.plan import make_plan
from emo.tracking import Tracker
from tests.activations import families
from tests.jobs.conftest import runs

LOOSE = (
    "method=generation",
    "subparams=loose",
    "subparams.decoding=greedy",
    "subparams.max_new_tokens=12",
    "subparams.layer=middle",
)


@pytest.fixture
def folder(tmp_path):
    """A model and its tokenizer in a folder, as save_pretrained writes them."""

    def save(loaded, tokenizer=None, name="model"):
        loaded.model.save_pretrained(tmp_path / name)
        (tokenizer or loaded.tokenizer).save_pretrained(tmp_path / name)
        return ("model=hub", f"model.id={tmp_path / name}")

    return save


def ended(template="<s> $A </s>"):
    tokenizer = families.train_tokenizer()
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(
        single=template, pair=f"{template} $B", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return tokenizer


@pytest.mark.parametrize("family", ["mamba", "recurrent_gemma"])
def test_texts_are_the_models_own_whatever_its_memory_and_its_batch(folder, tiny_config, family):
    loaded = families.build(family)
    config = tiny_config(*folder(loaded), *LOOSE, "backend.decode_batch_size=4")
    done = run_job(config)
    assert done.error is None
    tracker = Tracker(config)
    path = tracker.artifact(done.run_id, "texts.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({len(row["prompt_ids"]) for row in rows}) > 1
    for row in rows:
        ids = list(row["prompt_ids"])
        for token in row["token_ids"]:
            with torch.no_grad():
                logits = loaded.model(torch.tensor([ids]), use_cache=False).logits[0, -1]
            assert logits.max() - logits[token] < 1e-3 * logits.std()
            ids.append(token)
    (run,) = runs(config)
    assert (
        run.data.tags["decoding"]
        == {
            "mamba": "a state of its own, in batches",
            "recurrent_gemma": "a key-value cache, one text at a time",
        }[family]
    )


@pytest.mark.slow
def test_texts_of_an_older_way_are_not_served(folder, tiny_config):
    """A store is named by the way where it is not the usual one: wrong texts stay where they are."""
    config = tiny_config(*folder(families.build("mamba")), *LOOSE)
    assert run_job(config).error is None
    stores = [p.parent for p in config.path(config.paths.store).glob("*/*.jsonl")]
    readers = [json.loads((p / "reader.json").read_text()) for p in set(stores)]
    assert [r["decoding"] for r in readers] == ["a state of its own, in batches"]
    usual = tiny_config(*LOOSE)
    assert run_job(usual).error is None
    readers = [
        json.loads((p.parent / "reader.json").read_text())
        for p in config.path(config.paths.store).glob("*/*.jsonl")
    ]
    assert sorted("decoding" in r for r in readers) == [False, True]


def test_a_tokenizer_that_ends_every_text_gives_the_numbers_of_one_that_does_not(
    folder, tiny_config
):
    loaded = families.build("llama")
    plain = folder(loaded, name="plain")
    ending = folder(loaded, ended(), name="ending")
    both = [run_job(tiny_config(*m, "method.readout=mean")) for m in (plain, ending)]
    assert [b.error for b in both] == [None, None]
    assert both[0].metrics == pytest.approx(both[1].metrics, nan_ok=True)


@pytest.mark.slow
def test_prompts_and_vectors_of_such_a_tokenizer_are_those_of_the_other_too(folder, tiny_config):
    loaded = families.build("llama")
    found = []
    for name, tokenizer in (("plain", None), ("ending", ended())):
        config = tiny_config(*folder(loaded, tokenizer, name), *LOOSE)
        done = run_job(config)
        tracker = Tracker(config)
        assert done.error is None
        found.append(tracker.artifact(done.run_id, "texts.jsonl").read_text())
    assert found[0] == found[1]


REFUSED = {
    "deepseek_v4": "where one residual stream [text, token, hidden] = ",
    "xlm": "its decoder blocks were not found",
}


@pytest.mark.parametrize("job", [(), LOOSE, ("job=steer",)], ids=["extract", "generation", "steer"])
@pytest.mark.parametrize("family", REFUSED)
def test_a_family_that_cannot_be_read_is_one_line_and_no_run(folder, tiny_config, family, job):
    config = tiny_config(*folder(families.build(family)), *job)
    done = run_job(config)
    assert REFUSED[family] in str(done.error)
    assert "\n" not in str(done.error)
    assert runs(config) == []


@pytest.mark.parametrize("job", [(), LOOSE, ("job=precision",)], ids=["extract", "generation", "p"])
def test_a_model_that_is_finite_nowhere_is_one_line_and_no_run(folder, tiny_config, job):
    loaded = families.build("llama")
    with torch.no_grad():
        loaded.model.get_input_embeddings().weight.fill_(torch.nan)
    config = tiny_config(*folder(loaded), *job)
    done = run_job(config)
    assert "finite" in str(done.error)
    assert "\n" not in str(done.error)
    assert runs(config) == []


def test_passages_with_tokens_that_the_model_has_not_are_named_and_no_run_is_opened(
    folder, tiny_config, tmp_path
):
    tokenizer = families.train_tokenizer()
    tokenizer.add_special_tokens({"pad_token": "<|filler|>"})
    tokenizer.add_tokens(["someone"])
    model = folder(families.build("llama"), tokenizer)
    done = run_job(tiny_config(*model))
    assert "gives ids up to 513 and its embeddings are those of ids below 512" in str(done.error)
    assert "afraid/quay_afraid" in str(done.error)
    assert runs(tiny_config()) == []
    config = tiny_config(*model, f"stimuli.path={other_words(tmp_path)}")
    assert run_job(config).error is None  # the pad token alone does no harm


def other_words(tmp_path):
    text = (tmp_path / "small.csv").read_text().replace("someone", "nobody")
    (tmp_path / "other.csv").write_text(text)
    return tmp_path / "other.csv"


@pytest.mark.parametrize("job", [LOOSE, ("job=steer",)], ids=["generation", "steer"])
def test_prompts_with_such_tokens_are_one_line_and_no_run(folder, tiny_config, job):
    tokenizer = families.train_tokenizer()
    tokenizer.add_tokens(["the", "she", "She", "He", "he", "a "])
    config = tiny_config(*folder(families.build("llama"), tokenizer), *job)
    done = run_job(config)
    assert re.search("embeddings( are those of| for) ids below 512", str(done.error))
    assert runs(config) == []


THINKS = (
    "{% for m in messages %}{{ m.content }}{% endfor %}"
    "{% if enable_thinking is defined and not enable_thinking %} No.{% else %} Hm.{% endif %}"
)


@pytest.mark.slow
def test_thinking_is_part_of_a_run_only_where_it_is_set(folder, tiny_config):
    loaded = families.build("llama")
    tokenizer = families.train_tokenizer()
    tokenizer.chat_template = THINKS
    model = folder(loaded, tokenizer)
    short = (*LOOSE, "subparams.chat_template=true", "subparams.max_new_tokens=4")
    prompts, prints = {}, set()
    for value in ("null", "true", "false"):
        config = tiny_config(*model, *short, f"model.thinking={value}")
        done = run_job(config)
        assert done.error is None
        prints.add(done.fingerprint)
        tracker = Tracker(config)
        line = tracker.artifact(done.run_id, "texts.jsonl").read_text().splitlines()[0]
        prompts[value] = tokenizer.decode(json.loads(line)["prompt_ids"])
    assert len(prints) == 3
    assert prompts["null"] == prompts["true"] != prompts["false"]
    assert prompts["false"].endswith(" No.")
    read = [make_plan(tiny_config(*model, f"model.thinking={v}")) for v in ("null", "false")]
    assert len({plan.provenance.fingerprint for plan in read}) == 1  # nothing is templated there


@pytest.mark.slow
def test_a_gemma3n_is_read_from_its_active_stream(folder, tiny_config):
    loaded = families.build("gemma3n_text")
    config = tiny_config(*folder(loaded))
    done = run_job(config)
    assert done.error is None
    tracker = Tracker(config)
    path = tracker.artifact(done.run_id, "activations.safetensors")
    values = files.read_activations(path).values
    assert values.shape == (4, 30, 64)
    assert np.isfinite(values).all()
