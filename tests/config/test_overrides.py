"""What a user may type as overrides, and what each wrong word is answered with."""

import os
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emo.config.overrides import checked
from emo.config.parameters import all_names, hint_of
from emo.config.resolve import compose
from emo.config.schema import RunConfig
from emo.config.sweep_values import MOST_POINTS
from emo.config.text_overrides import quoted
from emo.errors import ConfigError, EmoError, UnknownParameter
from tests.conftest import ROOT

CONF = ROOT / "conf"


def words(*overrides):
    return checked(overrides, [CONF], ROOT)


def refused(*overrides):
    """The one line that an override is refused with."""
    with pytest.raises(EmoError) as caught:
        compose(*overrides)
    line = str(caught.value)
    assert "\n" not in line
    return line


TEXTS = [n for n in all_names() if "str" in str(hint_of(n)) and "dict" not in str(hint_of(n))]


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_no_text_may_be_empty(name):
    value = '[""]' if "list" in str(hint_of(name)) else ""
    line = refused("model=tiny", f"{name}={value}")
    assert line.startswith(f"{name}=")
    assert "a text that is not empty" in line
    assert ("null: its default" in line) == ("None" in str(hint_of(name)))


@pytest.mark.parametrize("blank", ["' '", '"\t"', '"  "'])
def test_blanks_are_no_text_either(blank):
    assert "not empty" in refused("model=tiny", f"paths.weights={blank}")


def test_null_is_the_default_where_there_is_one():
    made = compose(
        "model=tiny", "stimuli.path=null", "job.steer.judge_model=null", "tracking.uri=null"
    )
    assert made.stimuli.path is made.job.steer.judge_model is made.tracking.uri is None


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("backend=null", "backend=null: allowed is auto, hf, tl"),
        ("method=[generation]", "method=[generation]: allowed is comprehension, generation"),
        ("steer={layers:all}", "steer={layers:all}: allowed is default, emotions, published"),
        ("stimuli=3", "stimuli=3: allowed is implied, named, shown, shown_de"),
        ("tracking=", "tracking=: allowed is local, server"),
        ("precision=bf61", "(did you mean bf16?)"),
        ("model=tiny_", "(did you mean tiny?)"),
        ("model=../precision/fp16", "model=../precision/fp16: allowed is gemma2_2b"),
        ("subparams@x=loose", "a package cannot be chosen; give subparams=..."),
        ("~paths", "~paths: nothing can be left out"),
        (
            "~job.export.folder",
            "nothing can be left out; give another value: job.export.folder=...",
        ),
        ("root=/elsewhere", "root: no such parameter"),
        ("hydra.callbacks={}", "hydra.callbacks: no such setting; of Hydra's there are"),
        ("hydra.sweep.subdir=x", "hydra.sweep.subdir: no such setting"),
        ("hydra.verbose=loud", "hydra.verbose=loud: allowed is true, false, or a list"),
        ("hydra.mode=SOMETIMES", "hydra.mode=SOMETIMES: allowed is RUN, MULTIRUN"),
        ("hydra.sweep.dir=", "hydra.sweep.dir=: allowed is a folder"),
        ("hydra.sweeper.max_batch_size=1.5", "allowed is a whole number of at least 1, or null"),
        ("hydra/launcher=[basic]", "hydra/launcher=[basic]: allowed is the name of one option"),
        ("hydra/launcher=basics", "hydra/launcher=basics: allowed is basic"),
    ],
)
def test_groups_and_settings_of_hydra_take_what_means_something(override, line):
    assert line in refused("model=tiny", override)


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("precision.int8.batched=1", "precision.int8.batched=1: allowed is true, false"),
        ("subparams.unit_norm=off", "subparams.unit_norm=off: allowed is true, false"),
        ("force=null", "force=null: allowed is true, false: it is never null"),
        (
            "job.steer.chat_template=[true]",
            "job.steer.chat_template=[true]: allowed is true, false",
        ),
        ("seed=null", "seed=null: allowed is a whole number: it is never null"),
        ("seed=2.0", "seed=2.0: allowed is a whole number"),
        ("seed=false", "seed=false: allowed is a whole number"),
        ("subparams.seed=[1]", "subparams.seed=[1]: allowed is a whole number"),
        ("tracking.timeout_s=soon", "tracking.timeout_s=soon: allowed is a number"),
        ("subparams.position=end", "subparams.position=end: allowed is mid, last, mean, from_50"),
        (
            "job.precision.precisions=int8",
            "job.precision.precisions=int8: allowed is a list [a,b] of: fp32, bf16",
        ),
        (
            "job.export=3",
            "job.export=3: allowed is a value each of run, format, emotions, scale, folder",
        ),
        ("resampling=null", "resampling=null: allowed is a value each of n_splits, n_bootstrap"),
        ("vectors={remove:none,projecton:none}", "(did you mean vectors.projection or"),
        ("job.export={folder:x,scale:{a:1}}", "job.export={folder:x,scale:{a:1}}: allowed is"),
        (
            "job.steer.emotions=[[calm],[sad]]",
            "job.steer.emotions=[[calm],[sad]]: allowed is a list",
        ),
        ("job.sensitivity.objectives=[0.5]", "a number in quotes"),
        (
            "job.export.emotions=[true]",
            "job.export.emotions=[true]: allowed is a list of single texts",
        ),
        (
            "job.ablate.tokens=[[1],[2]]",
            "job.ablate.tokens=[[1], [2]]: allowed is a list of single values",
        ),
        ("stimuli.path=[a.csv]", "in quotes it is one: 'stimuli.path=\"[a.csv]\"'"),
        ("backend.device=???", "backend.device=???: allowed is a value"),
    ],
)
def test_a_field_takes_its_own_type_only(override, line):
    assert line in refused("model=tiny", override)


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("subparams.samples=${two}", "subparams.samples=${two}: allowed is a reference that has a"),
        ("stimuli.path=${oc.env:EMO_NOT_SET}", "variable 'EMO_NOT_SET' not found"),
        ("output=${seed}", "output=${seed}: allowed is a reference that has a value"),
        ("model.revision=${nobody:1}", "Unsupported interpolation type nobody"),
        ("seed=${seed}", "seed=${seed}: allowed is a reference that has a value"),
    ],
)
def test_a_reference_without_a_value_is_one_line(override, line):
    assert line in refused("model=tiny", override)


