"""Contract: what holds for every readout, and that a new row of the table reaches every consumer."""

from types import SimpleNamespace

import pytest
from tokenizers import processors

from emo.activations.reading import tokenise
from emo.config.enums import Readout
from emo.config.readouts import READOUTS, ReadoutRow, readout_row
from emo.config.resolve import compose
from emo.models.tiny import train_tokenizer
from emo.report.summary.methods import _comprehension
from emo.runs.plan import Plan

TEXTS = (
    "Rain",
    "The bus stops here.",
    "A week has seven days, and a letter arrives on one of them.",
)
SUFFIX = "It is"


def tokenizer_with(template):
    tokenizer = train_tokenizer()
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return tokenizer


@pytest.fixture(params=["$A", "<s> $A", "$A </s>", "<s> $A </s>"])
def tokenizer(request):
    return tokenizer_with(request.param)


every_readout = pytest.mark.parametrize("readout", READOUTS)


def test_every_member_of_the_enum_has_a_row():
    assert set(READOUTS) == set(Readout)


@every_readout
def test_some_tokens_of_the_text_itself_are_read(readout, tokenizer):
    for span in tokenise(tokenizer, TEXTS, readout, SUFFIX):
        assert 0 <= span.start < span.stop <= len(span.ids)
        read = span.ids[span.start : span.stop]
        assert not set(read) & {tokenizer.bos_token_id, tokenizer.eos_token_id}


@pytest.mark.parametrize(
    ("special", "span"),
    [
        ([0, 0, 0], (1, 3)),
        ([1, 0, 0], (1, 3)),
        ([1, 1, 0, 0], (2, 4)),
        ([0, 0, 0, 1], (1, 3)),
        ([1, 0, 0, 0, 1, 1], (1, 4)),
        ([1, 0, 1], (1, 2)),
        ([0], (0, 1)),  # nothing else is left
        ([0, 1], (0, 1)),
        ([1], (0, 1)),
        ([1, 1], (1, 2)),
    ],
)
def test_the_mean_leaves_out_position_0_and_special_tokens_on_both_ends(special, span):
    assert READOUTS[Readout.mean].positions(special) == span


def test_the_mean_is_of_the_same_words_in_models_with_and_without_an_appended_token():
    for front in ("", "<s> "):
        spans = [
            tokenise(tokenizer_with(f"{front}$A{behind}"), TEXTS, Readout.mean)
            for behind in ("", " </s>", " </s> </s>")
        ]
        assert spans[0] == spans[1] == spans[2]


def test_mean_all_reads_what_the_mean_read_before():
    """All tokens of the text itself: the first one of a model without BOS is one of them."""
    for template, first in (("$A", 0), ("<s> $A </s>", 1)):
        for span in tokenise(tokenizer_with(template), TEXTS, Readout.mean_all):
            assert (span.start, span.stop) == (first, len(span.ids))


@every_readout
def test_the_suffix_changes_a_reading_just_where_the_row_says_so(readout, tokenizer):
    with_suffix = tokenise(tokenizer, TEXTS, readout, SUFFIX)
    with_another = tokenise(tokenizer, TEXTS, readout, "The end")
    assert (with_suffix != with_another) == READOUTS[readout].takes_suffix


@every_readout
def test_texts_are_read_one_by_one(readout, tokenizer):
    together = tokenise(tokenizer, TEXTS, readout, SUFFIX)
    assert together == [tokenise(tokenizer, [text], readout, SUFFIX)[0] for text in TEXTS]


def test_no_two_readouts_are_described_alike():
    for words in ("title", "sentence"):
        described = [getattr(row, words) for row in READOUTS.values()]
        assert all(described) and len(set(described)) == len(described)


def title(readout):
    config = compose(f"method.readout={readout}")
    return Plan(config, None, None, "cpu", None).title  # type: ignore[arg-type]


def methods_paragraph(readout):
    summary = SimpleNamespace(config=compose(f"method.readout={readout}"), runs=[], models=[])
    return _comprehension(summary)  # type: ignore[arg-type]


def test_a_new_row_is_read_and_described_by_every_consumer(monkeypatch):
    """A dummy in the place of ``mean``: what decides the tokens and the words is the row alone."""
    row = ReadoutRow(lambda special: (0, 1), "first token", "the very first token")
    monkeypatch.setitem(READOUTS, Readout.mean, row)
    span = tokenise(train_tokenizer(), TEXTS, Readout.mean)[1]
    assert (span.start, span.stop) == (0, 1)
    assert title("mean").endswith(", first token")
    assert "the very first token was read after every decoder block" in methods_paragraph("mean")


def test_a_readout_without_a_row_is_refused_by_every_consumer(monkeypatch):
    monkeypatch.delitem(READOUTS, Readout.mean)
    for consumer in (
        lambda: tokenise(train_tokenizer(), TEXTS, Readout.mean),
        lambda: title("mean"),
        lambda: methods_paragraph("mean"),
    ):
        with pytest.raises(ValueError, match=r"readout=.*mean: allowed is last, mean_all, suffix"):
            consumer()


def test_an_unknown_name_is_refused_and_not_read_as_the_last_token():
    with pytest.raises(ValueError, match="readout=first: allowed is last"):
        readout_row("first")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="allowed is"):
        tokenise(train_tokenizer(), TEXTS, "first")  # type: ignore[arg-type]
