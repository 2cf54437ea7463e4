"""Points of a sensitivity study on a tiny model, and those refused before anything is loaded."""

import gc
import weakref
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from emo.cli import run_job
from emo.core.stats.sobol import variance_shares
from emo.errors import ConfigError
from emo.jobs import sensitivity
from emo.pipeline.exact_shares import of_ablation
from emo.pipeline.study_point import Evaluator, identity, setting
from emo.study.space import Space
from emo.tracking import Tracker
from tests.jobs.conftest import runs

SMALL = {
    "prompts": ["stories", "paragraph"],
    "samples": [4, 1],
    "max_new_tokens": [24, 12],
    "position": ["mid", "last"],
    "layer": ["middle", 1],
    "centring": ["neutral", "global"],
}


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (
            {"max_new_tokens": [100000, 12]},
            r"job\.sensitivity\.space\.max_new_tokens=\[100000, 12\]: allowed is each a",
        ),
        (
            {"layer": ["middle", 4]},
            r"space\.layer=\['middle', 4\]: allowed is middle, best, two_thirds, 0 to 3",
        ),
        ({"layer": ["best", "77"]}, r"space\.layer=\['best', '77'\]: allowed is"),
    ],
)
def test_what_the_model_cannot_have_is_said_of_the_space_and_nothing_is_written(
    study_config, space, words
):
    config = study_config("job.sensitivity.objectives=[rho_matched]", space={**SMALL, **space})
    with pytest.raises(ConfigError, match=words) as caught:
        sensitivity.run(config)
    assert "\n" not in str(caught.value)
    assert not config.path("mlruns").exists()
    assert not config.path(config.paths.store).exists()


def test_an_ablation_that_the_model_cannot_have_reads_nothing_first(tiny_config):
    config = tiny_config("job=ablate", "job.ablate.tokens=[100000,12]")
    outcome = run_job(config)
    assert outcome.error.startswith("job.ablate.tokens=[100000, 12]: allowed is each a value")
    assert runs(config) == []


@pytest.mark.slow
def test_points_of_a_model_are_those_of_the_ablation(study_config, tiny_config):
    """The same points through job=ablate's own levels, and most of them without a new text."""
    from emo.core.stats.factorial import factorial, full_factorial
    from tests.jobs.test_ablate import points_of

    config = study_config("job.sensitivity.objectives=[rho_matched]", space=SMALL)
    at = Evaluator(config)
    ablate = ("job=ablate", "job.ablate.tokens=[24,12]", "job.ablate.samples=[4,1]")
    make = partial(tiny_config, *ablate)
    rows = points_of(make, run_job(make()))
    names = ["prompts", "samples", "max_new_tokens", "position", "centring"]
    for levels in full_factorial(len(names))[::5]:
        loose = {n: bool(x) for n, x in zip(names, levels, strict=True)}
        point = {n: SMALL[n][loose.get(n, False)] for n in SMALL}
        values = at(point)
        (row,) = (
            r
            for r in rows
            if all(
                r[n] == str(int(loose.get(n, False)))
                for n in (*names, "decoding", "layer", "chat_template")
            )
        )
        assert values["rho_matched"] == pytest.approx(float(row["rho_matched"]))
        assert values["tokens_written"] == 0
    space = {name: SMALL[name] for name in names}
    exact = of_ablation(study_config(space=space), Space(space), Tracker(config), "rho_matched")
    kept = [r for r in rows if not any(int(r[n]) for n in ("decoding", "layer", "chat_template"))]
    levels = np.array([[int(row[name]) for name in names] for row in kept])
    rho = np.array([float(row["rho_matched"]) for row in kept])
    shares = variance_shares(factorial(names, levels, rho))
    assert exact.shares == pytest.approx(dict(zip(names, shares.in_all, strict=True)))
    values = at({**point, "samples": 1, "prompts": "paragraph"})
    assert not {"reliability", "accuracy"} & set(values)


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (
            {"temperature": [0.1, 0.2]},
            "job.sensitivity.space=temperature: allowed is prompts, samples",
        ),
        (
            {"layer": ["middle", True]},
            r"layer=True: allowed is middle, best, two_thirds, or a layer's number",
        ),
        (
            {"layer": ["middle", -1]},
            r"layer=-1: allowed is middle, best, two_thirds, or a layer's number",
        ),
        (
            {"layer": ["middle", "last"]},
            r"layer=last: allowed is middle, best, two_thirds, or a layer's number",
        ),
        ({"samples": [[1], [2]]}, r"samples=\[\[1\], \[2\]\]: allowed is single values"),
        ({"samples": [2, 2.5]}, r"samples=2\.5: allowed is whole numbers"),
        ({"samples": [2, True]}, r"samples=True: allowed is whole numbers"),
        (
            {"prompts": ["stories", {"a": 1}]},
            r"prompts=\['stories', \{'a': 1\}\]: allowed is single",
        ),
        (
            {"max_new_tokens": list(range(1, 400)), "samples": list(range(1, 400))},
            "points: allowed",
        ),
        ({"position": ["mid", "end"]}, "job.sensitivity.space.position=end: allowed is mid, last"),
        ({"samples": [10, 0]}, "job.sensitivity.space.samples=0"),
        ({"chat_template": [True, "no"]}, "job.sensitivity.space.chat_template=no"),
        (
            {"precision": ["fp32", "fp64"]},
            "job.sensitivity.space.precision=fp64: allowed is fp32, bf16",
        ),
    ],
)
def test_a_value_no_sub_parameter_has_is_refused_before_anything_is_loaded(
    study_config, space, words
):
    with pytest.raises(ConfigError, match=words):
        sensitivity.run(study_config(space=space))


