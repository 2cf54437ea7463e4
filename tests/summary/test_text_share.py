"""Which models and which features of texts the shares of a summary are of."""

from types import SimpleNamespace

import numpy as np
import pytest

from emo.core.compare.text_share import TextShare
from emo.core.geometry.item_sets import Recipe
from emo.core.records import Passage, StimulusSet
from emo.core.stats.resampling import Resampling
from emo.report.summary.text_share_tables import text_share_table
from emo.summary.text_share import model_text_shares
from tests.core.planted import crossed, record

FEW = Resampling(n_splits=2)
TEXTS = {"style_counts": lambda texts: np.array([[float(len(t)), t.count("a")] for t in texts])}


@pytest.fixture(autouse=True)
def few_blocks(monkeypatch):
    monkeypatch.setattr("emo.core.compare.text_products.BLOCKS", 3)


def read(rng, n_situations, *embedded):
    """Models that have read short texts, and the texts; the second model may have no embedding."""
    emotions, groups = crossed(4, n_situations)

    def made(width):
        return record(rng.normal(size=(len(emotions), width)), emotions, groups)

    models = [
        SimpleNamespace(
            name=f"model {k}",
            activations=made(10),
            projection="none",
            embedding=made(6) if has else None,
            recipe=Recipe(),
        )
        for k, has in enumerate(embedded)
    ]
    a = models[0].activations
    items = [
        Passage(i, e, "a" * rng.integers(1, 9) + "b" * rng.integers(9), s)
        for i, e, s in zip(a.item_ids, a.emotions, a.situations, strict=True)
    ]
    return models, StimulusSet(tuple(items), (), "test", "digest")


def test_every_model_stands_with_what_it_has(rng):
    got = model_text_shares(*read(rng, 8, True, False), TEXTS, FEW)
    own = ["style_counts", "style_counts", *["embedding_layer"] * 2, *["all of these"] * 2]
    assert [s.text for s in got if s.model == "model 0"] == own
    assert [s.text for s in got if s.model == "model 1"] == own[:2]
    assert all(isinstance(s, TextShare) for s in got)
    (table,) = text_share_table(SimpleNamespace(text_shares=got))
    assert len(table.rows) == 8
    assert {len(row) for row in table.rows} == {len(table.columns)}
    assert table.rows[0][:3] == ("model 0", "style counts", "across emotions")
    assert text_share_table(SimpleNamespace(text_shares=())) == []


def test_what_cannot_be_computed_is_left_out_with_the_reason(rng, caplog):
    assert model_text_shares([], StimulusSet((), (), "", ""), TEXTS, FEW) == []
    assert model_text_shares(*read(rng, 5, False), TEXTS, FEW) == []
    assert "no text shares of model 0 by style_counts: they need 6 situations" in caplog.text
    models, _ = read(rng, 8, False)
    _, others = read(rng, 9, False)
    assert model_text_shares(models, others, TEXTS, FEW) == []
    assert "not of the same items" in caplog.text
