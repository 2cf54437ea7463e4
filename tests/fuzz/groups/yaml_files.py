"""Neutral sentences, prompts and scenarios: YAML that is none, dangerous, or of another shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.fuzz.case import Case, May
from tests.fuzz.damage import BYTES, KINDS, places, put, replaced, value_at, without
from tests.fuzz.drawing import chance
from tests.fuzz.place import PROMPTS, SCENARIOS, SMALL, STEER, STORIES, Place

FILE = "own.yaml"
NEUTRAL = ["Today is Tuesday.", "The bag holds flour.", "A triangle has three sides."]
FILES: dict[str, tuple[str, tuple[str, ...], Any]] = {
    "neutral": ("stimuli.neutral_path", (), NEUTRAL),
    "prompts": ("subparams.prompts_path", STORIES, PROMPTS),
    "scenarios": ("job.steer.scenarios_path", STEER, SCENARIOS),
}
"""Kind of file -> the parameter that names it, what reads it, a good one."""
INSIDE = {"neutral": ("neutral sentence",), "prompts": (), "scenarios": ("job.steer.scenarios",)}
"""Kind of file -> other names of what is in it."""

TEXTS: dict[str, str | bytes] = {
    "nothing": "",
    "comments only": "# - Today is Tuesday.\n",
    "a scalar": "Today is Tuesday.\n",
    "a number": "17\n",
    "null": "~\n",
    "an empty list": "[]\n",
    "an empty mapping": "{}\n",
    "a list of lists": "- [a, b]\n- [c, d]\n",
    "a list of empty texts": "- ''\n- ' '\n- \"\\t\"\n",
    "a list of what only looks like texts": "- yes\n- 2026-11-26\n- 0o17\n- 1_000\n",
    "a date that is none": "- 2026-13-45\n- 2026-02-30 25:61:61\n",
    "an open bracket": "- [Today is Tuesday.\n- The bag\n",
    "an open quote": '- "Today is Tuesday.\n- The bag\n',
    "a tab for an indent": "-\tToday\n\t- is\n",
    "a colon in a text": "- Today: is: Tuesday\n",
    "an at sign": "- @Today\n- `is`\n",
    "a percent sign": "%TODAY is\n- Tuesday\n",
    "two documents": "- Today is Tuesday.\n- b\n---\n- The bag.\n- c\n",
    "an alias to nothing": "- *today\n- b\n",
    "an anchor in itself": "&a\n- *a\n- *a\n",
    "a mapping in itself": "&a {stories: *a, paragraph: *a, id: *a}\n",
    "a thousand million texts": "\n".join(
        ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
        + [
            f"{c}: &{c} [{', '.join([f'*{b}'] * 10)}]"
            for b, c in zip("abcdefgh", "bcdefghi", strict=True)
        ]
    ),
    "a thousand million texts in a list": "\n".join(
        ["- &a [x, x, x, x, x, x, x, x, x, x]"]
        + [
            f"- &{c} [{', '.join([f'*{b}'] * 10)}]"
            for b, c in zip("abcdefgh", "bcdefghi", strict=True)
        ]
    ),
    "a call of the system": "!!python/object/apply:os.system ['touch $FUZZ_CANARY']\n",
    "a call inside": "- Today.\n- !!python/object/apply:os.system ['touch $FUZZ_CANARY']\n",
    "a new object": "- !!python/object/new:subprocess.Popen [['touch', 'x']]\n- b\n",
    "a module": "- !!python/module:os\n- !!python/name:os.system\n",
    "binary": "- !!binary R0lGODlhDAAMAIQAAP\n- !!set {a, b}\n",
    "an unknown tag": "- !mine Today\n- !<tag:x> b\n",
    "a merge of nothing": "- {<<: 5, id: a}\n- {<<: [1], id: b}\n",
    "a control character": "- Today\x07 is\n- b\n",
    "a NUL": "- Today\0is\n- b\n",
    "a key that is a list": "? [a, b]\n: c\n",
    "a key that is a mapping": "? {a: b}\n: c\n",
    "no text as a key": "{null: a, 1: b, true: c}\n",
    "the same key twice": "stories: ['{emotion}']\nstories: ['{emotion} b']\nid: a\nid: b\n",
    "20000 brackets": "[" * 20_000,
    "20000 closed brackets": "[" * 20_000 + "]" * 20_000,
    "deep indents": "".join(f"{' ' * i}- a:\n" for i in range(0, 4000, 2)),
    "a number of 10000 digits": "- " + "9" * 10_000 + "\n- b\n",
    "an infinite number": "- .inf\n- .nan\n",
    "a number of base 60": "- 190:20:30\n- 685230.15:1\n",
    "UTF-16": "- Today is Tuesday.\n- The bag.\n".encode("utf-16"),
    "Latin-1": "- Gefühle\n- Größe\n".encode("latin-1"),
    "a lone surrogate": b"- a\xed\xa0\x80\n- b\n",
    "an escaped surrogate": '- "a\\ud800"\n- "b\\udfff"\n',
    "a table": "emotion,passage_id,text\nsad,1,She wept.\n",
}
WIDE = ("UTF-16", "escaped surrogate", "colon in a text", "number of base 60")
"""May be read: YAML 1.1 allows UTF-16."""
VALUES = (
    None,
    7,
    True,
    "",
    "  ",
    [],
    {},
    ["a", ["b"]],
    {"a": "b"},
    "no placeholder",
    "{topic} {emotion} {x}",
)


def cases(place: Place) -> list[Case]:
    """Texts for one kind of file each in turn, wrong values at every place, things that are no files."""
    found = []
    kinds = list(FILES)
    for i, (name, text) in enumerate(TEXTS.items()):
        found += [
            case(kind, f"{kind} of {name}", text)
            for kind in (kinds if name in BOTH else [kinds[i % len(kinds)]])
        ]
    for kind, (_, _, good) in FILES.items():
        found += shapes(kind, good)
        found += things(kind, good)
    return found + too_long()


BOTH = ("nothing", "a call of the system", "a mapping in itself", "an anchor in itself", "UTF-16")
"""Texts that all three kinds of file are given."""


def case(kind: str, name: str, text: str | bytes) -> Case:
    """A file of this text where a kind of file is read."""
    parameter, args, _ = FILES[kind]
    may = May.finish if any(word in name for word in WIDE) else May.refuse
    last = ["output=json"] * (may is May.finish)
    return Case(
        name,
        (*SMALL, *args, f"{parameter}={FILE}", *last),
        (parameter, FILE, *INSIDE[kind]),
        lambda root: put(root / FILE, text),
        may=may,
        fresh=chance(name).random() < 0.3,
        listing=True,
    )


def shapes(kind: str, good: Any) -> list[Case]:
    """A wrong value, or none, at each place of a good file; drawn, five places of a kind."""
    rng = chance(kind)
    found = []
    known = [p for p in places(good) if kind != "neutral" or len(p) == 1]
    for path in rng.sample(known, min(7, len(known))):
        words = ".".join(map(str, path))
        options = [v for v in VALUES if wrong(kind, path, v)]
        for value in rng.sample(options, 2):
            text = yaml.safe_dump(replaced(good, path, value))
            found.append(case(kind, f"{kind} with {json.dumps(value)} at {words}", text))
        if isinstance(path[-1], str):
            found.append(case(kind, f"{kind} without {words}", yaml.safe_dump(without(good, path))))
    if isinstance(good, dict):
        found.append(
            case(kind, f"{kind} with an unknown key", yaml.safe_dump({**good, "storys": ["a"]}))
        )
        double = {**good, "stories": [good["stories"][0]] * 2}
        found.append(case(kind, f"{kind} with a story twice", yaml.safe_dump(double)))
    elif kind == "scenarios":
        found += [
            case(kind, f"{kind} with an unknown key", yaml.safe_dump([{**good[0], "tone": "a"}])),
            case(
                kind,
                f"{kind} with an id twice",
                yaml.safe_dump([good[0], {**good[1], "id": "one"}]),
            ),
            case(
                kind,
                f"{kind} with a text twice",
                yaml.safe_dump([good[0], {**good[1], "text": good[0]["text"]}]),
            ),
            case(
                kind,
                f"{kind} with another emotion",
                yaml.safe_dump([{**good[0], "emotion": "nostalgic"}]),
            ),
        ]
    else:
        found.append(case(kind, f"{kind} of one", yaml.safe_dump(good[:1])))
    return found


def wrong(kind: str, path: tuple[str | int, ...], value: Any) -> bool:
    """Whether a value is of no use at a place; a plain text is, where no placeholder is needed."""
    if kind == "prompts" and path[0] != "neutral_topics":
        return True
    if isinstance(value, str) and value.strip():
        return kind == "prompts" and (len(path) == 1 or "{" in value)
    return value != good_at(kind, path)


def good_at(kind: str, path: tuple[str | int, ...]) -> Any:
    return value_at(FILES[kind][2], path)


def things(kind: str, good: Any) -> list[Case]:
    """Other bytes than were written, and something else than a file."""
    found = []
    parameter, args, _ = FILES[kind]
    names = [n for n in (*BYTES, *KINDS) if n not in READABLE]
    for name in chance(f"things {kind}").sample(names, 7):

        def damage(root: Path, name: str = name) -> None:
            put(root / FILE, yaml.safe_dump(good))
            {**BYTES, **KINDS}[name](root / FILE, chance(name))

        command = (*SMALL, *args, f"{parameter}={FILE}")
        found.append(Case(f"{kind} file that {name}", command, (parameter,), damage, listing=True))
    return found


READABLE = (
    "lacks its last byte",
    "has a flipped bit in the middle",
    "has a flipped bit in front",
    "has a flipped bit at its end",
    "is cut in half",
)
"""YAML still, or often so."""


def too_long() -> list[Case]:
    """Texts that a model of 1024 tokens cannot read."""
    long = "a stone " * 900
    neutral = yaml.safe_dump([*NEUTRAL, long])
    story = yaml.safe_dump({**PROMPTS, "paragraph": f"{long} {{emotion}}"})
    scene = yaml.safe_dump([{**SCENARIOS[0], "text": long}])
    return [
        case("neutral", "neutral sentences longer than the model reads", neutral),
        case("prompts", "prompts longer than the model reads", story),
        case("scenarios", "scenarios longer than the model reads", scene),
    ]
