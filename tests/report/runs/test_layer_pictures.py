"""The pictures of single layers: as MLflow's page looks for them, small, comparable over layers."""

import re

import numpy as np
import pytest
from PIL import Image

from emo.core.records import EmotionVectors
from emo.report.runs import layer_pictures
from emo.report.runs.layer_pictures import FOLDER, HEAD, write_rdm_pictures

NAME = re.compile(
    r"by layer~rdm\+step\+(\d+)\+timestamp\+\d+\+[0-9a-f-]{36}(\.png|\+compressed\.webp)"
)


def vectors(rng, layers=30, emotions=21):
    values = rng.normal(size=(layers, emotions, 40))
    names = tuple(f"e{i}" for i in range(emotions))
    return EmotionVectors(values, names, (5,) * emotions, "grand_mean")


def colour(path, row, column, emotions):
    image = Image.open(path).convert("RGB")
    cell = image.width // emotions
    at = (column * cell + cell // 2, HEAD + row * cell + cell // 2)
    return np.array(image.getpixel(at), int)


def test_each_layer_has_the_two_files_that_mlflow_shows(rng, tmp_path):
    write_rdm_pictures(vectors(rng), tmp_path)
    found = [NAME.fullmatch(p.name) for p in (tmp_path / FOLDER).iterdir()]
    assert all(found)
    assert sorted(int(m[1]) for m in found if m[2] == ".png") == list(range(30))
    assert sorted(int(m[1]) for m in found if m[2] != ".png") == list(range(30))
    assert sum(p.stat().st_size for p in (tmp_path / FOLDER).iterdir()) < 1_000_000


def test_the_names_are_those_of_mlflow_itself(rng, tmp_path, config):
    """Of the installed version: whatever it logs, this writes alike."""
    from emo.tracking import Tracker

    tracker = Tracker(config)
    run = tracker.client.create_run(tracker.experiment_id)
    pixels = np.zeros((8, 8, 3), np.uint8)
    tracker.client.log_image(run.info.run_id, pixels, key="by layer/rdm", step=7)
    theirs = [f.path for f in tracker.client.list_artifacts(run.info.run_id, "images")]
    assert len(theirs) == 2 and all(NAME.fullmatch(p.removeprefix("images/")) for p in theirs)
    assert "mlflow.loggedImages" in tracker.client.get_run(run.info.run_id).data.tags


def test_equal_cosines_have_equal_colours_at_all_layers(tmp_path):
    """Layer 0 has a pair at 0.8, layer 1 one at 0.2: the scale is that of both."""
    at = lambda c: [[1, 0, 0], [c, np.sqrt(1 - c * c), 0], [0, 0, 1]]  # noqa: E731
    values = np.array([at(0.8), at(0.2), at(0.8)])
    write_rdm_pictures(EmotionVectors(values, ("a", "b", "c"), (1, 1, 1), "grand_mean"), tmp_path)
    by_layer = {int(NAME.fullmatch(p.name)[1]): p for p in tmp_path.rglob("*.png")}
    strong, weak, again = (colour(by_layer[i], 0, 1, 3) for i in range(3))
    assert np.abs(strong - again).max() <= 2 and np.abs(strong - weak).max() > 40


def test_a_picture_that_cannot_be_drawn_costs_a_line(rng, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(layer_pictures, "_picture", lambda *_: 1 / 0)
    write_rdm_pictures(vectors(rng, 2, 3), tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert "could not be drawn: ZeroDivisionError" in caplog.text


@pytest.fixture
def config(tmp_path):
    from emo.config.schema import RunConfig

    return RunConfig(root=str(tmp_path / "project"))
