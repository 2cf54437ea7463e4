"""Which runs are taken: every rule with a run that breaks it."""

from dataclasses import replace

import pytest

from emo.config.enums import Readout
from emo.config.schema import MethodConfig, RunConfig
from emo.core.conditions.four_layer import FORCED, HALVES, NUDGED
from emo.runs.listing import RunListing
from emo.runs.versions import versions
from emo.summary.selection import Wanted, select

OTHER = {"model": "n", "model_id": "org/n"}
WANTED = Wanted.by(RunConfig(), "s" * 64)
WANTED = replace(WANTED, precision="")


def run(name, started=1, status="FINISHED", params=(), **tags):
    base = {
        "model": "m",
        "model_id": "org/m",
        "revision": "r1",
        "method": "comprehension",
        "precision": "fp16",
        "readout": "last",
        "stimuli_sha256": "s" * 64,
        "condition": "A",
    }
    tags = base | tags
    if tags["method"] == "comprehension":
        tags = {"versions": versions(False, False, mean=tags["readout"] == "mean"), **tags}
        if tags["precision"].startswith("int8"):
            tags["versions"] = versions(False, True)
    return RunListing(
        name, status, started, tags, {"method.readout": tags["readout"], **dict(params)}
    )


def story(name, condition, started=1, params=(), **tags):
    base = {"method": "generation", "prompts_sha256": "p", "condition": condition}
    return run(name, started, params=params, **(base | tags))


def asked(readout, **more):
    method = MethodConfig(readout=Readout(readout), **more)
    return replace(Wanted.by(RunConfig(method=method), "s" * 64), precision="")


def taken(runs, wanted=WANTED):
    selection = select(runs, wanted)
    models = {name: [r.run_id for r in of] for name, of in selection.models.items()}
    conditions = {
        model: {name: of[0].run_id for name, of in found.items()}
        for model, found in selection.conditions.items()
    }
    return models, conditions, {e.run.run_id: e.reason for e in selection.left_out}


def test_the_newest_finished_run_of_each_model():
    models, conditions, left = taken(
        [run("old", 1), run("new", 3), run("dead", 4, "KILLED"), run("other", 2, **OTHER)]
    )
    assert models == {"m": ["new", "old"], "n": ["other"]}
    assert conditions == {}
    assert left == {
        "dead": "not finished (KILLED)",
        "old": "older than run new of the same model",
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stimuli_sha256": "t" * 64}, "other passages (tttttttt instead of ssssssss)"),
        ({"readout": "mean"}, "method.readout=mean, this summary is of last"),
        ({"params": {"vectors.remove": "situation"}}, "vectors.remove=situation"),
        ({"params": {"vectors.projection": "z_score"}}, "vectors.projection=z_score"),
        ({"precision": "int8", "condition": "none"}, "quantised (int8)"),
        ({"precision": "nf4", "condition": "none"}, "quantised (nf4)"),
    ],
)
def test_runs_of_something_else_are_left_out_with_the_reason(change, words):
    models, _, left = taken([run("good", 1), run("bad", 2, **change)])
    assert models == {"m": ["good"]}
    assert words in left["bad"]


def test_what_is_wanted_decides():
    wanted = asked("suffix", suffix="x")
    a = run("a", readout="suffix", params={"method.suffix": "x"}, condition="none")
    b = run("b", readout="suffix", params={"method.suffix": "y"}, condition="none")
    models, _, left = taken([a, b, run("c")], wanted)
    assert models == {"m": ["a"]}
    assert set(left) == {"b", "c"}


def test_revisions_of_a_model_stand_beside_each_other():
    """Training steps are what a summary is made for; none is dropped."""
    steps = [
        run(f"s{n}", n, revision=f"{n}0123456789abcdef", params={"model.revision": f"step{n}"})
        for n in (1, 2, 3)
    ]
    models, _, left = taken([*steps, run("later", 4, revision="30123456789abcdef")])
    assert models == {"m@step1": ["s1"], "m@step2": ["s2"], "m@3012345": ["later", "s3"]}
    assert left == {"s3": "older than run later of the same model"}


