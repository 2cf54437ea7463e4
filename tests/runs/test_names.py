"""What runs are called: whoever reads the list of runs can tell any two of them apart."""

import itertools

import pytest

from emo.config.resolve import compose
from emo.runs.names import LONGEST, renamed, run_name, shortened


def name(*words):
    return run_name(compose(*" ".join(words).split()))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", "A smollm2_135m fp32"),
        ("precision=bf16", "A smollm2_135m bf16"),
        ("precision=int8", "- smollm2_135m int8"),
        ("method.readout=mean", "- smollm2_135m fp32 readout=mean"),
        ("method=generation subparams=loose", "B smollm2_135m fp32"),
        ("method=generation subparams=loose subparams.seed=1", "B' smollm2_135m fp32 seed=1"),
        ("method=generation subparams.templates=odd", "C' odd smollm2_135m fp32"),
        ("method=generation precision=int8", "D smollm2_135m int8"),
        (
            "method=generation subparams.max_new_tokens=24 subparams.position=mean",
            "- smollm2_135m fp32 matched+max_new_tokens=24+position=mean",
        ),
        (
            "method=generation subparams=loose subparams.max_new_tokens=24",
            "- smollm2_135m fp32 loose+max_new_tokens=24",
        ),
        ("model=tiny model.tiny.architecture=gpt2", "A tiny fp32 architecture=gpt2"),
        ("stimuli=shown_de", "A smollm2_135m fp32 shown_de"),
        ("seed=3", "A smollm2_135m fp32 resampling.seed=3"),
        ("job=steer", "steer smollm2_135m fp32 default"),
        ("job=steer steer=published", "steer smollm2_135m fp32 published"),
        (
            "job=steer steer=published job.steer.layers=5",
            "steer smollm2_135m fp32 published layers=5",
        ),
        ("job=ablate job.ablate.tokens=[16,8]", "ablate smollm2_135m fp32 tokens=[16,8]"),
        ("job=precision job.precision.situations=2", "precision smollm2_135m fp32 situations=2"),
    ],
)
def test_a_name_says_condition_model_precision_and_what_differs_from_the_preset(words, expected):
    made = name(words)
    assert made == expected


VARIED = (
    ["model=tiny", "model=tiny model.tiny.seed=5", "model=tiny model.tiny.hidden=64"],
    ["precision=fp32", "precision=int8", "precision=int8 precision.int8.threshold=4"],
    [
        *("", "method.readout=mean", "vectors.projection=z_score", "vectors.remove=situation"),
        *("method.readout=suffix", "method.readout=suffix method.suffix=now"),
        *("method=generation", "method=generation subparams.samples=5"),
        *("method=generation subparams.unit_norm=false", "method=generation subparams=loose"),
        "method=generation subparams=loose subparams.temperature=0.5",
    ],
    ["", "resampling.n_bootstrap=20", "resampling.n_permutations=0", "seed=2"],
)


@pytest.mark.slow
def test_runs_that_differ_in_any_of_many_settings_have_names_that_differ():
    made = {}
    for words in itertools.product(*VARIED):
        made.setdefault(name(*words), []).append(words)
    assert [words for words in made.values() if len(words) > 1] == []


def test_a_name_is_never_longer_than_the_list_can_show():
    strengths = ",".join(f"{i / 1000}" for i in range(1, 90))
    made = name(f"job=steer job.steer.strengths=[{strengths}]")
    assert len(made) == LONGEST and made.endswith("...")


def test_a_name_is_one_line():
    assert shortened("read two\nlines  of text") == "read two lines of text"


def test_a_model_that_is_called_otherwise_now_is_so_in_names_of_all_versions():
    assert renamed("A gpt2 fp32", "gpt2", "mine") == "A mine fp32"
    assert renamed("gpt2 fp32 comprehension last", "gpt2", "mine") == "mine fp32 comprehension last"
    assert renamed("A gpt2-xl fp32", "gpt2", "mine") == "A gpt2-xl fp32"
