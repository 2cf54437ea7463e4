"""Pages, README and help name commands, parts and files that exist."""

import functools
import re
import shlex
import tomllib

import numpy as np
import pytest
import yaml

from emo.config.conf_folder import CONF
from emo.config.resolve import compose
from emo.config.schema import canonical
from emo.core.geometry.estimators.base import Estimator
from emo.errors import EmoError
from tests.conftest import ROOT

DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS]
HELP = CONF / "hydra" / "help" / "emo.yaml"
COMMAND = re.compile(r"(?:\.venv/bin/)?python launch\.py(?![\w\"])|^emo(?= )", re.M)
OPTIONS = re.compile(r"-m|--multirun|--help|--config-dir=\S+|-sc|--cfg|job|install=\S+|-p")
FILES = {"csv", "safetensors", "json", "md"}
"""Ends of names that are files, not parameters."""
PLACEHOLDERS = {
    "model=NAME": "model=gpt2",
    "model=mine": "model=gpt2",
    "subparams.texts_from=PRECISION": "subparams.texts_from=fp32",
}


def commands(text):
    """The words behind every ``python launch.py`` of a text, with continued lines joined."""
    text = re.sub(r"\s*\\\n\s*", " ", text)
    for match in COMMAND.finditer(text):
        rest = text[match.end() :].partition("\n")[0]
        before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        if before.count("`") % 2:  # in a sentence
            rest = rest.partition("`")[0]
        rest = re.split(r"\s{2,}|\s#", rest.rstrip())[0]
        if "group=option" not in rest and "..." not in rest:
            yield rest.strip()


def single(word):
    """The first value of a word of a sweep; placeholders as something that exists."""
    name, sign, value = word.partition("=")
    if sign and "," in value and value[0] not in "[{'\"":
        word = f"{name}={value.partition(',')[0]}"
    return PLACEHOLDERS.get(word, word)


@functools.cache  # pages repeat commands
def composed(line):
    words = [single(word) for word in shlex.split(line)]
    return compose(*(word for word in words if not OPTIONS.fullmatch(word)))


FIRST = [ROOT / "README.md", ROOT / "docs" / "index.md", HELP]
"""Pages that are tried first; the others have to wait."""
LATER = [pytest.param(page, marks=pytest.mark.slow) for page in PAGES if page not in FIRST]


@pytest.mark.parametrize("page", [*FIRST, *LATER], ids=lambda page: page.name)
def test_every_command_on_a_page_is_one_that_is_taken(page):
    for line in dict.fromkeys(commands(page.read_text(encoding="utf-8"))):
        composed(line)


def test_every_parameter_on_a_page_exists():
    config = canonical(compose())
    missing = {
        (page.name, name)
        for page in PAGES
        for name in re.findall(r"`([a-z_]+(?:\.[a-z_0-9]+)+)[=`]", page.read_text(encoding="utf-8"))
        if name.partition(".")[0] in config
        and name.rpartition(".")[2] not in FILES
        and not has(config, name)
    }
    assert missing == set()


def has(config, name):
    """Whether a config, as plain containers, has a field."""
    for part in name.split("."):
        if "space" in name:  # of a study: what it may vary, not what it varies by default
            return True
        if isinstance(config, dict) and f"{part}_" in config:  # a keyword of Python
            part = f"{part}_"
        if not isinstance(config, dict) or part not in config:
            return False
        config = config[part]
    return True


def test_a_command_with_a_key_that_does_not_exist_is_seen():
    (line,) = commands("```sh\npython launch.py job=steer steer.nothing=1   # comment\n```\n")
    with pytest.raises(EmoError):
        composed(line)


def test_the_readme_shows_commands_that_the_help_shows():
    shown = {key(line) for line in commands(HELP.read_text())}
    readme = {key(line) for line in commands((ROOT / "README.md").read_text())}
    assert readme - shown == set()
    jobs = {path.stem for path in (CONF / "job").glob("*.yaml")} - {"extract"}
    assert jobs <= {word.partition("=")[2] for words in shown for word in words}


NAMED = re.compile(r"`((?:emo|tests|conf|benchmarks|hydra_plugins)/[\w./]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_exists(page):
    names = NAMED.findall(page.read_text(encoding="utf-8"))
    named = [name for name in names if "NAME" not in name]  # a pattern for files to be made
    assert [name for name in named if not (ROOT / name).exists()] == []


def rows(page, marker):
    """The parts in the first column of the table under a heading, row by row."""
    table = page.split(marker)[1].split("| part |")[1].split("\n\n")[0]
    return [re.findall(r"`([\w.]+)`", row.split("|")[1]) for row in table.splitlines()[2:]]


def test_the_table_of_parts_is_that_of_the_import_contracts():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    core, house = [c["layers"] for c in contracts if c["type"] == "layers"]
    for layers, marker in ((house, "## What each part"), (core, "Inside `emo.core`")):
        assert rows(page, marker) == [layer.split(" | ") for layer in layers]


def test_every_page_is_in_the_navigation():
    named = re.findall(r"\S+\.md", (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2])
    assert sorted(named) == sorted(p.relative_to(ROOT / "docs").as_posix() for p in DOCS)


def test_the_version_is_the_same_wherever_it_stands():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == version
    cut = re.findall(r"^## (\d\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert cut[0] == version


def test_the_sites_pages_load_nothing_from_elsewhere():
    settings = (ROOT / "mkdocs.yml").read_text()
    assert "font: false" in settings
    assert not re.findall(r"https?://", settings)


def key(line):
    """The groups and jobs that a command names: its files and ids do not matter."""
    return tuple(
        word for word in shlex.split(line) if re.match(r"-m$|job=|experiment=|method=", word)
    )


def test_the_estimator_that_contributors_are_shown_is_one():
    page = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    names = {"np": np, "Estimator": Estimator}
    exec(re.findall(r"```python\n(.*?)```", page, re.S)[0], names)
    values, emotions = np.array([[0.0, 1], [2, 3], [9, 5], [4, 4]]), np.array([0, 0, 0, 1])
    assert names["Median"]().vectors(values, emotions) == pytest.approx(np.array([[2, 3], [4, 4]]))
    weights = np.array([1.0, 1, 0, 0])
    assert names["Median"]().vectors(values, emotions, weights)[0] == pytest.approx([1, 2])
    assert np.isnan(names["Median"]().vectors(values, emotions, weights)[1]).all()