def test_a_reference_with_a_value_is_that_value(monkeypatch):
    monkeypatch.setenv("EMO_TEST_NUMBER", "12")
    assert compose("model=tiny", "seed=${oc.env:EMO_TEST_NUMBER}").seed == 12
    assert compose("model=tiny", "subparams.seed=${seed}", "seed=4").subparams.seed == 4


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("splits_per_replicate=3", "did you mean resampling.splits_per_replicate?"),
        ("+bacth=3", "bacth: no such parameter; in this group there are job, model, backend"),
        ("++seeds=3", "seeds: no such parameter (did you mean seed?)"),
        ("steer.strength=[1]", "did you mean job.behave.steer.strength?"),
        ("steer.strengts=[1]", "did you mean job.steer.strengths"),
        ("job.summarize.layer.x=1", "job.summarize.layer.x: no such parameter"),
        ("a.b.c=1", "a.b.c: no such parameter; in this group there are job, model"),
        (
            "job.ablate.tokens[0]=1",
            "job.ablate.tokens[0]: no such parameter (did you mean job.ablate.tokens or "
            "job.ablate.emotions?)",
        ),
        ("precisions=[fp16]", "did you mean job.precision.precisions?"),
    ],
)
def test_an_unknown_name_is_answered_with_those_that_are_near(override, line):
    message = refused("model=tiny", override)
    assert line in message
    assert "allowed is" not in message


def test_an_unknown_name_is_a_config_error_with_the_names_beside_it():
    with pytest.raises(UnknownParameter) as caught:
        compose("resampling.splits=3")
    assert isinstance(caught.value, ConfigError)
    assert caught.value.allowed == "n_splits, n_bootstrap, splits_per_replicate, n_permutations"


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("loose", "'loose': the value is missing (did you mean subparams=loose?)"),
        ("nothing", "'nothing': the value is missing: group=option or a.b=value"),
        ("=5", "'=5': the name is missing"),
        ("", "'': the value is missing"),
        ("seed=[1", "override seed=[1: cannot be read"),
    ],
)
def test_a_word_that_is_no_override_is_one_line(override, line):
    assert line in refused(override)


@pytest.mark.parametrize(
    "value",
    ["a(1).csv", "of 5 (new).csv", "x=y.csv", "a, b.csv", "[old]/x.csv", 'the "best".csv', "a{1}b"],
)
def test_the_line_about_a_hard_value_says_how_to_quote_it(value):
    line = refused("model=tiny", f"subparams.prompts_path={value}")
    _, _, way = line.partition("'subparams.prompts_path=")
    (meant,) = shlex.split("'subparams.prompts_path=" + way.split(" is one text")[0])
    assert compose("model=tiny", meant).subparams.prompts_path == value


@pytest.mark.parametrize("value", ["données.csv", "~/x.csv", "情感.csv", "a#b!.csv", "a b", "x?y"])
def test_a_text_that_can_mean_one_thing_needs_no_quotes(value):
    assert compose("model=tiny", f"stimuli.path={value}").stimuli.path == value


@pytest.mark.parametrize("value", ["12345e6", "1234e5", "true", "1_000", "1.50", "nan", "-0"])
def test_a_text_keeps_the_characters_that_look_like_a_number(value):
    assert compose("model=tiny", f"model.revision={value}").model.revision == value


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), min_size=1))
def test_any_text_can_be_given_in_quotes(value):
    if not value.strip() or "${" in value or value == "???":
        return
    (override,) = shlex.split(quoted("model.licence", value))
    (word,) = words(override)
    from hydra.core.override_parser.overrides_parser import OverridesParser

    assert OverridesParser.create().parse_override(word).value() == value


