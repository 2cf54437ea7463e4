import re
import tempfile

import pytest

from benchmarks import command, generation
from emo.config.resolve import compose
from emo.pipeline import generation as stories
from emo.pipeline.writer import StorySource


@pytest.mark.slow
def test_it_runs_on_a_tiny_model_and_writes_its_own_section(monkeypatch, capsys):
    written = {}
    monkeypatch.setattr(command, "write_section", lambda n, text: written.update({n: text}))
    generation.main(["--model", "tiny", "--emotions", "3", "--tokens", "8"])
    text = written["generation"]
    assert text in capsys.readouterr().out
    # 20 emotions of 5 distinct and 10 nominal texts, and ten neutral stories.
    assert "**5 timed, scaled to 210** | 210 |" in text
    assert "| ours: distinct texts in batches, one reading pass each | 110 |" in text
    distinct = 3 * (5 + 1 + 10 + 10) + 2 * 10
    assert re.search(rf"256 settings: writing \| {distinct} \|", text)
    assert text.count(" | yes |") + text.count(" | no |") == 6


def test_the_serial_way_reads_the_middle():
    config = compose("model=tiny", "method=generation", "subparams.max_new_tokens=12")
    plan, prompts = stories.plan_of(config)
    with tempfile.TemporaryDirectory() as folder:
        source = StorySource(generation.fresh(plan, folder), prompts, ["happy", "sad", "calm"])
        written = source.write(config.subparams)
        (activations,), _, _ = source.read([(written.texts, config.subparams)])
        story = written.texts.stories[0]
        n, got = generation.serial(source.writer(), story, config.subparams)
    assert n == len(written.texts.texts[0].tokens)
    assert got.numpy() == pytest.approx(activations.values[2, 0], abs=1e-5)


@pytest.mark.parametrize("option", ["--emotions=2", "--tokens=0"])
def test_too_little_is_refused(option, capsys):
    with pytest.raises(SystemExit):
        generation.main([option])
    assert "allowed is at least" in capsys.readouterr().err