@pytest.mark.parametrize("objective", ["reliability", "accuracy"])
@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"samples": [4, 1]}, r"samples=1: allowed is 2 or more"),
        (
            {"prompts": ["stories", "paragraph"]},
            r"decoding=greedy: allowed is sampled where prompts=paragraph",
        ),
    ],
)
def test_points_that_cannot_have_an_objective_are_refused_before_anything_is_loaded(
    study_config, objective, space, words
):
    space = {"position": ["mid", "last"], **space}
    config = study_config(f"job.sensitivity.objectives=[rho_matched,{objective}]", space=space)
    with pytest.raises(ConfigError, match=words) as caught:
        sensitivity.run(config)
    assert f"the objective {objective} needs two texts per emotion" in str(caught.value)
    assert not config.path("mlruns").exists()


def test_half_of_a_single_template_is_refused_before_anything_is_loaded(study_config, one_template):
    space = {"position": ["mid", "last"], "templates": ["all", "even"]}
    config = study_config(one_template, space=space)
    with pytest.raises(ConfigError, match="templates=even: allowed is all, odd"):
        sensitivity.run(config)
    assert not config.path("mlruns").exists()


@pytest.mark.parametrize(
    "space",
    [
        {"samples": [10, 2]},
        {"prompts": ["stories", "paragraph"], "decoding": ["sampled"]},
        {"prompts": ["stories"], "decoding": ["greedy", "sampled"]},
    ],
)
def test_points_that_can_have_them_are_taken(study_config, space):
    space = {"position": ["mid", "last"], **space}
    Evaluator(study_config("job.sensitivity.objectives=[accuracy,reliability]", space=space))


def test_an_unknown_objective_is_refused_before_anything_is_loaded(study_config):
    config = study_config("job.sensitivity.objectives=[rho_mached]", space=SMALL)
    with pytest.raises(
        ConfigError, match="objectives=rho_mached: allowed is relative_rho, rho_matched, rel"
    ):
        sensitivity.run(config)
    assert not config.path("mlruns").exists()


def test_the_reference_as_a_point_is_its_own_replicate(study_config):
    """Relative to what replicates reach it is 1, and so is the same geometry from fewer texts."""
    space = {"samples": [4, 1], "max_new_tokens": [12], "position": ["mid", "last"]}
    at = Evaluator(study_config("job.sensitivity.objectives=[relative_rho]", space=space))
    point = {"samples": 4, "max_new_tokens": 12, "position": "mid"}
    found = at(point)
    assert found["relative_rho"] == pytest.approx(1)
    assert found["disjoint_rho"] == found["ceiling"] == pytest.approx(found["reference_replicate"])
    assert found["rho_matched"] == pytest.approx(1)
    single = at({**point, "samples": 1})
    assert single["relative_rho"] == pytest.approx(1)  # fewer texts are noise, no other geometry
    assert single["rho_matched"] < 0.999
    assert single["tokens_written"] == 0


def test_a_reference_of_one_text_has_no_relative_value(study_config, one_template):
    space = {"samples": [4], "position": ["mid", "last"]}
    config = study_config(one_template, "job.sensitivity.objectives=[relative_rho]", space=space)
    with pytest.raises(ConfigError, match="allowed is prompts of which the reference has two"):
        Evaluator(config)
    Evaluator(study_config(one_template, "job.sensitivity.objectives=[rho_matched]", space=space))


