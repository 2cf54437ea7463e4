import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from emo.errors import StimuliError
from emo.stimuli.prompts import load_prompts

GOOD = {
    "stories": ["A {emotion} story.", "Once, {emotion}."],
    "paragraph": "A {emotion} paragraph.",
    "neutral_topics": ["tin", "rope"],
    "neutral_story": "About {topic}.",
}


def write(tmp_path, content, name="p.yaml"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def problems(tmp_path, content):
    with pytest.raises(StimuliError) as caught:
        load_prompts(write(tmp_path, content))
    return caught.value.problems


def test_bundled_prompts_have_the_published_structure():
    prompts = load_prompts()
    stories = prompts.story_prompts("afraid")
    assert len(set(stories)) == 5
    assert all(t.count("afraid") == 1 and "{" not in t for t in stories)
    assert len(prompts.paragraph_prompts("afraid")) == 1
    assert len(set(prompts.neutral_prompts())) == 10
    assert prompts.source == "bundled"


def test_texts_stand_in_file_order_with_the_word_put_in(tmp_path):
    prompts = load_prompts(write(tmp_path, GOOD))
    assert prompts.story_prompts("sad") == ("A sad story.", "Once, sad.")
    assert prompts.paragraph_prompts("sad") == ("A sad paragraph.",)
    assert prompts.neutral_prompts() == ("About tin.", "About rope.")


def test_digest_follows_content_not_layout(tmp_path):
    a = load_prompts(write(tmp_path, GOOD, "a.yaml"))
    text = "# a comment\n" + yaml.safe_dump(dict(reversed(GOOD.items())), sort_keys=False)
    b = load_prompts(write(tmp_path, text, "b.yaml"))
    assert a.sha256 == b.sha256
    for name, value in GOOD.items():
        other = value[::-1] if isinstance(value, list) else f"{value} More."
        changed = load_prompts(write(tmp_path, GOOD | {name: other}, "c.yaml"))
        assert changed.sha256 != a.sha256


def test_everything_wrong_is_reported_at_once(tmp_path):
    bad = {
        "stories": ["No place.", "{emotion} {emotion}", "A {feeling} {emotion}.", 3, " "],
        "neutral_topics": ["tin", " tin\n", "{emotion}"],
        "neutral_story": "About {topic}.",
        "extra": 1,
    }
    assert problems(tmp_path, bad) == [
        "line 1: YAML reads '1' as a number; a text needs quotes",
        "line 13: YAML reads '3' as a number; a text needs quotes",
        "no such entry: 'extra'; missing: paragraph",
        "stories, entry 1: has 0 times {emotion}; needed is one",
        "stories, entry 2: has 2 times {emotion}; needed is one",
        "stories, entry 3: {feeling} is no placeholder here; {emotion} is",
        "stories, entry 4: has 0 times {emotion}; needed is one",
        "stories, entry 5: must be a text, not ' '",
        "neutral_topics, entry 2: is the same as entry 1",
        "neutral_topics, entry 3: {emotion} is no placeholder here",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "must be a mapping"),
        ("- a", "must be a mapping"),
        ("a: [", "not YAML"),
        ("stories: [2024-99-99]", "line 1: YAML reads '2024-99-99' as a date; a text needs quotes"),
        ("stories:\n- 1:30:00", "line 2: YAML reads '1:30:00' as a number"),
        ("stories: [no]", "YAML reads 'no' as a truth value"),
        ("stories: [~]", "YAML reads '~' as nothing"),
        ("a: !!int x", "YAML reads 'x' as a number"),
        ("a: !!timestamp x", "YAML reads 'x' as a date"),
        ("a: !!python/name:os.system x", "'tag:yaml.org,2002:python/name:os.system', not a text"),
        ("a: !!set {x: y}", "'tag:yaml.org,2002:set' is not taken"),
        ("? [a]\n: b", "line 1: a list or mapping as a name"),
        ("[" * 3000, "too many brackets"),
        (yaml.safe_dump(GOOD | {"stories": []}), "stories: must be a list"),
        (yaml.safe_dump(GOOD | {"stories": "A {emotion} one."}), "stories: must be a list"),
        (yaml.safe_dump(GOOD | {"paragraph": ["{emotion}"]}), "paragraph: must be a text"),
    ],
)
def test_bad_files(tmp_path, content, words):
    listed = problems(tmp_path, content)
    assert words in " ".join(listed)
    assert all("\n" not in problem for problem in listed)


def test_missing_file(tmp_path):
    with pytest.raises(
        StimuliError, match=r"^subparams\.prompts_path=.*none\.yaml: cannot be read"
    ):
        load_prompts(tmp_path / "none.yaml")


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*GOOD, "other"]), inner, max_size=4)
        ),
    )
)
def test_no_yaml_whatever_gives_a_traceback(content):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        try:
            load_prompts(path)
        except StimuliError as error:
            assert error.problems
