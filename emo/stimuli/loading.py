"""Read passages in the published CSV format and check them before anything else happens."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from emo.core.types import Passage, StimulusSet
from emo.errors import StimuliError, set_by

DATA = Path(__file__).parent / "data"
BUNDLED_PASSAGES = DATA / "passages.csv"
BUNDLED_NEUTRAL = DATA / "neutral_sentences.yaml"
COLUMNS = ("emotion", "passage_id", "text")


def load_stimuli(path: Path | None = None, neutral_path: Path | None = None) -> StimulusSet:
    """Passages and neutral sentences, the bundled ones by default.

    Raises
    ------
    StimuliError
        Naming everything that is wrong with the file, with line numbers.
    """
    items = read_passages(path or BUNDLED_PASSAGES)
    neutral = read_neutral(neutral_path or BUNDLED_NEUTRAL)
    return StimulusSet(items, neutral, str(path or "bundled"), _digest(items, neutral))


def first_situations(stimuli: StimulusSet, n: int) -> StimulusSet:
    """The passages of the first ``n`` situations, in the file's order, and all neutral sentences.

    Of a set without situations the first ``n`` passages of each emotion.
    """
    seen: dict[str, list[str]] = {}
    for p in stimuli.items:
        seen.setdefault("" if stimuli.crossed else p.emotion, []).append(_unit(p))
    kept = {unit for units in seen.values() for unit in list(dict.fromkeys(units))[:n]}
    items = tuple(p for p in stimuli.items if _unit(p) in kept)
    return replace(stimuli, items=items, sha256=_digest(items, stimuli.neutral))


def _unit(p: Passage) -> str:
    return p.situation or f"{p.emotion}/{p.id}"


@set_by("stimuli.path")
def read_passages(path: Path) -> tuple[Passage, ...]:
    """Passages of a CSV ``emotion,passage_id,text[,situation]``.

    Lines that start with ``#`` and blank lines are skipped; UTF-8 with or without BOM, any line
    ending, quoted commas and line breaks are understood.
    """
    text = read_text(path)
    rows, problems = _rows(text)
    passages, more = _passages(rows)
    problems += more
    if not problems:
        problems = _set_problems([p for _, p in passages])
    if problems:
        raise StimuliError(path, problems)
    return tuple(p for _, p in passages)


def read_text(path: Path) -> str:
    """A stimulus file's text; UTF-8, with or without BOM."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise StimuliError(path, [f"cannot be read: {error.strerror}"]) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise StimuliError(
            path, [f"line {line}: not UTF-8 (byte {raw[error.start]:#04x}); save it as UTF-8"]
        ) from error


def read_yaml(path: Path) -> Any:
    """A stimulus file's contents, whatever they are.

    Raises
    ------
    StimuliError
        If the file cannot be read, is not YAML, or holds a value that is none of its kind.
    """
    text = read_text(path)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise StimuliError(path, [f"not YAML: {' '.join(str(error).split())}"]) from error
    except RecursionError:
        raise StimuliError(path, ["not YAML that can be read: too many brackets"]) from None
    except (ValueError, LookupError, AttributeError, OverflowError) as error:
        # PyYAML lets through what Python says of a value that only looks like a date or number.
        raise StimuliError(
            path, [f"a value is no date or number ({error}); texts that look like one need quotes"]
        ) from error


def _content(text: str, numbers: list[int]) -> Iterator[str]:
    """Lines that hold data; ``numbers`` collects their line numbers in the file."""
    inside = False  # a quoted field may run over lines, in which '#' is text
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if not inside and (not line.strip() or line.lstrip().startswith("#")):
            continue
        if line.count('"') % 2:
            inside = not inside
        numbers.append(number)
        yield line


def _rows(text: str) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    numbers: list[int] = []
    reader = csv.reader(_content(text, numbers), strict=True)
    rows: list[tuple[int, dict[str, str]]] = []
    problems: list[str] = []
    header: list[str] = []
    seen = 0
    try:
        for fields in reader:
            line, seen = numbers[seen], reader.line_num
            if not header:
                header = [name.strip().lower() for name in fields]
                missing = [name for name in COLUMNS if name not in header]
                if missing:
                    return [], [
                        f"line {line}: the header has no column {', '.join(missing)}; "
                        f"needed are {','.join(COLUMNS)}, optional is situation"
                    ]
            elif len(fields) != len(header):
                problems.append(
                    f"line {line}: {len(fields)} fields where the header has {len(header)} "
                    "(a comma in the text needs the text in double quotes)"
                )
            else:
                rows.append((line, dict(zip(header, (f.strip() for f in fields), strict=True))))
    except csv.Error as error:
        where = numbers[min(seen, len(numbers) - 1)]
        problems.append(f"line {where}: {error} (an unclosed double quote?)")
    if not header:
        problems.append("is empty: no header line")
    elif not rows and not problems:
        problems.append("has a header but no passages")
    return rows, problems


def _passages(
    rows: list[tuple[int, dict[str, str]]],
) -> tuple[list[tuple[int, Passage]], list[str]]:
    problems: list[str] = []
    passages: list[tuple[int, Passage]] = []
    first_line: dict[tuple[str, str], int] = {}
    named = sum(bool(row.get("situation")) for _, row in rows)
    for line, row in rows:
        problems += [
            f"line {line}: {column} is empty or only spaces"
            for column in COLUMNS
            if not row[column]
        ]
        if 0 < named < len(rows) and not row.get("situation"):
            problems.append(f"line {line}: situation is empty, but other lines name one")
        # Published files count passages anew within each emotion.
        key = (row["emotion"], row["passage_id"])
        if key in first_line:
            problems.append(
                f"line {line}: passage {key[1]!r} of {key[0]!r} stands in line {first_line[key]}"
                " already"
            )
        first_line.setdefault(key, line)
        passages.append(
            (
                line,
                Passage(
                    id=row["passage_id"],
                    emotion=row["emotion"],
                    text=row["text"],
                    situation=row.get("situation") or None,
                ),
            )
        )
    return passages, problems


def _set_problems(passages: list[Passage]) -> list[str]:
    counts = Counter(p.emotion for p in passages)
    if len(counts) < 3:
        return [
            f"has {len(counts)} emotion{'s' * (len(counts) > 1)} ({', '.join(counts)}); "
            "a geometry needs at least 3"
        ]
    return []


@set_by("stimuli.neutral_path")
def read_neutral(path: Path) -> tuple[str, ...]:
    """Neutral sentences: a YAML list of at least two texts."""
    sentences = read_yaml(path)
    if not isinstance(sentences, list) or not all(
        isinstance(s, str) and s.strip() for s in sentences
    ):
        raise StimuliError(path, ["must be a YAML list of sentences (- Today is Tuesday.)"])
    if len(sentences) < 2:
        raise StimuliError(path, [f"has {len(sentences)} sentences; anisotropy needs at least 2"])
    return tuple(sentences)


def _digest(items: tuple[Passage, ...], neutral: tuple[str, ...]) -> str:
    content = [[[p.emotion, p.id, p.situation, p.text] for p in items], list(neutral)]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()