def test_a_dictionary_takes_new_keys_without_a_plus():
    space = compose(
        "model=tiny", "job.sensitivity.space.precision=[fp32,bf16]"
    ).job.sensitivity.space
    assert space["precision"] == ["fp32", "bf16"]
    assert compose("model=tiny", "+seed=3").seed == 3


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("seed=range(3,3)", "seed=range(3,3): allowed is a range of 1 to 10000 values"),
        ("seed=range(9,3)", "allowed is a range of"),
        ("seed=range(0,9,0)", "allowed is a range of"),
        ("seed=range(0,1e300)", "allowed is a range of"),
        (f"seed=range(0,{MOST_POINTS + 1})", "allowed is a range of"),
        ("subparams.top_p=interval(0,1)", "job=sensitivity draws its own"),
        ("seed=glob(*)", "patterns are for the options of a group"),
        ("model=glob(gpt9*)", "model=glob(gpt9*): allowed is a pattern of gemma2_2b"),
        ("model=tiny,gpt3", "(did you mean gpt2?)"),
        ("force=true,2", "force=true,2: allowed is true, false"),
        ("model.revision=1e3,2e3", "what looks like a number stands in quotes"),
        ("nope=1,2", "nope: no such parameter"),
        ("seed=1,2,1", "seed=1,2,1: allowed is at least one value, each once"),
        ("seed=choice()", "seed=choice(): "),
    ],
)
def test_a_value_of_a_sweep_is_checked_like_any_other(override, line):
    with pytest.raises(EmoError) as caught:
        words(override)
    assert line in str(caught.value)


def test_sweeps_that_are_right_stay_as_they_are():
    given_words = [
        "seed=range(0,3)",
        "model=glob(tiny*)",
        "precision=fp32,bf16",
        "force=true,false",
    ]
    assert words(*given_words) == given_words


def test_the_folder_of_a_sweep_is_taken_from_the_projects_root(tmp_path):
    (word,) = checked(["hydra.sweep.dir=out/x"], [CONF], tmp_path)
    assert word == f'hydra.sweep.dir="{tmp_path}/out/x"'


SECRET = "hunter2"


@pytest.mark.parametrize(
    "override",
    [
        f"tracking.uri=postgresql://me:{SECRET}@db/x",
        f"job.sensitivity.storage=postgresql://me:{SECRET}@db/x",
        f'stimuli.path="https://host/x.csv?sig=1&access_key={SECRET}"',
        f"tracking.uri=postgresql://me:{SECRET}@db/x,postgresql://me:{SECRET}3@db/x",
    ],
)
def test_hydra_never_sees_a_password(override):
    (word,) = words(override)
    assert SECRET not in word
    if "," not in override:
        made = compose("model=tiny", override)
        assert SECRET in str(made)
        assert SECRET not in str(compose("model=tiny", "seed=1"))


@pytest.mark.parametrize(
    "override",
    [
        f"tracking.uri=postgresql://me:{SECRET}@db/(x",
        f"tracking.uri=postgresql://me:a b {SECRET}@db/(x",
        f"job.sensitivity.storage=(postgresql://me:{SECRET} c@db",
        f"stimuli.path=https://me:{SECRET}@db/(x",
        f"seed=https://me:{SECRET}@db",
        f"nope=https://me:{SECRET}@db",
        f"tracking.uri=[https://me:{SECRET}@db]",
        f"https://me:{SECRET}@db",
        f"job.summarize.models=[https://me:{SECRET}@db]",
    ],
)
def test_no_refusal_repeats_a_password(override):
    assert SECRET not in refused("model=tiny", override)


NAMES = (
    *all_names(),
    "model",
    "job",
    "precision",
    "experiment",
    "hydra.run.dir",
    "nope",
    "steer.x",
)
PIECES = st.sampled_from(
    [
        *"()[]{},=:'\"\\$~+-*.#@!%&|<>;^? \t\n0159é情\x00",
        *("true", "null", "nan", "inf", "1e400", "???", "a", "tiny", "fp32"),
        *("${", "${oc.env:HOME}", "${seed}", "range(", "choice(", "glob("),
    ]
)


@pytest.mark.slow
@given(
    st.sampled_from(["", "", "", "+", "++", "~"]),
    st.sampled_from(NAMES) | st.text(max_size=8),
    st.sampled_from(["=", "=", "=", "=", "", "=="]),
    st.lists(PIECES, max_size=6).map("".join) | st.text(max_size=12) | st.integers().map(str),
)
def test_random_words_are_a_valid_config_or_one_line(sign, name, equals, value):
    try:
        made = compose("model=tiny", f"{sign}{name}{equals}{value}")
    except EmoError as error:
        assert str(error).strip()
        assert "\n" not in str(error)
    else:
        assert isinstance(made, RunConfig)


def test_values_in_the_environment_are_kept_apart():
    one, two, again = words(
        *(f"tracking.uri=postgresql://me:{word}@db" for word in ("one", "two", "one"))
    )
    assert one == again != two
    assert os.environ[one[len("tracking.uri=${oc.env:") : -1]] == "postgresql://me:one@db"
