"""Passages and neutral sentences from files, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emo.core.records import Passage, StimulusSet
from emo.errors import ConfigError, StimuliError, set_by, shown
from emo.files.csv_files import WRITTEN_HERE, original
from emo.files.json_digests import content_digest
from emo.stimuli.columns import Columns, find_columns, wanted_names
from emo.stimuli.files import read_text
from emo.stimuli.labels import label_problems, label_warnings, visible
from emo.stimuli.rows import Problem, Sheet, in_order, read_sheet
from emo.stimuli.yaml_files import read_yaml

DATA = Path(__file__).parent / "data"
SETS = DATA / "sets"
"""The bundled sets of passages, one CSV with its data card each."""
DEFAULT_SET = "shown"
BUNDLED_NEUTRAL = DATA / "neutral_sentences.yaml"
MOST_EMOTIONS = 500
"""With this many, the default resampling takes minutes for a tiny model and hours for a real one."""


@dataclass(frozen=True)
class Passages:
    """The passages of a file, and notes on how it was read."""

    items: tuple[Passage, ...]
    form: str
    """The separator of the fields (comma, semicolon, tab, bar, ...), or JSON lines."""
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def load_stimuli(
    path: Path | None = None,
    neutral_path: Path | None = None,
    columns: Mapping[str, str] | None = None,
    name: str = DEFAULT_SET,
) -> StimulusSet:
    """Passages and neutral sentences, by default the bundled ones.

    Parameters
    ----------
    path
        The passages. None: the bundled set called ``name``.
    neutral_path
        The neutral sentences. None: the bundled twenty.
    columns
        Names of columns of the passage file, by field: ``{"text": "story"}``.
    name
        Of a bundled set; without effect where there is a path.

    Raises
    ------
    StimuliError
        Naming the problems of the file, with line numbers.
    ConfigError
        If there is no bundled set of this name, a key of ``columns`` is no field, or ``columns`` is
        given without a file.
    """
    if path is None and name not in bundled_sets():
        allowed = f"{', '.join(bundled_sets())}; stimuli.path names a file of your own"
        raise ConfigError("stimuli.name", name, allowed, bundled_sets())
    if path is None and (renamed := wanted_names(columns or {})[1]):
        field = min(renamed)
        allowed = f"{field} with the bundled passages; stimuli.path names a file"
        raise ConfigError(f"stimuli.columns.{field}", (columns or {})[field], allowed)
    passages = read_passages(path or SETS / f"{name}.csv", columns)
    items = passages.items
    neutral = read_neutral(neutral_path or BUNDLED_NEUTRAL)
    return StimulusSet(
        items,
        neutral,
        str(path or f"bundled set {name}"),
        _digest(items, neutral),
        form="" if passages.form == "comma" else passages.form,
        notes=passages.notes,
        warnings=passages.warnings,
    )


def bundled_sets() -> tuple[str, ...]:
    """Names of the bundled sets of passages, in alphabetical order."""
    return tuple(sorted(file.stem for file in SETS.glob("*.csv")))


def first_situations(stimuli: StimulusSet, n: int) -> StimulusSet:
    """The passages of the first ``n`` situations, in the file's order, and all neutral sentences.

    From a set without situations, the first ``n`` passages of each emotion.
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
def read_passages(path: Path, columns: Mapping[str, str] | None = None) -> Passages:
    """Passages of a CSV, TSV or JSON lines file with columns emotion, passage_id, text[, situation].

    Blank lines and lines that start with ``#`` are skipped. The file is UTF-8 with or without BOM, with
    any line ending; quoted fields may hold separators and line breaks. ``columns`` has the column names
    of a file with other names, by field. :func:`emo.stimuli.columns.find_columns` reads a file without
    a header.

    Raises
    ------
    StimuliError
        Naming all problems of the file, with line numbers.
    ConfigError
        If a key of ``columns`` is no field, or one column is named twice.
    """
    names, asked = wanted_names(columns or {})
    sheet = read_sheet(read_text(path), path, names)
    if not sheet.rows:
        empty = [] if sheet.problems else [(0, "is empty: no passages, and no header")]
        raise StimuliError(path, in_order([*sheet.problems, *empty]))
    placed = find_columns(sheet, names, asked)
    if not isinstance(placed, Columns):
        raise StimuliError(path, in_order([*sheet.problems, placed]))
    rows, problems = _passages(sheet, placed)
    passages = [p for _, p in rows]
    problems = [*sheet.problems, *problems] or _set_problems(passages)
    if problems:
        raise StimuliError(path, in_order(problems))
    notes, odd = ([placed.note] if placed.note else []), label_warnings(passages)
    if not placed.sure:
        notes, odd = [], (*notes, *odd)
    return Passages(tuple(passages), sheet.form, tuple(notes), odd)