def test_conditions_are_of_one_revision():
    b, c = (story(name, name, i, revision=f"r{i}") for i, name in ((1, "B"), (2, "C")))
    _, conditions, left = taken([b, c])
    assert conditions == {"m@r1": {"B": "B"}, "m@r2": {"C": "C"}}
    assert left == {}


def test_models_are_asked_for_by_any_of_their_names():
    a = run("a", 1, revision="r1", params={"model.revision": "one"})
    b = run("b", 2, revision="r2", params={"model.revision": "two"})
    for asked, found in (("m", {"a", "b"}), ("org/m", {"a", "b"}), ("m@one", {"a"})):
        models, _, left = taken([a, b], replace(WANTED, models=(asked,)))
        assert {i for ids in models.values() for i in ids} == found
        assert set(left) == {"a", "b"} - found


def test_runs_of_a_folder_named_as_it_once_was_give_way():
    old, new = (
        run(name, i, model_id="./m", revision=f"{kind}-0123456789abcdef")
        for i, (name, kind) in enumerate((("old", "folder"), ("new", "folder-v2")))
    )
    models, _, left = taken([old, new])
    assert models == {"m": ["new"]}
    assert left == {"old": "its folder was named otherwise than now; run new is of the same folder"}
    models, _, left = taken([old])
    assert (models, left) == ({"m": ["old"]}, {})


def test_random_models_count_by_shape_and_not_beside_real_ones():
    def tiny(name, architecture, seed="0"):
        params = {"model.source": "tiny", "model.tiny.architecture": architecture}
        params |= {"model.tiny.n_layers": "4", "model.tiny.hidden": "128"}
        return run(name, params=params | {"model.tiny.seed": seed}, model="tiny", revision=name)

    runs = [tiny("a", "llama"), tiny("b", "gpt2"), tiny("c", "gpt2", "1")]
    models, _, _ = taken(runs)
    assert set(models) == {"tiny llama 4x128", "tiny gpt2 4x128", "tiny gpt2 4x128 seed 1"}
    models, _, left = taken([*runs, run("real")])
    assert list(models) == ["m"]
    assert left["a"] == "random weights, beside real models"
    models, _, _ = taken([*runs, run("real")], replace(WANTED, models=("tiny", "m")))
    assert len(models) == 4
    _, _, left = taken([*runs, run("real")], replace(WANTED, models=("tiny",)))
    assert left == {"real": "its model is not in job.summarize.models"}


def full(precision, started):
    return [
        run(f"A {precision}", started, precision=precision),
        *(story(f"{c} {precision}", c, started, precision=precision) for c in ("B", "C")),
    ]


def test_conditions_of_one_model_in_one_precision():
    d = story("D", "D", precision="int8")
    forced = story("F", "D", precision="int8", teacher_forced="true")
    _, conditions, _ = taken([*full("fp16", 1), d, forced, story("B2", "B'")])
    assert conditions["m"] == {
        "A": "A fp16",
        "B": "B fp16",
        "C": "C fp16",
        "D": "D",
        FORCED: "F",
        "B'": "B2",
    }


def test_the_most_complete_precision_of_several_the_newest():
    more = [*full("fp16", 1), story("B2", "B'", precision="fp16")]
    _, conditions, left = taken([*more, *full("fp32", 9)])
    assert conditions["m"]["C"] == "C fp16"
    assert left["C fp32"] == "fp32: A, B and C are compared in fp16"
    assert "A fp32" not in left  # it stands in the cross-model study
    _, conditions, _ = taken([*full("fp16", 1), *full("fp32", 9)])
    assert set(conditions["m"].values()) == {"A fp32", "B fp32", "C fp32"}


