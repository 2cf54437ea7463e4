"""All ways of writing give the same texts, and shares are of the bare loop's speed."""

from benchmarks.decoding import Block, Timed, against_static, kinds, section
from emo.config.enums import PrecisionName
from emo.models.loading import LoadedModel
from emo.models.tiny import build
from emo.models.weights import Weights


def test_all_ways_write_the_same_texts():
    model, tokenizer = build("llama", 2, 32, 0)
    loaded = LoadedModel(model, tokenizer, Weights(None, "tiny", ""), "cpu", PrecisionName.fp32)
    for block, n in ((against_static(loaded, 3, 4), 3), (kinds(loaded, 3, 4, 2), 12)):
        for way in block.ways:
            way.timed(0)
        assert block.alike == n
        assert {len(way.texts) for way in block.ways} == {n}


def test_speeds_are_over_the_first_way():
    bare = Timed("bare", list, [4.0], [(1, 2), (3, 4)])
    ours = Timed("ours", list, [2.0], [(1, 2), (3, 5)])
    rows = Block("2 texts", (bare, ours)).rows()
    assert rows[0] == "| 2 texts | bare | 4.00 | 1.0 |  | 1 of 2 |"
    assert rows[1] == "| 2 texts | ours | 2.00 | 2.0 | 2.00 | 1 of 2 |"
    assert rows[1] in section([Block("2 texts", (bare, ours))], "tiny", "Machine: none.")
