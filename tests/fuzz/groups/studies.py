"""Studies of job=sensitivity: damaged journals, storages that are none, spaces without sense."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.case import Case, May
from tests.fuzz.damage import BYTES, KINDS, put
from tests.fuzz.drawing import chance
from tests.fuzz.place import SMALL, STUDY, Place

GO_ON = (*SMALL, *STUDY, "job.sensitivity.n_trials=5", "output=json")
"""One trial more than the study has."""
STUDIES = Path("mlruns", "studies")
NAMED = ("job.sensitivity.storage", ".journal", "study")


def cases(place: Place) -> list[Case]:
    """All kinds."""
    journal = next((place.used.root / STUDIES).glob("*.journal")).relative_to(place.used.root)
    return [*cuts(journal), *lines(place, journal), *things(journal), *storages(), *spaces()]


def case(name: str, damage: Callable[[Path], object]) -> Case:
    """Damage to a study that then goes on."""
    return Case(name, GO_ON, NAMED, damage, may=May.repair)


def cuts(journal: Path) -> list[Case]:
    """What a full disk, a kill and a power cut leave."""

    def cut(n: int) -> Callable[[Path], object]:
        return lambda root: put(root / journal, (root / journal).read_bytes()[:-n])

    def behind(more: bytes) -> Callable[[Path], object]:
        return lambda root: put(root / journal, (root / journal).read_bytes() + more)

    found = [case(f"journal cut by {n} bytes", cut(n)) for n in (1, 2, 9, 33, 71, 140, 300)]
    tails = {
        "half a line": b'{"op_code": 5, "worker_id": "a", "trial',
        "zeros": bytes(200),
        "an empty line": b"\n\n",
        "half a line of noise": b"\xff\xfe\x00{",
        "an open bracket": b"[",
        "null": b"null\n",
    }
    return found + [
        case(f"journal with {name} behind", behind(tail)) for name, tail in tails.items()
    ]


def lines(place: Place, journal: Path) -> list[Case]:
    """Whole lines that are gone, twice, swapped, or of another program."""
    whole = (place.used.root / journal).read_text().splitlines()
    rng = chance("journal")
    middle = rng.randrange(len(whole) // 3, 2 * len(whole) // 3)
    found: dict[str, list[str]] = {
        "without its first line": whole[1:],
        "without a line in the middle": [*whole[:middle], *whole[middle + 1 :]],
        "without a third": [line for i, line in enumerate(whole) if i % 3],
        "with a line twice": [*whole[: middle + 1], whole[middle], *whole[middle + 1 :]],
        "with two lines swapped": [
            *whole[: middle - 1],
            whole[middle],
            whole[middle - 1],
            *whole[middle + 1 :],
        ],
        "from back to front": whole[::-1],
        "with a word in the middle": [*whole[:middle], "hello", *whole[middle:]],
        "with a list in the middle": [*whole[:middle], "[1, 2]", *whole[middle:]],
        "with an unknown code": [*whole, json.dumps({**json.loads(whole[-1]), "op_code": 99})],
        "with a code of a word": [*whole, json.dumps({**json.loads(whole[-1]), "op_code": "tell"})],
        "with a line without a code": [*whole, "{}"],
        "with a trial that was never asked": [
            *whole,
            json.dumps(
                {
                    "op_code": 6,
                    "worker_id": "w",
                    "trial_id": 999,
                    "state": 1,
                    "values": [0.5],
                    "datetime_complete": "2026-01-01T00:00:00.000000",
                }
            ),
        ],
        "with values that are no numbers": [
            line.replace('"values": [', '"values": ["x", ') for line in whole
        ],
        "with a line of 1000000 brackets": [*whole, "[" * 10**6],
    }
    return [
        case(f"journal {name}", lambda root, t=text: put(root / journal, "\n".join(t) + "\n"))
        for name, text in found.items()
    ]


def things(journal: Path) -> list[Case]:
    """Other bytes, and something else than a journal; and locks that were left."""
    found = []
    for name in (
        "is empty",
        "is zeros",
        "is noise",
        "is a web page",
        "has a flipped bit in the middle",
        *KINDS,
    ):
        operator = {**BYTES, **KINDS}[name]
        found.append(
            case(f"journal {name}", lambda root, o=operator, n=name: o(root / journal, chance(n)))
        )
    lock = journal.with_name(journal.name + ".lock")

    def left(root: Path) -> None:
        (root / lock).symlink_to((root / journal).resolve())

    def left_to_nothing(root: Path) -> None:
        (root / lock).symlink_to("/nothing/at/all")

    found += [
        case("journal with a lock that was left", left),
        case("journal with a lock to nothing", left_to_nothing),
        case("journal with a lock that is a folder", lambda root: (root / lock).mkdir()),
        Case(
            "the studies are a file",
            GO_ON,
            (*NAMED, "mlruns/studies"),
            lambda root: put(root / STUDIES, "x"),
            may=May.repair,
        ),
    ]
    return found


STORAGES = {
    "''": "an empty address",
    "nothing://x": "a kind that is none",
    "sqlite://": "a database in memory",
    "sqlite:///": "no file",
    "sqlite:///nothing/at/all.db": "no folder",
    "sqlite:////proc/nothing.db": "a folder that cannot be made",
    "sqlite:///small.csv": "a file that is no database",
    "sqlite:///mlruns": "a folder",
    "sqlite:///mlruns/mlflow.db": "the runs' own database",
    "sqlite:///x.db?mode=nothing": "settings that are none",
    "small.csv": "a file",
    "postgresql://user:hunter2@127.0.0.1:9/db": "a server that is not there",
    "mysql://user:hunter2@127.0.0.1:9/db": "a driver that is not there",
    "redis://127.0.0.1:9": "another kind of server",
    "http://127.0.0.1:9": "a web address",
    "'sqlite:///a\0b.db'": "a NUL",
}
NAMES = {
    "''": "empty",
    "'../../../outside'": "a path",
    "/tmp/outside": "an absolute path",
    "a/b": "a folder and a name",
    "'.'": "a dot",
    "n" * 300: "300 letters",
    "'a\nb'": "two lines",
    "null": "null",
}
SPACES = {
    "{samples:[]}": "no value",
    "{samples:[1,1],layer:[middle,best]}": "a value twice",
    "{samples:[1,0]}": "a count of 0",
    "{samples:[1,many]}": "a count of a word",
    "{samples:[1,2.5]}": "half a count",
    "{samples:[1,null]}": "a count of null",
    "{samples:[[1],[2]]}": "counts in lists",
    "{samples:[1,{a:2}]}": "a count of a mapping",
    "{layer:[middle,99]}": "a layer there is not",
    "{layer:[middle,first]}": "a layer that is none",
    "{max_new_tokens:[6,100000]}": "more tokens than the model reads",
    "{max_new_tokens:[6,-1]}": "tokens below 1",
    "{temperature:[0.7,hot]}": "a temperature of a word",
    "{temperature:[0.7,0]}": "a temperature of 0",
    "{top_p:[0.9,1.5]}": "a share above 1",
    "{prompts:[stories,poems]}": "prompts there are not",
    "{precision:[fp32,fp99]}": "a precision there is not",
    "{colour:[blue,red]}": "a parameter that is none",
    "{seed:[0,1],samples:[2,1]}": "a parameter that is not studied",
    "{samples:2,layer:[middle,best]}": "a value without a list",
    "{prompts_path:[a.yaml,b.yaml]}": "files there are not",
    "[samples,layer]": "a list",
}
OBJECTIVES = {
    "[]": "none",
    "[rho_matched,rho_matched]": "one twice",
    "[beauty]": "one that is not measured",
    "['']": "an empty one",
    "[[rho_matched]]": "a list in a list",
    "rho_matched": "no list",
}


def storages() -> list[Case]:
    """Addresses of storages, and names of studies."""
    found = []
    for value, name in STORAGES.items():
        args = (*SMALL, *STUDY, "job.sensitivity.n_trials=2", f"job.sensitivity.storage={value}")
        found.append(Case(f"storage: {name}", args, ("job.sensitivity.storage",)))
    for value, name in NAMES.items():
        args = (*SMALL, *STUDY, "job.sensitivity.n_trials=2", f"job.sensitivity.name={value}")
        found.append(Case(f"name: {name}", args, ("job.sensitivity.name",)))
    return found


def spaces() -> list[Case]:
    """Spaces, which join the configured one, and objectives."""
    found = []
    for value, name in SPACES.items():
        args = (*SMALL, *STUDY, "job.sensitivity.n_trials=2", f"++job.sensitivity.space={value}")
        found.append(Case(f"space: {name}", args, ("job.sensitivity.space", "space")))
    for value, name in OBJECTIVES.items():
        args = (*SMALL, *STUDY, "job.sensitivity.n_trials=2", f"job.sensitivity.objectives={value}")
        found.append(
            Case(f"objectives: {name}", args, ("job.sensitivity.objectives", "beauty", "objective"))
        )
    return found
