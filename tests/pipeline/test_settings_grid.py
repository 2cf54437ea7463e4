"""How often models are loaded where one writes and another reads."""

from dataclasses import replace

import pytest

from emo.config.enums import Centring, Position
from emo.generation.protocols import MATCHED
from emo.models import session
from emo.pipeline.generation import plan_of
from emo.pipeline.settings_grid import SettingGrid
from emo.pipeline.writer import StorySource
from tests.conftest import EMOTIONS

FIRST = replace(MATCHED, max_new_tokens=4, samples=2)
SETTINGS = [
    FIRST,
    replace(FIRST, samples=1),
    replace(FIRST, centring=Centring["global"], position=Position.last),
    replace(FIRST, chat_template=False),
    replace(FIRST, chat_template=False, samples=1),
]


@pytest.fixture
def loads(monkeypatch):
    seen = []
    real = session.load

    def counting(config, weights, precision, *rest):
        seen.append(precision.name.value)
        return real(config, weights, precision, *rest)

    session.release()
    monkeypatch.setattr(session, "load", counting)
    return seen


@pytest.fixture
def shared(tiny_config):
    config = tiny_config("method=generation", "precision=bf16", "subparams.texts_from=fp32")
    plan, prompts = plan_of(config)
    return SettingGrid(StorySource(plan, prompts, EMOTIONS), 1, 4, 2)


def test_all_is_planned_before_the_first_reading(shared, loads):
    shared.evaluate(SETTINGS)
    assert loads == ["fp32", "bf16"]


def test_settings_that_were_checked_need_the_writer_for_new_texts_only(shared, loads):
    shared.check(SETTINGS, "job.ablate.tokens", [4, 4])
    for sub in SETTINGS[:3]:
        shared.evaluate([sub])
    assert loads == ["fp32", "bf16"]
    shared.evaluate(SETTINGS[3:])
    assert loads == ["fp32", "bf16"] * 2
