"""Checks of a passage set: leaked emotion words, repetition, balance.

``python -m emo.stimuli.audit FILE.csv`` prints every finding with its passage. The tests run the same
checks on the bundled passages.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from emo.core.geometry.balance import style_balance
from emo.core.records import Passage
from emo.errors import EmoError
from emo.stimuli.loading import DATA, read_passages

UNEVEN = 0.06
"""A count of style with more of its variance within situations between emotions is named."""
WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")


@dataclass(frozen=True)
class Finding:
    """One problem of one passage."""

    kind: str
    passage: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind:<12} {self.passage}: {self.detail}"


def words(text: str) -> list[str]:
    """Lower-case words of a text, punctuation dropped."""
    return WORD.findall(text.lower())


def load_lexicon(path: Path = DATA / "lexicon.yaml") -> dict[str, list[str]]:
    """The word stems that name each emotion, by emotion."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def load_gestures(path: Path = DATA / "stock_gestures.yaml") -> list[re.Pattern[str]]:
    """The patterns of stock gestures."""
    return [re.compile(p, re.IGNORECASE) for p in yaml.safe_load(path.read_text(encoding="utf-8"))]


def leakage(texts: Mapping[str, str], lexicon: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Words in passages that name any emotion of the lexicon, or are an obvious synonym."""
    stems = {s for entry in lexicon.values() for s in entry}
    exact = {s for s in stems if not s.endswith("*")}
    prefixes = tuple(s[:-1] for s in stems if s.endswith("*"))
    return [
        Finding("leakage", key, word)
        for key, text in texts.items()
        for word in words(text)
        if word in exact or word.startswith(prefixes)
    ]


def shared_runs(texts: Mapping[str, str], n: int = 6) -> list[Finding]:
    """Runs of ``n`` words that occur in more than one passage."""
    where: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for key, text in texts.items():
        tokens = words(text)
        for i in range(len(tokens) - n + 1):
            where[tuple(tokens[i : i + n])].add(key)
    return [
        Finding("shared run", " & ".join(sorted(keys)), " ".join(run))
        for run, keys in where.items()
        if len(keys) > 1
    ]


def gestures(texts: Mapping[str, str], patterns: Iterable[re.Pattern[str]]) -> list[Finding]:
    """Stock gestures in passages."""
    return [
        Finding("gesture", key, match.group(0))
        for pattern in patterns
        for key, text in texts.items()
        for match in pattern.finditer(text)
    ]


def shapes(texts: Mapping[str, str], lo: int = 30, hi: int = 60) -> list[Finding]:
    """Passages outside ``lo``-``hi`` words or outside 2-4 sentences."""
    problems = []
    for key, text in texts.items():
        n_words = len(text.split())
        n_sentences = len(re.findall(r"[.!?]+[\"'\u201d\u2019]?(?=\s|$)", text))
        if not lo <= n_words <= hi:
            problems.append(Finding("length", key, f"{n_words} words"))
        if not 2 <= n_sentences <= 4:
            problems.append(Finding("sentences", key, f"{n_sentences} sentences"))
    return problems


def endings(texts: Mapping[str, str]) -> list[Finding]:
    """Texts that do not end in a letter and a full stop, which is the token that ``last`` reads."""
    return [
        Finding("ending", key, text[-12:])
        for key, text in texts.items()
        if not re.search(r"[^\W\d_]\.$", text)
    ]


def openings(texts: Mapping[str, str], n: int = 3) -> list[Finding]:
    """Runs of ``n`` words with which more than one passage begins."""
    where: dict[str, list[str]] = defaultdict(list)
    for key, text in texts.items():
        where[" ".join(words(text)[:n])].append(key)
    return [
        Finding("opening", " & ".join(keys), start)
        for start, keys in where.items()
        if len(keys) > 1
    ]


def concentrated_words(
    emotions: Sequence[str], texts: Sequence[str], least: int = 8, share: float = 0.5
) -> list[tuple[str, str, int, int]]:
    """Words in at least ``least`` passages, more than ``share`` of which are of one emotion.

    Each row is (word, emotion, passages of that emotion, passages in all), the most frequent first.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for emotion, text in zip(emotions, texts, strict=True):
        for word in set(words(text)):
            counts[word][emotion] += 1
    rows = []
    for word, by_emotion in counts.items():
        total = by_emotion.total()
        emotion, top = by_emotion.most_common(1)[0]
        if total >= least and top > share * total:
            rows.append((word, emotion, top, total))
    return sorted(rows, key=lambda row: -row[3])


def mean_words(emotions: Sequence[str], texts: Sequence[str]) -> dict[str, float]:
    """Mean number of words per passage, by emotion."""
    lengths: dict[str, list[int]] = defaultdict(list)
    for emotion, text in zip(emotions, texts, strict=True):
        lengths[emotion].append(len(text.split()))
    return {emotion: sum(v) / len(v) for emotion, v in lengths.items()}


def findings(texts: Mapping[str, str]) -> list[Finding]:
    """The findings of all checks of single passages or pairs."""
    return [
        *shapes(texts),
        *leakage(texts, load_lexicon()),
        *gestures(texts, load_gestures()),
        *shared_runs(texts),
        *openings(texts),
        *endings(texts),
    ]


def style_lines(items: Sequence[Passage]) -> list[str]:
    """What style alone tells of the emotions of a set; nothing where passages name no situation."""
    situations = tuple(p.situation for p in items if p.situation is not None)
    emotions = tuple(p.emotion for p in items)
    if len(situations) < len(items) or len(set(situations)) < 2:
        return []
    balance = style_balance([p.text for p in items], emotions, situations)
    chance, by_label = 1 / len(set(emotions)), balance.reading.by_label
    best = sorted(by_label, key=lambda e: -by_label[e])[:3]
    uneven = {k: v for k, v in balance.eta_squared.items() if v > UNEVEN}
    return [
        f"style alone names the emotion in {balance.reading.accuracy:.3f} of the passages (chance "
        f"{chance:.3f}), best {', '.join(f'{e} {by_label[e]:.2f}' for e in best)}",
        *(
            f"style: eta squared {uneven[k]:.2f} of {k!r} between emotions (above {UNEVEN:g})"
            for k in sorted(uneven, key=lambda k: -uneven[k])
        ),
    ]


def main(paths: Sequence[str]) -> int:
    """Print the findings over all files together; return 1 if there are any, else 0."""
    try:
        read = [read_passages(Path(path)) for path in paths]
    except EmoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for path, passages in zip(paths, read, strict=True):
        for line in (*passages.notes, *passages.warnings):
            print(f"{path}: {line}")
    items = [p for passages in read for p in passages.items]
    texts = {f"{p.emotion}/{p.id}": p.text for p in items}
    if len(texts) < len(items):
        counts = Counter(f"{p.emotion}/{p.id}" for p in items)
        print(f"in several files: {', '.join(name for name, n in counts.items() if n > 1)}")
    problems = findings(texts)
    for finding in problems:
        print(finding)
    emotions = [p.emotion for p in items]
    bodies = [p.text for p in items]
    means = mean_words(emotions, bodies)
    for emotion in sorted(means, key=lambda e: means[e]):
        n = emotions.count(emotion)
        print(f"{emotion:<14} {n:4d} passages, {means[emotion]:.1f} words on average")
    for line in style_lines(items):
        print(line)
    for word, emotion, top, total in concentrated_words(emotions, bodies):
        print(f"word {word!r}: {top} of {total} passages are {emotion}")
    print(f"{len(items)} passages, {len(problems)} findings")
    return 1 if problems or len(texts) < len(items) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