def test_accuracy_of_a_point_by_a_plain_loop(study_config):
    """Each text against the nearest mean of the texts of other prompts."""
    from emo.pipeline.generation import read_prompts
    from emo.pipeline.writer import StorySource
    from emo.runs.plan import make_plan

    space = {"samples": [5, 2], "max_new_tokens": [12], "position": ["last"]}
    config = study_config("job.sensitivity.objectives=[accuracy]", space=space)
    point = {"samples": 5, "max_new_tokens": 12, "position": "last"}
    sub = setting(config, point)
    plan = make_plan(config)
    source = StorySource(plan, read_prompts(config), plan.stimuli.emotions)
    (read,), _, _ = source.read([(source.write(sub).texts, sub)])
    values = read.values[source.n_layers() // 2].astype(float)
    kept = [i for i, e in enumerate(read.emotions) if e != "neutral"]
    right = 0
    for i in kept:
        others = [j for j in kept if read.situations[j] != read.situations[i]]
        means = {
            e: values[[j for j in others if read.emotions[j] == e]].mean(axis=0)
            for e in dict.fromkeys(read.emotions[j] for j in others)
        }
        nearest = min(means, key=lambda e: ((values[i] - means[e]) ** 2).sum())
        right += nearest == read.emotions[i]
    assert Evaluator(config)(point)["accuracy"] == pytest.approx(right / len(kept))


@pytest.mark.slow
def test_a_study_is_named_by_all_that_can_change_a_number(study_config, one_template, small_csv):
    def name(*overrides):
        return identity(study_config(*overrides, space=SMALL))

    prompts = Path(one_template.partition("=")[2])
    before = name(one_template)
    prompts.write_text(prompts.read_text().replace("about", "of"))
    assert name(one_template) != before
    before = name()
    small_csv.write_text(small_csv.read_text().replace("quay", "pier"))
    assert name() != before
    others = (
        "job.sensitivity.emotions=4",
        "model.tiny.seed=1",
        "precision=bf16",
        "resampling.n_splits=7",
    )
    assert len({name(), *map(name, others)}) == 1 + len(others)


@pytest.mark.parametrize("version", ["PROTOCOL_VERSION", "TEXT_VERSION", "STUDY_VERSION"])
def test_an_older_harness_study_is_not_continued(study_config, monkeypatch, version):
    before = identity(study_config(space=SMALL))
    monkeypatch.setattr(f"emo.runs.identity.{version}", 99)
    assert identity(study_config(space=SMALL)) != before


def test_edited_weights_make_another_study(study_config, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    weights = folder / "model.safetensors"
    save_file({"w": np.zeros(2)}, weights)
    model = ("model=hub", f"model.id={folder}")
    before = identity(study_config(*model, space=SMALL))
    save_file({"w": np.ones(2)}, weights)
    assert identity(study_config(*model, space=SMALL)) != before


@pytest.mark.slow
def test_what_changes_no_number_makes_no_other_study(study_config):
    same = (
        "backend.batch_size=3",
        "backend.decode_batch_size=5",
        "job.sensitivity.n_trials=99",
        "job.sensitivity.take_over=true",
        "job.sensitivity.storage=sqlite:///other.db",
        "subparams.temperature=0.5",  # nothing is sampled there
    )
    assert len({identity(study_config(o, space=SMALL)) for o in ("force=true", *same)}) == 1
    sampled = {**SMALL, "decoding": ["greedy", "sampled"]}
    both = {identity(study_config(o, space=sampled)) for o in ("force=true", same[-1])}
    assert len(both) == 2


def test_each_precision_of_the_space_is_part_of_the_name(study_config):
    varied = {**SMALL, "precision": ["fp32", "int8"]}
    other = "precision.int8.compute_dtype=bf16"
    assert identity(study_config(space=varied)) != identity(study_config(other, space=varied))
    # Of a precision that no point has the settings change nothing.
    assert identity(study_config(space=SMALL)) == identity(study_config(other, space=SMALL))


@pytest.mark.slow
def test_precision_may_be_varied_and_one_model_is_held(study_config):
    """The points of another precision are those of a study in that precision."""
    from emo.models import session

    space = {"samples": [2], "max_new_tokens": [6], "position": ["mid", "last"]}
    varied = {**space, "precision": ["fp32", "nf4"]}
    wanted = "job.sensitivity.objectives=[rho_matched]"
    point = {"samples": 2, "max_new_tokens": 6, "position": "last"}
    at = Evaluator(study_config(wanted, space=varied))
    assert at({**point, "position": "mid", "precision": "fp32"})["rho_matched"] == 1
    (held,) = session._held.values()
    first = weakref.ref(held.model)
    del held
    values = [at({**point, "precision": p}) for p in ("nf4", "fp32", "nf4")]
    gc.collect()
    assert first() is None
    assert values[0]["tokens_written"] > values[2]["tokens_written"] == 0
    assert values[0]["rho_matched"] == values[2]["rho_matched"] != values[1]["rho_matched"]
    for p, value in zip(("nf4", "fp32"), values[:2], strict=True):
        alone = Evaluator(study_config(wanted, f"precision={p}", space=space))(point)
        assert alone["reliability"] == value["reliability"]
        assert alone["tokens_written"] == 0


@pytest.mark.slow
def test_the_whole_job_on_a_tiny_model(study_config):
    config = study_config("job.sensitivity.objectives=[rho_matched]", n=6, space=SMALL)
    outcome = sensitivity.run(config)
    assert outcome.metrics["trials"] == 6
    assert {"importance.json", "trials.csv"} <= set(outcome.artifacts)
    assert any(name.endswith(".png") for name in outcome.artifacts)
    children = runs(config, job="trial")
    written = [r.data.metrics["tokens_written"] for r in children]
    assert min(written) == 0  # points share their texts
    assert all(r.data.metrics["tokens_reused"] > 0 for r in children)
    assert sensitivity.run(config).status == "reused"
