"""Norms of job=axes: files that are no table, numbers that are none, emotions that they lack."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.fuzz.case import Case, May
from tests.fuzz.damage import BYTES, KINDS, UNTELLABLE, put
from tests.fuzz.drawing import chance
from tests.fuzz.place import AXES, FIVE, NORMS, SMALL, STORIES, Place

FILE = "own.csv"
HEADER = "word,valence,arousal\n"
WORDS = tuple(NORMS)
GOOD = HEADER + "".join(f"{word},{v},{a}\n" for word, (v, a) in NORMS.items())

TEXTS: dict[str, str | bytes] = {
    "nothing": "",
    "a header only": HEADER,
    "comments only": "# word,valence,arousal\n",
    "no header": GOOD.removeprefix(HEADER),
    "no arousal": GOOD.replace("arousal", "length"),
    "valence twice": GOOD.replace("arousal", "valence"),
    "words for numbers": HEADER + "".join(f"{word},high,low\n" for word in WORDS),
    "numbers that are none": HEADER + "".join(f"{word},nan,inf\n" for word in WORDS),
    "numbers beyond any scale": HEADER + "".join(f"{word},1e300,-1e300\n" for word in WORDS),
    "decimal commas": HEADER + "".join(f"{word},{i},5,3,2\n" for i, word in enumerate(WORDS)),
    "empty cells": HEADER + "".join(f"{word},,\n" for word in WORDS),
    "a word twice": GOOD + f"{WORDS[0]},1,1\n",
    "an empty word": GOOD + ",1,1\n",
    "rows that are too short": HEADER + "".join(f"{word},1\n" for word in WORDS),
    "one row that is too long": GOOD + "glad,1,2,3\n",
    "an open quote": HEADER + '"' + GOOD.removeprefix(HEADER),
    "one rating for all": HEADER + "".join(f"{word},5,{i}\n" for i, word in enumerate(WORDS)),
    "four emotions": HEADER + "".join(f"{word},{i},{i}\n" for i, word in enumerate(WORDS[:4])),
    "other words": HEADER + "".join(f"{word[::-1]},{i},{i}\n" for i, word in enumerate(WORDS)),
    "YAML": "".join(f"{word}: {{valence: 1, arousal: 2}}\n" for word in WORDS),
    "JSON": '{"word": ["calm"], "valence": [1.0], "arousal": [2.0]}\n',
    "NUL bytes": GOOD.replace("calm", "ca\0lm"),
    "a lone surrogate": GOOD.encode().replace(b"calm", b"ca\xed\xa0\x80lm"),
    "UTF-16": GOOD.encode("utf-16"),
    "a workbook": b"PK\x03\x04" + GOOD.encode(),
    "a cell of a million letters": GOOD + "a" * 10**6 + ",1\n",
}
"""Name -> contents that are refused."""
ODD: dict[str, str | bytes] = {
    "tabs": GOOD.replace(",", "\t"),
    "semicolons": GOOD.replace(",", ";"),
    "capitals": GOOD.upper().replace("WORD,VALENCE,AROUSAL", "Word,Valence,Arousal"),
    "a byte-order mark": GOOD.encode("utf-8-sig"),
    "lines of Windows": GOOD.replace("\n", "\r\n"),
    "a formula": GOOD + "=HYPERLINK(1),2,2\n",
    "a large exponent": GOOD + "glad,1e5,-1e-300\n",
}
"""Name -> contents that are read."""
SETTINGS = {
    ("norms.path=null",): "norms",
    ("norms=warriner",): "norms",
    ("norms=nrc",): "norms",
    ("norms.path=nothing.csv",): "norms.path",
    ("norms.path=''",): "norms.path",
    ("norms.path=prompts.yaml",): "norms.path",
    ("norms.path=small.csv",): "norms.path",
    ("job.axes.components=0",): "job.axes.components",
    ("job.axes.permutations=98",): "job.axes.permutations",
    ("job.axes.permutations=null",): "job.axes.permutations",
    ("stimuli.path=small.csv",): "norms.path",
    ("stimuli.label=situation",): "stimuli.label",
    (*STORIES, "vectors.projection=z_score"): "vectors.projection",
    (*STORIES, "stimuli.path=small.csv"): "norms.path",
}
"""Overrides that do not go with job=axes -> the parameter that is named."""


def cases(place: Place) -> list[Case]:
    """Every bad file and setting, and damages of a good file."""
    command = (*SMALL, *FIVE, *AXES)
    own = (*command, f"norms.path={FILE}", "output=json")
    found = [
        Case(f"norms: {name}", own, ("norms.path", FILE), partial(_write, text), listing=True)
        for name, text in TEXTS.items()
    ]
    found += [
        Case(f"norms: {name}", own, ("norms.path", FILE), partial(_write, text), May.finish)
        for name, text in ODD.items()
    ]
    for name, operator in {**BYTES, **KINDS}.items():

        def damage(root: Path, name=name, operator=operator) -> None:
            put(root / FILE, GOOD)
            operator(root / FILE, chance(name))

        may = May.finish if name in UNTELLABLE or name == "is cut in half" else May.refuse
        found.append(
            Case(f"a file of norms {name}", own, ("norms.path", FILE), damage, may, listing=True)
        )
    found += [
        Case(f"settings: {' '.join(words)}", (*command, *words, "output=json"), (named,))
        for words, named in SETTINGS.items()
    ]
    return found


def _write(content: str | bytes, root: Path) -> None:
    put(root / FILE, content)
