"""Version constants of the computation stand in one module, each with when to raise it."""

import ast
import itertools
import re
from pathlib import Path

from emo.runs import versions

EMO = Path(versions.__file__).parents[1]
CONSTANT = re.compile(r"^([A-Z][A-Z_]*_VERSION|INT8_READING|MEAN_READING)\b.* = \d", re.MULTILINE)


def test_no_other_module_has_a_version_of_its_own():
    elsewhere = {
        path.relative_to(EMO).as_posix(): names
        for path in EMO.rglob("*.py")
        if (names := CONSTANT.findall(path.read_text("utf-8"))) and path.name != "versions.py"
    }
    assert elsewhere == {}


def test_every_version_says_when_to_raise_it():
    body = ast.parse(Path(versions.__file__).read_text("utf-8")).body
    pairs = itertools.pairwise(body)
    comments = [
        following.value.value
        for node, following in pairs
        if isinstance(node, ast.Assign) and isinstance(following, ast.Expr)
    ]
    assert len(comments) == sum(isinstance(node, ast.Assign) for node in body)
    assert all(comment.startswith("Raise it when ") for comment in comments)


def test_the_tag_names_what_a_runs_numbers_depend_on():
    assert versions.versions(False, False) == "reading 1, descriptors 2"
    assert versions.versions(True, True) == "reading 1, texts 1, int8 2"
    assert versions.versions(False, False, mean=True) == "reading 1, mean 2, descriptors 2"
