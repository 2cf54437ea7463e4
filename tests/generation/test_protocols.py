"""The published protocols as options, and the recognition of conditions."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
import yaml

from emo.conditions import recognise
from emo.config.resolve import compose
from emo.config.schema import SubparamsConfig, canonical
from emo.errors import ConfigError
from emo.generation.protocols import (
    FRONTIER,
    LOOSE,
    MATCHED,
    OPTIONS,
    PROTOCOLS,
    SUBPARAMETERS,
    differing,
    identity,
)

CONF = Path(__file__).parents[2] / "conf"


def condition(*overrides):
    return recognise(compose("method=generation", *overrides)).name


def test_the_options_are_the_protocols():
    """The values have one home, the protocols; the files repeat all of them, with comments."""
    files = {path.stem: path for path in (CONF / "subparams").glob("*.yaml")}
    assert set(PROTOCOLS) == {"matched", "loose"}
    assert set(files) == set(OPTIONS) == {*PROTOCOLS, "frontier"}
    for name, protocol in OPTIONS.items():
        assert yaml.safe_load(files[name].read_text()) == canonical(protocol)
        assert compose(f"subparams={name}").subparams == protocol


def test_all_eight_differ_between_them():
    assert len(SUBPARAMETERS) == 8
    assert differing(MATCHED, LOOSE) == tuple(SUBPARAMETERS)


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (("subparams=matched", "precision=fp16"), "C"),
        (("subparams=matched", "precision=fp32"), "C"),
        (("subparams=loose", "precision=bf16"), "B"),
        (("subparams=loose", "subparams.seed=1"), "B'"),
        (("subparams=matched", "subparams.seed=1"), "C"),  # greedy draws nothing
        (("subparams=matched", "subparams.temperature=2"), "C"),
        (("subparams=matched", "subparams.templates=odd"), "C'"),
        (("subparams=matched", "subparams.templates=even"), "C'"),
        (("subparams=loose", "subparams.templates=even"), "B"),  # it has a paragraph prompt
        (("subparams=matched", "precision=int8"), "D"),
        (("subparams=matched", "precision=int8", "subparams.texts_from=fp16"), "D"),
        (("subparams=matched", "precision=int8", "precision.int8.batched=true"), "D"),
        (("subparams=matched", "precision=nf4"), "none"),
        (("subparams=matched", "precision=int8", "subparams.templates=odd"), "none"),
        (("subparams=matched", "precision=fp16", "subparams.texts_from=int8"), "none"),
        (("subparams=loose", "precision=int8"), "none"),
        (("subparams=loose", "subparams.top_p=0.8"), "none"),
        (("subparams=matched", "subparams.unit_norm=false"), "none"),
        (("subparams=matched", "subparams.max_new_tokens=100"), "none"),
        (("subparams=loose", "subparams.with_prompt=false"), "none"),
        (("subparams=frontier",), "none"),
        (("subparams=matched", "subparams.topics=3"), "C"),  # it has no topics
    ],
)
def test_conditions(overrides, name):
    assert condition(*overrides) == name


def test_comprehension_is_condition_a():
    assert recognise(compose()).name == "A"
    for other in ("method.readout=mean", "vectors.remove=situation", "precision=int8"):
        assert recognise(compose(other)).name == "none"


def test_what_is_none_says_what_differs():
    found = recognise(compose("method=generation", "subparams.max_new_tokens=100"))
    assert "from matched (C, D) it differs in max_new_tokens;" in found.note
    same = ("max_new_tokens", "with_prompt")
    others = [f for of in SUBPARAMETERS.values() for f in of if f not in same]
    assert found.note.endswith(f"from loose (B) in {', '.join(others)}")
    nf4 = recognise(compose("method=generation", "precision=nf4"))
    assert "no condition has precision nf4" in nf4.note
    for setting, said in (
        ("batched=false", "int8_alone; a variant: one text at a time"),
        ("columns=shared", "int8_shared; a variant: texts in a batch change each other"),
    ):
        words = ("method=generation", "precision=int8", f"precision.int8.{setting}")
        assert said in recognise(compose(*words)).note


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["unit_norm=false"], "from matched (C, D) it differs in unit_norm; "),
        (["centring=none"], "from matched (C, D) it differs in centring; "),
        (["decoding=sampled", "top_p=0.8"], "from matched (C, D) it differs in decoding; "),
        (["samples=3", "templates=odd"], "; it has the odd half of the templates"),
    ],
)
def test_what_is_none_names_the_fields(overrides, says):
    found = recognise(compose("method=generation", *(f"subparams.{o}" for o in overrides)))
    assert (found.name, says in found.note) == ("none", True)


def test_of_sampling_it_names_the_field():
    found = recognise(compose("method=generation", "subparams=loose", "subparams.top_p=0.8"))
    assert found.note.endswith("from loose (B) in top_p")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("override", "name"),
    [
        ("subparams=matched", "C"),
        ("subparams=loose", "B"),
        ("precision=int8", "D"),
        ("subparams.samples=3", "none"),
    ],
)
def test_own_prompts_are_said_and_leave_the_condition(override, name):
    own = "subparams.prompts_path=some/mine.yaml"
    plain, found = (recognise(compose("method=generation", override, *o)) for o in ([], [own]))
    assert found.name == plain.name == name
    assert found.note == f"{plain.note}; the prompts are the user's own (mine.yaml)"
    assert recognise(compose(own)) == recognise(compose())  # condition A has no such prompts


@pytest.mark.parametrize(
    "override",
    [
        "prompts=paragraph",
        "samples=9",
        "decoding=sampled",
        "max_new_tokens=99",
        "position=mean",
        "layer=3",
        "chat_template=false",
        "centring=none",
        "unit_norm=false",
        "templates=odd",
        "prompts=topics",
    ],
)
def test_every_field_that_can_change_a_number_is_in_the_identity(override):
    changed = compose(f"subparams.{override}").subparams
    assert identity(changed) != identity(MATCHED)


def test_sampling_counts_only_where_texts_are_sampled():
    for field, value in (("temperature", 0.5), ("top_p", 0.5), ("seed", 3)):
        assert identity(replace(MATCHED, **{field: value})) == identity(MATCHED)
        assert identity(replace(LOOSE, **{field: value})) != identity(LOOSE)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("topics", 9),
        ("leaks", "kept"),
        ("start", 9),
        ("with_prompt", True),
        ("templates", "odd"),
    ],
)
def test_what_only_texts_about_topics_have_counts_there_alone(field, value):
    assert identity(replace(FRONTIER, **{field: value})) != identity(FRONTIER)
    if field not in ("with_prompt", "templates"):
        assert identity(replace(MATCHED, **{field: value})) == identity(MATCHED)
        assert identity(replace(LOOSE, **{field: value})) == identity(LOOSE)


def test_a_text_behind_its_prompt_is_identified_as_before_there_was_a_choice():
    assert "with_prompt" not in identity(MATCHED)
    assert identity(FRONTIER)["with_prompt"] is False


def test_the_frontier_recipe_is_named():
    words = ("method=generation", "subparams=frontier", "vectors.projection=neutral_pcs")
    kept = recognise(compose(*words[:2])).note
    assert kept == "the frontier recipe, no components removed"
    assert recognise(compose(*words)).note == "the frontier recipe"
    other = recognise(compose(*words, "subparams.samples=1", "subparams.top_p=0.8"))
    assert other.note == "the frontier recipe with other samples, top_p"


def test_no_field_is_forgotten():
    """Whoever adds a field says whether it can change a number."""
    elsewhere = {"name", "prompts_path", "texts_from"}  # label; contents and texts' identity
    known = set(identity(FRONTIER)) | elsewhere
    assert {f.name for f in fields(SubparamsConfig)} == known


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("subparams.layer=top", "subparams.layer=top: allowed is middle, best, two_thirds, or"),
        ("subparams.temperature=0", "subparams.temperature=0.0: allowed is a value above 0"),
        ("subparams.temperature=inf", "subparams.temperature=inf"),
        ("subparams.top_p=1.5", "subparams.top_p=1.5: allowed is a value above 0, at most 1"),
        ("subparams.samples=0", "subparams.samples=0: allowed is a value of at least 1"),
        ("subparams.max_new_tokens=0", "subparams.max_new_tokens=0"),
        ("subparams.seed=-1", "subparams.seed=-1"),
        ("vectors.remove=situation", "vectors.remove=situation: allowed is none with method="),
        ("method.readout=mean", "method.readout=mean: allowed is last with method=generation"),
        ("job=precision", "method=generation: allowed is comprehension with job=precision"),
        ("job.ablate.tokens=[100]", "job.ablate.tokens=[100]: allowed is two different numbers"),
        ("job.ablate.samples=[3,3]", "job.ablate.samples=[3, 3]: allowed is two different numbers"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(override, message):
    with pytest.raises(ConfigError) as error:
        compose("method=generation", override)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("thinking", "words"), [("false", "off"), ("true", "on")])
def test_a_template_whose_thinking_is_switched_is_said_and_leaves_the_condition(thinking, words):
    override = f"model.thinking={thinking}"
    plain, found = (recognise(compose("method=generation", *o)) for o in ([], [override]))
    assert found == replace(plain, note=f"{plain.note}; the template's thinking is {words}")
    bare = recognise(compose("method=generation", "subparams=loose", override))
    assert bare == recognise(compose("method=generation", "subparams=loose"))
