"""The bundled scenarios, and what is refused in a user's."""

import pytest

from emo.errors import StimuliError
from emo.stimuli.audit import leakage, load_lexicon
from emo.stimuli.loading import load_stimuli
from emo.stimuli.scenarios import load_scenarios


def test_bundled_scenarios_cover_the_emotion_set():
    items = load_scenarios().items
    assert len(items) == 20
    assert [s.emotion for s in items[:2]] == ["calm", "hostile"]
    assert {s.emotion for s in items} == set(load_stimuli().emotions) - {"neutral"}


def test_bundled_openings_do_not_name_an_emotion():
    texts = {s.id: s.text for s in load_scenarios().items}
    assert leakage(texts, load_lexicon()) == []


def test_bundled_openings_are_open():
    for s in load_scenarios().items:
        assert s.text[-1].isalpha(), s.id


def test_digest_follows_contents_and_not_layout(tmp_path):
    a, b = tmp_path / "a.yaml", tmp_path / "b.yaml"
    a.write_text("- {id: x, mood: m, emotion: calm, text: One}")
    b.write_text("# comment\n- id: x\n  mood: m\n  emotion: calm\n  text: ' One '\n")
    assert load_scenarios(a).sha256 == load_scenarios(b).sha256
    b.write_text("- {id: x, mood: m, emotion: calm, text: Two}")
    assert load_scenarios(a).sha256 != load_scenarios(b).sha256
    assert load_scenarios(a).source == str(a)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[", "not YAML"),
        ("[]", "must be a list"),
        ("id: x", "must be a list"),
        ("- just text", "entry 1: must have id, mood, emotion, text"),
        ("- {id: x, mood: m, emotion: calm}", "entry 1: text: must be a text, not None"),
        (
            "- {id: x, mood: m, emotion: calm, text: 3}",
            "line 1: YAML reads '3' as a number; a text needs quotes",
        ),
        ("- {id: x, mood: m, emotion: e, text: t, tone: q}", "entry 1: tone: no such field"),
        (
            "- {id: x, mood: m, emotion: e, text: t}\n- {id: x, mood: m, emotion: e, text: u}",
            "entry 2: id: is the same as in entry 1",
        ),
        (
            "- {id: x, mood: m, emotion: e, text: t}\n- {id: y, mood: m, emotion: e, text: t}",
            "entry 2: text: is the same as in entry 1",
        ),
    ],
)
def test_what_is_refused(tmp_path, content, problem):
    path = tmp_path / "s.yaml"
    path.write_text(content)
    with pytest.raises(StimuliError, match=rf"^job\.steer\.scenarios_path=(?s:.)*{problem}"):
        load_scenarios(path)
