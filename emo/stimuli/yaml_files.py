"""YAML stimulus files: plain texts, lists and mappings, without YAML's own types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from emo.errors import StimuliError, shown
from emo.stimuli.files import read_text
from emo.stimuli.labels import text_problems

MOST_BYTES = 1 << 20
"""Largest YAML file; it has some 10,000 texts and takes seconds to read."""
TAG = "tag:yaml.org,2002:"
KINDS = {
    "int": "a number",
    "float": "a number",
    "bool": "a truth value",
    "null": "nothing",
    "timestamp": "a date",
    "merge": "a merge key",
    "value": "a default key",
}


class _Loader(yaml.SafeLoader):
    """Composes nodes, and refuses aliases, because a few of them can expand to a billion texts."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.MarkedYAMLError(
                problem=f"the alias *{event.anchor} is not taken; write the text out",
                problem_mark=event.start_mark,
            )
        return super().compose_node(parent, index)


def read_yaml(path: Path) -> tuple[Any, list[str]]:
    """The content of a stimulus file, and its problems, with line numbers.

    A value that YAML reads as a number, a date or a truth value is a problem; it is returned as the
    text that the file has.

    Raises
    ------
    StimuliError
        If the file cannot be read or is not YAML.
    """
    text = read_text(path, MOST_BYTES)
    problems: list[str] = []
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return (None if node is None else _value(node, problems)), problems
    except yaml.MarkedYAMLError as error:
        raise StimuliError(path, [_in_words(error)]) from error
    except yaml.YAMLError as error:
        raise StimuliError(path, [f"not YAML: {' '.join(str(error).split())}"]) from error
    except RecursionError:
        raise StimuliError(path, ["not YAML that can be read: too many brackets"]) from None
    except (ValueError, OverflowError) as error:  # an escape whose number is too large
        raise StimuliError(path, [f"not YAML: {error}"]) from error


def _in_words(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = "" if mark is None else f"line {mark.line + 1}: "
    words = ", ".join(w for w in (error.context, error.problem) if w)
    return f"{where}not YAML that is taken: {' '.join(words.split())}"


def _value(node: yaml.Node, problems: list[str]) -> Any:
    """A node's plain value, without YAML's constructors."""
    line = node.start_mark.line + 1
    kind = node.tag.removeprefix(TAG)
    if isinstance(node, yaml.ScalarNode):
        if kind != "str" and node.value:  # the caller refuses empty texts
            other = KINDS.get(kind, f"{shown(node.tag)}, not a text")
            problems.append(
                f"line {line}: YAML reads {shown(node.value)} as {other}; a text needs quotes"
            )
        problems += [f"line {line}: {problem}" for problem in text_problems(node.value)]
        return node.value
    if kind not in ("seq", "map"):
        problems.append(f"line {line}: {shown(node.tag)} is not taken")
    if isinstance(node, yaml.SequenceNode):
        return [_value(entry, problems) for entry in node.value]
    entries: dict[str, Any] = {}
    for key, value in node.value:
        key_line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            problems.append(f"line {key_line}: a list or mapping as a name")
            continue
        name = _value(key, problems)
        if name in entries:
            problems.append(f"line {key_line}: {shown(name)} stands twice")
        entries[name] = _value(value, problems)
    return entries
