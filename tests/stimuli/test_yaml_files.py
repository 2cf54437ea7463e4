"""YAML gives texts, lists and entries; what it would make of them on its own is named."""

import tempfile
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from emo.errors import StimuliError
from emo.stimuli.prompts import load_prompts
from emo.stimuli.scenarios import load_scenarios
from emo.stimuli.yaml_files import read_yaml

SPACES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)


def read(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.yaml"
        path.write_text(content, encoding="utf-8")
        return read_yaml(path)


def refusal(content):
    with pytest.raises(StimuliError) as caught:
        read(content)
    (problem,) = caught.value.problems
    assert "\n" not in problem and len(problem) < 400
    return problem


@given(
    st.recursive(
        SPACES,
        lambda x: st.lists(x, max_size=3) | st.dictionaries(SPACES, x, max_size=3),
        max_leaves=8,
    )
)
def test_texts_lists_and_entries_come_back(content):
    assert read(yaml.safe_dump(content, allow_unicode=True)) == (content, [])


@pytest.mark.parametrize(
    ("scalar", "kind"),
    [
        *((s, "a truth value") for s in ("yes", "No", "on", "OFF", "true")),
        *(
            (s, "a number")
            for s in ("12", "1_000", "0x1f", "0o7", "1:30:00", "1.5", ".inf", ".nan")
        ),
        *((s, "a date") for s in ("2024-02-30", "2001-12-14 21:59:43")),
        *((s, "nothing") for s in ("~", "null")),
        ("=", "a default key"),
    ],
)
def test_what_yaml_reads_otherwise_is_named_with_its_line(scalar, kind):
    if scalar == "0o7":
        scalar = "0777"
    value, problems = read(f"- a text\n- {scalar}\n")
    assert problems == [f"line 2: YAML reads '{scalar}' as {kind}; a text needs quotes"]
    assert value == ["a text", scalar]
    assert read(f"- a text\n- '{scalar}'\n") == (["a text", scalar], [])


def test_aliases_are_refused_whether_they_laugh_or_loop():
    laughs = "a: &a [x, x]\n" + "".join(
        f"{c}: &{c} [{', '.join([f'*{p}'] * 9)}]\n"
        for p, c in zip("abcdefgh", "bcdefghi", strict=True)
    )
    start = time.perf_counter()
    assert refusal(laughs).startswith("line 2: ")
    assert refusal(laughs).endswith("the alias *a is not taken; write the text out")
    assert refusal("&l [*l]").startswith("line 1: ")
    assert refusal("&l {a: *l}").startswith("line 1: ")
    assert refusal("x: &m {a: b}\ny: {<<: *m}").startswith("line 2: ")
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a: x\nb: y\na: z\n", "line 3: 'a' stands twice"),
        ("- {t: x}\n- {t: y, t: z}\n", "line 2: 't' stands twice"),
        ("a: x\n? [1, 2]\n: y\n", "line 2: a list or mapping as a name"),
        ('- "\\ud800"\n', "line 1: half a surrogate pair"),
        ('- x\n- "a\\0b"\n', "line 2: a NUL character"),
        (
            "a: !!binary eA==\n",
            "line 1: YAML reads 'eA==' as 'tag:yaml.org,2002:binary', not a text",
        ),
        (
            "!!python/object:os.system {}\n",
            "'tag:yaml.org,2002:python/object:os.system' is not taken",
        ),
    ],
)
def test_what_else_is_wrong_is_said(content, problem):
    assert problem in read(content)[1][0]
    assert len(read(content)[1]) == 1


@pytest.mark.parametrize(
    "content",
    [
        *("[" * 3000, "{a: " * 3000, "a: b: c", "\t- x", "- x\n--- \n- y", "- '\\", "%YAML 9"),
        *('- "\\U99999999"', '- "\\U00110000"'),
    ],
)
def test_what_is_no_yaml_is_one_line(content):
    assert "YAML" in refusal(content)


def test_an_empty_file_has_no_value():
    assert read("") == (None, [])
    assert read("a:\n") == ({"a": ""}, [])


@pytest.mark.parametrize("load", [load_prompts, load_scenarios])
@pytest.mark.parametrize("content", ["a: 'b'", "? ''\n: 'x'", "- - []", "x: &l [*l]", "just text"])
def test_one_problem_is_one_line(tmp_path, load, content):
    path = tmp_path / "f.yaml"
    path.write_text(content)
    with pytest.raises(StimuliError) as caught:
        load(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
