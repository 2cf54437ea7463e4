"""The harness itself: a child is what launch.py would be, and a project is put back whole."""

import signal

import pytest

from tests.conftest import TINY, write_small_csv
from tests.forked import Project, Warm


def test_what_a_command_writes_is_found_and_put_back(tmp_path):
    project = Project(tmp_path)
    (project.root / "kept").mkdir()
    (project.root / "kept" / "old").write_text("old")
    (project.root / "gone").write_text("gone")
    saved = project.save()
    (project.root / "kept" / "old").write_text("new")  # as long as before
    (project.root / "kept" / "more").symlink_to("nowhere")
    (project.root / "gone").unlink()
    (project.root / "gone").mkdir()
    (project.root / "gone" / "inside").write_text("")
    (project.temporary / "left").write_text("")
    (project.root / "a.lock").write_text("")
    changed = [f"project/{name}" for name in ("gone", "gone/inside", "kept/more", "kept/old")]
    assert project.changes(saved) == [*changed, "temporary/left"]
    project.restore(saved)
    assert project.changes(saved, ignore=()) == []
    assert (project.root / "kept" / "old").read_text() == "old"
    assert (project.root / "gone").read_text() == "gone"
    assert not (project.root / "a.lock").exists()


@pytest.mark.slow
def test_a_child_refuses_finishes_and_is_killed_as_launch_is(tmp_path):
    project = Project(tmp_path)
    write_small_csv(project.root)
    command = (*TINY, "stimuli.path=small.csv", "output=json")
    with Warm() as warm:
        assert warm.learn(project, *command).json["status"] == "finished"
        saved = project.save()
        assert warm.run(project, *command).json["status"] == "reused"
        refused = warm.run(project, *command, "seed=x")
        assert (refused.code, refused.json["status"]) == (1, "failed")
        assert warm.run(project, *command, "seed=1", kill=(0, signal.SIGKILL)).code == -9
        assert warm.run(project, *command, "seed=1", timeout=0).code is None
        assert warm.run(project, *command, "seed=1").json["status"] == "finished"
        assert any("artifacts" in path for path in project.changes(saved))