def test_the_configured_precision_of_several_as_complete():
    runs = [*full("fp16", 1), *full("fp32", 9)]
    models, conditions, left = taken(runs, replace(WANTED, precision="fp16"))
    assert set(conditions["m"].values()) == {"A fp16", "B fp16", "C fp16"}
    assert models["m"][0] == "A fp16"
    assert left["A fp32"] == "fp32: A, B and C are compared in fp16"
    _, _, left = taken(
        [run("a", 1), run("b", 9, precision="fp32")], replace(WANTED, precision="fp16")
    )
    assert left == {"b": "in fp32, run a of the same model is in fp16"}
    models, _, _ = taken(runs, replace(WANTED, precision="bf16"))
    assert models["m"][0] == "A fp32"  # there is none in bf16: the newest
    more = [*runs, story("B2", "B'", precision="fp32")]
    _, conditions, _ = taken(more, replace(WANTED, precision="fp16"))
    assert conditions["m"]["C"] == "C fp32"  # more conditions come first


def test_runs_computed_otherwise_are_left_out():
    old = {"versions": "reading 0"}
    untagged = run("untagged", 0)
    untagged = replace(untagged, tags={k: v for k, v in untagged.tags.items() if k != "versions"})
    models, _, left = taken([run("a", 1), run("b", 2, **old), untagged])
    assert models["m"] == ["a"]
    assert left["untagged"].startswith("computed otherwise than now (reading 1, now")
    assert (
        left["b"]
        == "computed otherwise than now (reading 0, now reading 1, descriptors 2): repeat it"
    )
    d = story("D", "D", 5, precision="int8", versions=versions(True, True))
    stale = story("E", "D", 9, precision="int8", versions=versions(True, False))
    _, conditions, left = taken([*full("fp16", 1), d, stale])
    assert conditions["m"]["D"] == "D"
    assert "int8" in left["E"]


@pytest.mark.parametrize("logged", ["reading 1, descriptors 2", None])
def test_means_that_hold_position_0_are_left_out_of_a_summary_of_means(logged):
    """Runs from before the version of the mean, tagged or not; the last token is what it was."""
    old = run("old", 2, readout="mean", versions=logged)
    if logged is None:
        old = replace(old, tags={k: v for k, v in old.tags.items() if k != "versions"})
    models, _, left = taken([run("new", 1, readout="mean"), old], asked("mean"))
    assert models["m"] == ["new"]
    assert left["old"] == (
        f"computed otherwise than now ({logged or 'reading 1'}, now reading 1, mean 2, descriptors 2): "
        "repeat it"
    )
    kept = run("last", 3, versions="reading 1, descriptors 2")
    assert taken([kept])[0]["m"] == ["last"]


def test_moved_inputs_are_the_replicate_of_d_and_stand_in_for_nothing_else():
    moved = {"precision.nudge": "0", "precision.name": "int8"}
    plain = story("D", "D", precision="int8", params={"precision.name": "int8"})
    nudged = story("N", "D'", precision="int8_nudge0", params=moved)
    forced = story("F", "D'", precision="int8_nudge0", teacher_forced="true", params=moved)
    a = run("a", 9, precision="fp16_nudge0", condition="none", params={"precision.nudge": "0"})
    models, conditions, left = taken([*full("fp16", 1), plain, nudged, forced, a])
    assert {n: conditions["m"][n] for n in ("D", *NUDGED.values())} == {
        "D": "D",
        NUDGED["D"]: "N",
        NUDGED[FORCED]: "F",
    }
    assert models["m"] == ["A fp16"]
    assert left["a"] == "precision.nudge=0, this summary is of None"
    batched = story("B", "D'", 9, precision="int8_shared_nudge0", params=moved)
    _, conditions, left = taken([*full("fp16", 1), plain, nudged, batched])
    assert conditions["m"][NUDGED["D"]] == "N"
    assert left["B"] == "int8_shared is a variant: D' is there in int8"


def test_other_prompts_other_models_and_halves():
    odd, even = (
        story(half, "C'", params={"subparams.templates": half}) for half in ("odd", "even")
    )
    other = story("X", "B", 9, prompts_sha256="q")
    _, conditions, left = taken([*full("fp16", 1), odd, even, other, story("N", "C", 2, **OTHER)])
    assert conditions["m"][HALVES[0]] == "odd"
    assert conditions["m"][HALVES[1]] == "even"
    assert conditions["m"]["B"] == "B fp16"
    assert left["X"] == "other prompts than those of condition C"
    assert conditions["n"] == {"C": "N"}


