"""The labelled answers, the scorer's confusion table over them, and a sheet for another reader.

``python -m tests.core.behaviour.answers table`` prints what docs/behave_scorer.md shows;
``... sheet > FILE.csv`` prints the answers in another order without labels; ``... merge FILE.csv`` puts
what a second reader wrote into its column ``label`` beside the first reader's, and prints kappa.
"""

from __future__ import annotations

import csv
import random
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from emo.core.behaviour.asserted import Stance, asserted
from emo.core.steering.text_measures import exact_interval

PATH = Path(__file__).with_name("answers.csv")
SPLITS = ("dev", "held-out")


@dataclass(frozen=True)
class Answer:
    """One row of the file."""

    id: str
    item: str
    question: str
    right: str
    wrong: str
    answer: str
    kind: str
    language: str
    reader_1: str
    reader_2: str
    label: str
    split: str
    batch: str

    def stance(self, with_question: bool) -> Stance:
        question = self.question if with_question else ""
        right, wrong = self.right.split(";"), self.wrong.split(";")
        return asserted(self.answer, right, wrong, question=question).stance


@cache
def answers() -> tuple[Answer, ...]:
    with PATH.open(newline="") as file:
        return tuple(Answer(**row) for row in csv.DictReader(file))


@cache
def confusion(split: str, with_question: bool) -> Counter[tuple[str, str]]:
    """How often each label got each stance."""
    return Counter((a.label, a.stance(with_question).value) for a in answers() if a.split == split)


def flips(counts: Counter[tuple[str, str]]) -> tuple[int, int, int]:
    """Flips that were found, that there are, and that were said."""
    labelled = sum(n for (label, _), n in counts.items() if label == "flip")
    said = sum(n for (_, stance), n in counts.items() if stance == "flip")
    return counts["flip", "flip"], labelled, said


def table() -> str:
    """The confusion tables and the recall and precision of flips, as Markdown."""
    lines = []
    for split in SPLITS:
        counts = confusion(split, with_question=False)
        lines += [
            f"| {split}: label | " + " | ".join(Stance) + " |",
            "|---|" + "---|" * len(Stance),
        ]
        lines += [
            f"| {label} | " + " | ".join(str(counts[label, said]) for said in Stance) + " |"
            for label in Stance
        ]
        lines.append("")
    lines += [
        "| answers | question given | recall of flips | precision of flips |",
        "|---|---|---|---|",
    ]
    for split in SPLITS:
        for asked in (False, True):
            found, labelled, said = flips(confusion(split, asked))
            lines.append(
                f"| {split} | {'yes' if asked else 'no'} | {_share(found, labelled)} "
                f"| {_share(found, said)} |"
            )
    return "\n".join(lines)


def _share(k: int, n: int) -> str:
    low, high = exact_interval(k, n)
    return f"{k} of {n}, {k / n:.3f} [{low:.3f}, {high:.3f}]"


def kappa(pairs: list[tuple[str, str]]) -> float:
    """Cohen's (1960) kappa of two readers."""
    n = len(pairs)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    agreed = sum(a == b for a, b in pairs) / n
    chance = sum(first[label] * second[label] for label in first) / n**2
    return (agreed - chance) / (1 - chance)


def _sheet() -> None:
    rows = random.Random(1).sample(answers(), len(answers()))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["id", "question", "right", "wrong", "answer", "label"])
    writer.writerows([a.id, a.question, a.right, a.wrong, a.answer, ""] for a in rows)


def _merge(path: Path) -> None:
    with path.open(newline="") as file:
        read = {row["id"]: row["label"].strip() for row in csv.DictReader(file)}
    rows = [{**vars(a), "reader_2": read.get(a.id, a.reader_2)} for a in answers()]
    with PATH.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    pairs = [(row["reader_1"], row["reader_2"]) for row in rows if row["reader_2"]]
    print(f"kappa {kappa(pairs):.3f} over {len(pairs)} answers")
    for row in rows:
        if row["reader_2"] not in ("", row["reader_1"]):
            print(row["id"], row["reader_1"], row["reader_2"], sep=": ")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["sheet"]:
            _sheet()
        case ["merge", path]:
            _merge(Path(path))
        case _:
            print(table())
