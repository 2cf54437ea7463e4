"""What every field may hold, by its metadata, and which files have to be there."""

import dataclasses
from pathlib import Path

import pytest

from emo.config.checks import check, check_files, check_memory, fields
from emo.config.resolve import compose
from emo.config.schema import ResamplingConfig, RunConfig
from emo.errors import ConfigError, EmoError

CONFIG = compose("model=tiny")


def with_value(config, name, value):
    """The config with the value of one dotted name replaced."""
    first, _, rest = name.partition(".")
    if rest:
        value = with_value(getattr(config, first), rest, value)
    return dataclasses.replace(config, **{first: value})


BOUNDED = [f for f in fields(CONFIG) if "min" in f.metadata or "max" in f.metadata]


def test_every_number_has_both_bounds():
    numbers = [f for f in fields(CONFIG) if any(t in str(f.hint) for t in ("int", "float"))]
    free = {
        f.name
        for f in numbers
        if "max" not in f.metadata or not {"min", "above"} & f.metadata.keys()
    }
    assert free <= {
        "model.tiny.n_layers",
        "model.tiny.hidden",
    }  # emo.models.tiny knows what it builds


def test_a_bound_that_is_not_allowed_itself():
    with pytest.raises(ConfigError, match=r"top_p=0\.0: allowed is a value above 0, at most 1$"):
        check(with_value(CONFIG, "subparams.top_p", 0.0))


@pytest.mark.slow
@pytest.mark.parametrize("field", BOUNDED, ids=lambda f: f.name)
def test_what_is_beyond_a_bound_is_refused_and_the_bound_itself_is_not(field):
    many = "list" in str(field.hint)
    for bound, beyond in (("min", -1), ("max", 1)):
        if (limit := field.metadata.get(bound)) is None:
            continue
        wrong, right = limit + beyond, limit
        outside = with_value(CONFIG, field.name, [wrong] if many else wrong)
        with pytest.raises(ConfigError, match=rf"{field.name}=.*allowed is .*{limit}") as caught:
            check(outside)
        assert "\n" not in str(caught.value)
        if field.name != "resampling.n_bootstrap":  # is bounded together with another
            check(with_value(CONFIG, field.name, [right] if many else right))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_is_finite(value):
    for name in ("tracking.timeout_s", "precision.int8.threshold", "subparams.top_p"):
        with pytest.raises(ConfigError, match=rf"{name}=.*finite"):
            check(with_value(CONFIG, name, value))


def test_an_integer_beyond_any_float_is_a_number_too():
    with pytest.raises(ConfigError, match=r"resampling\.n_splits=1000.*at most 100000"):
        check(with_value(CONFIG, "resampling.n_splits", 10**400))


def test_all_half_splits_together_are_bounded():
    many = ResamplingConfig(n_bootstrap=60_000, splits_per_replicate=50)
    with pytest.raises(ConfigError, match="it makes 3000000 half splits, at most 1000000"):
        check(dataclasses.replace(CONFIG, resampling=many))


def test_memory_for_half_splits_is_asked_for_before_it_is_taken():
    few = ResamplingConfig(n_bootstrap=200, splits_per_replicate=10)
    check_memory(few, 504)
    with pytest.raises(ConfigError, match=r"2200 half splits of 10\d* passages take \d+\.\d GiB"):
        check_memory(few, 10**9)


@pytest.mark.parametrize("value", ["nope", "0" * 31, "G" * 32, "0" * 33])
def test_a_parent_is_the_whole_id_of_a_run(value):
    with pytest.raises(ConfigError, match=rf"tracking\.parent={value}: allowed is the whole id"):
        compose("model=tiny", f'tracking.parent="{value}"')
    compose("model=tiny", f"tracking.parent={'0a' * 16}")


def test_a_message_stays_short_and_on_one_line():
    with pytest.raises(ConfigError) as caught:
        check(with_value(CONFIG, "tracking.parent", "x\ny" + 1000 * "z"))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


# ------------------------------------------------------------------------------------------ paths

READ = [f.name for f in fields(CONFIG) if f.metadata.get("path") == "read"]
WRITTEN = [f.name for f in fields(CONFIG) if f.metadata.get("path") == "written"]


def test_every_field_that_is_a_path_says_so():
    named = {f.name for f in fields(CONFIG) if "path" in f.name.split(".")[-1]}
    assert named <= set(READ)
    assert {"job.steer.judge_model"} <= set(READ)
    folders = {"job.export.folder", "job.bundle.folder"}
    assert set(WRITTEN) == {"paths.store", "paths.weights", *folders}


@pytest.mark.parametrize("name", [*READ, *WRITTEN, "model.id"])
def test_a_home_of_nobody_and_a_loop_of_links_are_one_line(name, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    base = dataclasses.replace(CONFIG, root=str(tmp_path))
    if name == "model.id":
        base = with_value(base, "model.name", "hub")
    for value in ("~nobody_of_this_name/x", "./loop/x", "x" * 300):
        with pytest.raises(EmoError) as caught:
            config = with_value(base, name, f"./{value}" if value[0] == "x" else value)
            check(config)
            check_files(config)
        assert str(caught.value).startswith(f"{name}=")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", READ)
def test_a_missing_file_names_the_parameter_and_where_it_was_looked_for(name, tmp_path):
    config = with_value(dataclasses.replace(CONFIG, root=str(tmp_path)), name, "in/mine.csv")
    with pytest.raises(EmoError, match=rf"{name}=in/mine.csv: .*no such file: {tmp_path}/in/mine"):
        check_files(config)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "mine.csv").touch()
    check_files(config)


def test_a_file_beside_the_command_is_not_taken_but_its_path_is_given(tmp_path, monkeypatch):
    root, here = tmp_path / "project", tmp_path / "elsewhere"
    root.mkdir()
    here.mkdir()
    (here / "mine.csv").touch()
    monkeypatch.chdir(here)
    config = with_value(dataclasses.replace(CONFIG, root=str(root)), "stimuli.path", "mine.csv")
    with pytest.raises(EmoError) as caught:
        check_files(config)
    way = str(caught.value).rpartition("give ")[2]
    assert way == f"stimuli.path={here}/mine.csv"
    check_files(compose("model=tiny", way, root=root))


@pytest.mark.parametrize("value", ["./here", "../here", "~/here", "/here", "a/b/here"])
def test_a_model_id_that_is_a_path_has_to_be_there(value, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    config = with_value(dataclasses.replace(CONFIG, root=str(tmp_path)), "model.id", value)
    with pytest.raises(EmoError, match=rf"model\.id={value}: no such folder"):
        check_files(config)
    check_files(with_value(config, "model.id", "org/name"))


@pytest.mark.parametrize("name", WRITTEN)
def test_a_folder_that_cannot_be_made_is_refused_and_none_is_made(name, tmp_path):
    (tmp_path / "file").touch()
    config = dataclasses.replace(CONFIG, root=str(tmp_path))
    for value in ("file/x", *["/proc/none/x"] * Path("/proc").is_dir()):
        with pytest.raises(EmoError, match=rf"{name}={value}: "):
            check_files(with_value(config, name, value))
    check_files(with_value(config, name, "new/folder"))
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_defaults_are_never_refused(tmp_path):
    check_files(RunConfig(root=str(tmp_path / "not" / "there")))
