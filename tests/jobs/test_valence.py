"""Valence of runs of a tiny model: settings, identity, files, tags, what is said and what refused."""

import logging

import pytest

from emo.cli import run_job
from emo.core.geometry.cosines import rdm
from emo.core.geometry.valence import pole_rdm
from emo.core.stats.correlation import spearman
from emo.runs import files
from emo.runs.plan import say
from emo.tracking import Tracker

STORIES = ("method=generation", "subparams.max_new_tokens=6")


@pytest.fixture
def own(tmp_path):
    def make(text):
        path = tmp_path / "poles.yaml"
        path.write_text(text)
        return f"stimuli.poles={path}"

    return make


def read(config, outcome, name, reader):
    return reader(Tracker(config).artifact(outcome.run_id, name))


def test_five_emotions_have_a_curve_and_cannot_tell(tiny_config):
    config = tiny_config()
    outcome = run_job(config)
    d = read(config, outcome, "descriptors.json", files.read_descriptors)
    vectors = read(config, outcome, "vectors.safetensors", files.read_vectors)
    poles = {"afraid": -1.0, "calm": 1.0, "happy": 1.0, "proud": 1.0, "sad": -1.0}
    rho = [
        float(spearman(rdm(vectors, layer).cosines, pole_rdm(poles).cosines)) for layer in range(4)
    ]
    assert d.curves["valence"] == pytest.approx(rho, abs=1e-6)
    assert d.valence.rho == pytest.approx(max(rho), abs=1e-6)
    assert "5 emotions cannot tell" in outcome.table
    run = Tracker(config).get(outcome.run_id)
    assert run.data.tags["valence"] == "cannot be told"
    assert run.data.metrics["chosen on the same texts/valence_best"] == d.valence.rho
    history = Tracker(config).client.get_metric_history(outcome.run_id, "over layers/valence")
    assert [m.step for m in history] == [0, 1, 2, 3]


def test_stories_have_it_too(tiny_config):
    config = tiny_config(*STORIES)
    outcome = run_job(config)
    d = read(config, outcome, "generation.json", files.read_story_descriptors)
    assert d.valence.emotions == ("afraid", "calm", "happy", "proud", "sad")
    assert outcome.metrics["valence"] == d.curves["valence"][d.layer]
    assert "valence" in outcome.table and "other prompts choose it" in outcome.table
    assert Tracker(config).get(outcome.run_id).data.tags["valence"] == "cannot be told"


def test_poles_of_ones_own_make_another_run_from_the_same_activations(tiny_config, own, caplog):
    first = run_job(tiny_config())
    say.cache_clear()  # said once per process
    caplog.set_level(logging.INFO)
    config = tiny_config(own("calm: pleasant\nhappy: pleasant\nsad: unpleasant\nafraid: none\n"))
    second = run_job(config)
    assert second.run_id != first.run_id
    assert second.passes_done == 0
    d = read(config, second, "descriptors.json", files.read_descriptors)
    assert d.valence.emotions == ("afraid", "calm", "happy", "sad")
    assert caplog.text.count("emotions without a pole are left out: proud") == 1
    again = run_job(config)
    assert again.status == "reused"
    assert again.table.splitlines()[1:12] == second.table.splitlines()[1:12]


def test_one_pole_is_said_in_one_line_and_the_run_is_made(tiny_config, own, caplog):
    say.cache_clear()
    config = tiny_config(own("calm: pleasant\nhappy: pleasant\nproud: pleasant\n"))
    outcome = run_job(config)
    assert outcome.status == "finished"
    assert "no valence: 3 emotions are pleasant and 0 unpleasant" in caplog.text
    assert "not available: it needs 3 pleasant or unpleasant emotions" in outcome.table
    assert Tracker(config).get(outcome.run_id).data.tags["valence"] == "not available"


@pytest.mark.parametrize("method", [(), STORIES])
def test_wrong_poles_are_refused_before_anything_is_written(tiny_config, own, tmp_path, method):
    config = tiny_config(*method, own("calm: nice\n"))
    outcome = run_job(config)
    assert outcome.failed
    assert outcome.error.startswith("stimuli.poles=")
    assert "'calm': its pole is 'nice'; allowed is pleasant, unpleasant, none" in outcome.error
    assert not (tmp_path / "mlruns").exists()