def test_older_repeats_and_runs_of_no_condition():
    none = story("N", "none", condition_note="from matched it differs in samples")
    _, conditions, left = taken([*full("fp16", 1), story("C2", "C", 5), none])
    assert conditions["m"]["C"] == "C2"
    assert left["C fp16"] == "older than run C2 of condition C"
    assert left["N"] == "none of the conditions: from matched it differs in samples"


def test_condition_a_of_other_passages_is_no_condition():
    _, conditions, left = taken([*full("fp16", 1)[1:], run("A", stimuli_sha256="t" * 64)])
    assert set(conditions["m"]) == {"B", "C"}
    assert "other passages" in left["A"]


def test_mean_readout_summaries_keep_condition_a():
    runs = [*full("fp16", 1), run("mean", readout="mean", condition="none")]
    models, conditions, left = taken(runs, asked("mean"))
    assert models == {"m": ["mean"]}
    assert conditions["m"]["A"] == "A fp16"
    assert left == {}


@pytest.mark.parametrize(
    ("change", "want"),
    [
        ({}, "A"),
        ({"readout": "mean"}, None),
        ({"precision": "int8"}, None),
        ({"params": {"vectors.remove": "situation"}}, None),
    ],
)
def test_runs_from_before_conditions_were_tagged(change, want):
    old = run("a", **change)
    tags = {k: v for k, v in old.tags.items() if k != "condition"}
    assert replace(old, tags=tags).condition == want


def test_variants_of_int8_only_where_there_is_no_other():
    batched = story("batched", "D", 9, precision="int8_shared")
    _, conditions, _ = taken([*full("fp16", 1), batched])
    assert conditions["m"]["D"] == "batched"
    _, conditions, left = taken([*full("fp16", 1), batched, story("D", "D", precision="int8")])
    assert conditions["m"]["D"] == "D"
    assert left["batched"] == "int8_shared is a variant: D is there in int8"


def test_layers_that_are_best_on_other_passages_are_left_out():
    best = {"subparams.layer": "best"}
    other = story("X", "B", 9, params=best, stimuli_sha256="t" * 64)
    middle = story("M", "C", 9, params={"subparams.layer": "middle"}, stimuli_sha256="t" * 64)
    _, conditions, left = taken([*full("fp16", 1), other, middle])
    assert conditions["m"]["B"] == "B fp16"
    assert conditions["m"]["C"] == "M"  # no passage is in it
    assert left["X"] == (
        "its layer is the best one on other passages (tttttttt instead of ssssssss)"
    )
    _, conditions, _ = taken([*full("fp16", 1), story("N", "B", 9, params=best)])
    assert conditions["m"]["B"] == "N"


def test_forced_readings_are_of_the_texts_of_c():
    def forced(name, source, started=1):
        tags = {"precision": "int8", "teacher_forced": "true"}
        return story(name, "D", started, params={"subparams.texts_from": source}, **tags)

    _, conditions, left = taken([*full("fp16", 1), forced("F", "fp16"), forced("X", "fp32", 9)])
    assert conditions["m"][FORCED] == "F"
    assert left["X"] == "it reads the texts of fp32, C is in fp16"


@pytest.mark.parametrize(
    ("name", "value", "default"),
    [("threshold", "0.0", "6.0"), ("compute_dtype", "fp32", "fp16")],
)
def test_condition_d_has_int8_as_it_is_by_default(name, value, default):
    key = f"precision.int8.{name}"
    good, bad = (
        story(which, "D", started, params={key: x}, precision="int8")
        for which, started, x in (("good", 1, default), ("bad", 9, value))
    )
    # Only D: the settings are logged with every run, whatever its precision.
    c = story("C9", "C", 9, params={key: value}, precision="fp16")
    _, conditions, left = taken([*full("fp16", 1), good, bad, c])
    assert (conditions["m"]["D"], conditions["m"]["C"]) == ("good", "C9")
    assert left["bad"] == f"{key}={value}, condition D has {default}"
