"""What a sweep hands to its workers, and which launchers it refuses."""

import os

import pytest
from omegaconf import OmegaConf

from emo.errors import ConfigError, EmoError
from emo.launch import launchers as launching
from emo.redact import without_password

MASTER = {
    "tracking": {"uri": "postgresql://me:hunter2@db/x", "experiment": "e"},
    "list": [{"deep": "https://hunter2@host/y"}, "plain"],
    "missing": "???",
    "reference": "${tracking.uri}",
    "none": None,
    "seed": 3,
    "hydra": {"overrides": {"hydra": []}},
}


@pytest.mark.parametrize("closed", [False, True])
def test_no_password_of_a_config_is_handed_on_as_text(tmp_path, closed):
    master = OmegaConf.create(MASTER)
    OmegaConf.set_readonly(master.tracking, closed)
    OmegaConf.set_struct(master, closed)
    launching.hide(master)
    launching.save(master, tmp_path / "sweep" / "multirun.yaml")
    (remaining,) = (tmp_path / "sweep").iterdir()
    assert "hunter2" not in remaining.read_text()
    again = OmegaConf.load(remaining)
    assert again.tracking.uri == again.reference == MASTER["tracking"]["uri"]
    assert again.list[0].deep == "https://hunter2@host/y"
    assert (again.seed, again.none, again.list[1]) == (3, None, "plain")
    assert without_password(remaining.read_text()).count("postgresql://me@db/x") == 1


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(EmoError, match=rf"^hydra\.sweep\.dir={tmp_path}/file/x: Not a directory"):
        launching.save(OmegaConf.create(MASTER), tmp_path / "file" / "x" / "multirun.yaml")


def test_a_job_is_told_its_parent_and_the_size_of_its_sweep():
    master = OmegaConf.create(MASTER)
    launching.hand_over(master, "0a" * 16, 12, ["seed", "+model/x", "precision.int8.threshold"])
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parsed = OverridesParser.create().parse_overrides(list(master.hydra.overrides.hydra))
    told = {o.key_or_group: o.value() for o in parsed}
    assert told == {
        "tracking.parent": "0a" * 16,
        "hydra.job.env_set.EMO_POINTS": "12",
        "hydra.job.env_set.EMO_VARIED": "seed|+model/x|precision.int8.threshold",
    }


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"n_jobs": 0}, "hydra.launcher.n_jobs=0"),
        ({"timeout_min": 0}, "hydra.launcher.timeout_min=0"),
        ({"gpus_per_node": -1}, "hydra.launcher.gpus_per_node=-1"),
        ({"ray": {"remote": {"num_gpus": -0.5}}}, "hydra.launcher.ray.remote.num_gpus=-0.5"),
        ({"mem_gb": float("nan")}, "hydra.launcher.mem_gb=nan"),
    ],
)
def test_settings_with_which_no_job_starts_are_refused(settings, name):
    with pytest.raises(ConfigError, match=f"^{name}: allowed is"):
        launching.check(OmegaConf.create(settings), None)


def test_usual_settings_are_taken():
    usual = {"n_jobs": -1, "gpus_per_node": None, "ray": {"remote": {"num_gpus": 0.5}}, "name": "x"}
    launching.check(OmegaConf.create(usual), 2)
    with pytest.raises(ConfigError, match=r"^hydra\.sweeper\.max_batch_size=0: allowed is"):
        launching.check(OmegaConf.create(usual), 0)


@pytest.fixture(autouse=True)
def clean_environment():
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