def _passages(sheet: Sheet, columns: Columns) -> tuple[list[tuple[int, Passage]], list[Problem]]:
    passages: list[tuple[int, Passage]] = []
    problems: list[Problem] = []
    width = len(sheet.rows[0][1])
    marked = any(comment.startswith(WRITTEN_HERE) for _, comment in sheet.comments)
    clean = original if marked else str
    for number, (line, fields) in enumerate(sheet.rows[columns.skip :], 1):
        if len(fields) != width:
            words = f"{len(fields)} fields where the first row has {width}"
            hint = f" (a {sheet.form} in the text needs the text in double quotes)"
            problems.append((line, words + hint * (len(fields) > width)))
            continue
        row = {field: clean(fields[i].strip()) for field, i in columns.places.items()}
        row.setdefault("passage_id", str(number))
        empty = [f for f in ("emotion", "passage_id", "text") if not visible(row[f])]
        words = [f"{columns.names[field]} is empty: nothing in it can be seen" for field in empty]
        problems += [(line, problem) for problem in [*words, *label_problems(row)]]
        situation = row.get("situation") or None
        passages.append((line, Passage(row["passage_id"], row["emotion"], row["text"], situation)))
    if 0 < sum(p.situation is not None for _, p in passages) < len(passages):
        words = f"{columns.names['situation']} is empty, but other lines name one"
        problems += [(line, words) for line, p in passages if p.situation is None]
    return passages, problems + _repeated(passages)


def _repeated(passages: Sequence[tuple[int, Passage]]) -> list[Problem]:
    """Problems of repeated ids. Ids are unique within an emotion only, as in published files."""
    first_line: dict[tuple[str, str], int] = {}
    problems = []
    for line, p in passages:
        first = first_line.setdefault((p.emotion, p.id), line)
        if first != line:
            named = f"passage {shown(p.id)} of {shown(p.emotion)}"
            problems.append((line, f"{named} stands in line {first} already"))
    return problems


def _set_problems(passages: Sequence[Passage]) -> list[Problem]:
    emotions = list(dict.fromkeys(p.emotion for p in passages))
    n = len(emotions)
    if not emotions:
        return [(0, "has a header but no passages")]
    if n < 3:
        names = ", ".join(emotions)
        return [(0, f"has {n} emotion{'s' * (n > 1)} ({names}); a geometry needs at least 3")]
    if n > MOST_EMOTIONS:
        return [
            (
                0,
                f"has {n} emotions; at most {MOST_EMOTIONS} are taken, because time and memory "
                "grow with the square of their number (is another column meant?)",
            )
        ]
    if len({p.text for p in passages}) == 1:
        return [(0, "has the same text in every row; no emotion can be told from another")]
    return []


@set_by("stimuli.neutral_path")
def read_neutral(path: Path) -> tuple[str, ...]:
    """Neutral sentences from a YAML list of at least two texts.

    Raises
    ------
    StimuliError
        Naming the problems of the file.
    """
    sentences, problems = read_yaml(path)
    if not isinstance(sentences, list):
        problems.append("must be a YAML list of sentences (- Today is Tuesday.)")
    else:
        problems += [
            f"entry {i}: must be a sentence, not {shown(s)}"
            + " (a text with a colon in it needs quotes)" * isinstance(s, dict)
            for i, s in enumerate(sentences, 1)
            if not isinstance(s, str) or not s.strip()
        ]
        if len(sentences) < 2:
            problems.append(f"has {len(sentences)} sentences; anisotropy needs at least 2")
    if problems:
        raise StimuliError(path, problems)
    return tuple(sentences)


def _digest(items: tuple[Passage, ...], neutral: tuple[str, ...]) -> str:
    return content_digest([([p.emotion, p.id, p.situation, p.text] for p in items), neutral])
