"""Calls from a notebook: what is raised says in its message what is wrong."""

from __future__ import annotations

from tests.fuzz.case import Case
from tests.fuzz.damage import BYTES, put
from tests.fuzz.drawing import chance
from tests.fuzz.place import Place

LOAD = {
    "an id that is none": ("load_run('0' * 32)", "run"),
    "a word": ("load_run('nothing')", "nothing"),
    "an empty id": ("load_run('')", "run"),
    "no id": ("load_run(None)", "run"),
    "an id of a number": ("load_run(5)", "run"),
    "a path": ("load_run('../../x')", "run"),
    "a query": ('load_run("\' or 1=1 --")', "run"),
    "a root of a number": ("load_run(ID, root=5)", "root"),
    "an address of a number": ("load_run(ID, uri=5)", "tracking.uri"),
    "a root that is not there": ("load_run(ID, root='nothing/at/all')", "nothing"),
    "a root that is a file": ("load_run(ID, root='small.csv')", "small.csv"),
    "a root without runs": ("load_run(ID, root='conf')", "conf"),
    "an address that is none": ("load_run(ID, uri='nothing://x')", "tracking.uri"),
    "an empty address": ("load_run(ID, uri='')", "tracking.uri"),
    "a database that is not there": (
        "load_run(ID, uri='sqlite:////nothing/at/all.db')",
        "tracking.uri",
    ),
    "a file that is no database": ("load_run(ID, uri='sqlite:///small.csv')", "tracking.uri"),
    "a server that is not there": ("load_run(ID, uri='http://127.0.0.1:9')", "tracking.uri"),
    "a password that may not be shown": (
        "load_run(ID, uri='http://user:hunter2@127.0.0.1:9')",
        "tracking.uri",
    ),
}
USE = {
    "a layer there is not": ("load_run(ID).rdm(99)", "layer"),
    "a layer below 0": ("load_run(ID).rdm(-99)", "layer"),
    "a layer of a word": ("load_run(ID).rdm('best')", "layer"),
    "half a layer": ("load_run(ID).rdm(1.5)", "layer"),
    "vectors of a summary": ("load_run(SUMMARY).vectors", "vectors.safetensors"),
    "descriptors of a steering run": ("load_run(STEER).descriptors", "descriptors.json"),
    "a comparison at a layer there is not": (
        "compare(load_run(ID), load_run(ID), layer=99)",
        "layer",
    ),
    "a comparison at a layer of a word": (
        "compare(load_run(ID), load_run(ID), layer='worst')",
        "layer",
    ),
    "a comparison without permutations": (
        "compare(load_run(ID), load_run(ID), permutations=0)",
        "permutations",
    ),
    "a comparison with fewer than none": (
        "compare(load_run(ID), load_run(ID), permutations=-5)",
        "permutations",
    ),
    "a comparison with half a permutation": (
        "compare(load_run(ID), load_run(ID), permutations=0.5)",
        "permutations",
    ),
    "a comparison with a seed of a word": (
        "compare(load_run(ID), load_run(ID), seed='x')",
        "seed",
    ),
    "a vector of no emotion": ("load_run(ID).vectors['nothing', 2]", "nothing"),
    "a vector of a layer there is not": (
        "load_run(ID).vectors[load_run(ID).vectors.emotions[0], 99]",
        "layer",
    ),
    "a tag that no run has": ("runs(nothing='x')", "nothing"),
    "a tag of a value that no run has": ("runs(model='nothing')", "nothing"),
    "a job of a model there is not": ("run('model=nothing', root=root)", "nothing"),
    "a text of no emotion": ("load_run(ID).steer('a', 'nothing', 1)", "nothing"),
    "a text that is none": ("load_run(ID).read(5)", "texts"),
    "a block for no emotion": ("load_run(ID).steering(None, nothing=1)", "nothing"),
    "a file there is not": ("load_run(ID).file('nothing')", "nothing"),
    "a comparison of ids": ("compare(ID, ID)", "load_run"),
    "a comparison with a summary": ("compare(load_run(ID), load_run(SUMMARY))", "descriptors.json"),
}
COMPOSE = {
    "an unknown parameter": ("compose('foo=1')", "foo"),
    "a wrong type": ("compose('seed=x')", "seed"),
    "a value below its minimum": ("compose('seed=-1')", "seed"),
    "an unknown option": ("compose('model=nothing')", "model"),
    "an interpolation of nothing": ("compose('seed=${nothing}')", "seed"),
    "an open bracket": ("compose('seed=[1')", "seed"),
    "a deletion": ("compose('~seed')", "seed"),
    "an override of a number": ("compose(5)", "override"),
    "a folder of a number": ("compose(conf=5)", "conf"),
    "a folder that is none": ("compose(conf=root / 'nothing')", "nothing"),
    "a table that is not there": ("load_stimuli(root / 'nothing.csv')", "nothing.csv"),
    "a table that is none": ("load_stimuli(root / 'prompts.yaml')", "prompts.yaml"),
    "prompts that are none": ("load_prompts(root / 'small.csv')", "small.csv"),
    "scenarios that are none": ("load_scenarios(root / 'prompts.yaml')", "prompts.yaml"),
}
IMPORTS = """
from emo.api import compare, load_run, run, runs
from emo.config.resolve import compose
from emo.stimuli.loading import load_stimuli
from emo.stimuli.prompts import load_prompts
from emo.stimuli.scenarios import load_scenarios
"""


def cases(place: Place) -> list[Case]:
    """All kinds."""
    ids = {
        "ID": place.runs["extract"],
        "SUMMARY": place.runs["summarize"],
        "STEER": place.runs["steer"],
    }
    start = IMPORTS + "".join(f"{name} = {value!r}\n" for name, value in ids.items())
    found = []
    for name, (line, word) in (*LOAD.items(), *USE.items(), *COMPOSE.items()):
        code = f"{start}result = {line}\n"
        found.append(Case(name, (), (word, *ids.values()), call=("call", [code])))
    for file, use in (
        ("vectors.safetensors", "vectors"),
        ("activations.safetensors", "activations"),
        ("descriptors.json", "descriptors"),
    ):
        path = place.artifacts("extract") / file
        for kind in ("is empty", "is cut in half", "is noise", "is a web page"):
            code = f"{start}result = load_run(ID).{use}\n"

            def damage(root, path=path, kind=kind):
                BYTES[kind](root / path, chance(kind))

            found.append(
                Case(f"{file} {kind}", (), (file, ids["ID"]), damage, call=("call", [code]))
            )
    found.append(
        Case(
            "a project of which the database is noise",
            (),
            ("tracking", "mlflow.db"),
            lambda root: put(root / "mlruns/mlflow.db", chance("db").randbytes(9999)),
            call=("call", [f"{start}result = load_run(ID)\n"]),
        )
    )
    return found
