"""One model at a time: reused while the next job wants the same, freed before another is loaded."""

import dataclasses
import gc
import logging
import weakref
from pathlib import Path

import pytest
import torch

from emo.config.enums import Attention, OutlierColumns, PrecisionName, Source
from emo.config.schema import Int8Config, ModelConfig, PrecisionConfig
from emo.config.schema import TinyConfig as Tiny
from emo.errors import ModelError
from emo.models import session
from emo.models.weights import locate

CONFIG = ModelConfig(name="tiny", id="tiny", source=Source.tiny, tiny=Tiny("llama", 1, 64))


@pytest.fixture(autouse=True)
def empty():
    session.release()
    yield
    session.release()


def get(
    config=CONFIG, precision=PrecisionName.fp32, attention=Attention.eager, backend="hf", **int8
):
    chosen = PrecisionConfig(precision, Int8Config(**int8))
    return session.get(config, locate(config), chosen, attention, "cpu", Path(), backend)


def test_the_same_model_is_loaded_once_and_the_log_says_so(caplog):
    caplog.set_level(logging.INFO)
    assert get() is get()
    assert [r.message for r in caplog.records if r.name == session.__name__] == [
        "loading tiny in fp32 on cpu",
        "reusing tiny in fp32 on cpu: it is still loaded",
    ]


OTHERS = {
    "weights": {"config": dataclasses.replace(CONFIG, tiny=Tiny("llama", 1, 64, seed=1))},
    "precision": {"precision": PrecisionName.bf16},
    "attention": {"attention": Attention.sdpa},
    "backend": {"backend": "bridge"},
}


@pytest.mark.parametrize("other", OTHERS)
def test_another_model_frees_the_one_before_it_is_loaded(other, monkeypatch):
    first = weakref.ref(get().model)
    alive = []
    real = session.load
    monkeypatch.setattr(session, "load", lambda *a: alive.append(first()) or real(*a))
    second = get(**OTHERS[other])
    assert alive == [None]
    assert get(**OTHERS[other]) is second
    assert len(alive) == 1


def test_variants_of_int8_are_one_model_but_other_thresholds_are_not():
    usual = get(precision=PrecisionName.int8)
    assert get(precision=PrecisionName.int8, batched=False) is usual
    assert get(precision=PrecisionName.int8, columns=OutlierColumns.shared) is usual
    assert get(precision=PrecisionName.int8, threshold=5.0) is not usual


def test_whose_outlier_columns_a_text_has_is_set_each_time():
    """A model read by the library's batch is not left so for the next job."""
    x = torch.randn(2, 3, 64, generator=torch.Generator().manual_seed(0))
    x[1, 0, 5] = 50.0

    def first_text(**settings):
        layer = get(precision=PrecisionName.int8, **settings).model.model.layers[0].mlp.up_proj
        with torch.inference_mode():
            return layer(x)[0]

    own, shared = first_text(), first_text(columns=OutlierColumns.shared)
    assert torch.equal(first_text(), own)
    assert not torch.equal(own, shared)


def test_settings_of_other_precisions_do_not_reload():
    assert get() is get(threshold=5.0)


def test_what_failed_to_load_is_not_held(monkeypatch):
    get()

    def broken(*_):
        raise ModelError("no")

    with monkeypatch.context() as patch:
        patch.setattr(session, "load", broken)
        with pytest.raises(ModelError):
            get(precision=PrecisionName.bf16)
    assert session._held == {}
    assert get(precision=PrecisionName.bf16).precision is PrecisionName.bf16


def test_release_returns_the_memory_of_the_device(monkeypatch):
    import torch

    emptied = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(len(session._held)))
    session._held[(Source.tiny, locate(CONFIG), "{}", Attention.eager, "cpu", "hf")] = None
    session.release()
    session.release()
    assert emptied == [0, 0]  # a caller may have let go of it in between


def test_a_model_that_a_caller_still_had_is_freed_when_the_next_is_wanted(monkeypatch):
    """Its modules refer to each other: without collecting, it would stay beside the next one."""
    loaded = get()
    model = weakref.ref(loaded.model)
    object.__setattr__(loaded, "itself", loaded)
    loaded.model.itself = [loaded]
    session.release()
    assert model() is not None
    del loaded
    alive = []
    real = session.load
    monkeypatch.setattr(session, "load", lambda *a: alive.append(model()) or real(*a))
    gc.disable()
    try:
        get()
    finally:
        gc.enable()
    assert alive == [None]
