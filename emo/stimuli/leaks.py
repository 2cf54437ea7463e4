"""Words of a text that name an emotion or a direct synonym of it, by lexicon."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

from emo.stimuli.audit import load_lexicon
from emo.stimuli.loading import DATA

WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
"""A word; parts joined by a hyphen or an apostrophe are one."""


@cache
def stems_by_emotion() -> dict[str, tuple[str, ...]]:
    """The stems of every emotion of the bundled lexicons, by the emotion in lower case."""
    both = load_lexicon(DATA / "near_synonyms.yaml") | load_lexicon()
    return {emotion.lower(): tuple(stems) for emotion, stems in both.items()}


def stems_of(emotion: str) -> tuple[str, ...]:
    """The stems of an emotion; of one that no lexicon has, its own name with any ending.

    Example
    -------
    >>> stems_of("saudade")
    ('saudade*',)
    >>> stems_of("hopeful")
    ('hope*', 'hoping', 'optimis*')
    """
    name = emotion.lower()
    return stems_by_emotion().get(name, (name if " " in name else f"{name}*",))


def leaked(text: str, stems: Iterable[str]) -> tuple[str, ...]:
    """The words and phrases of a text that the stems name, each once, in order of the text's words.

    Parts of a word joined by hyphens are also looked at alone: ``half-angry`` names ``angry``.

    Example
    -------
    >>> leaked("Angry at first, she was half-hopeful.", ("anger*", "angry", "hope*"))
    ('angry', 'half-hopeful')
    """
    exact, beginnings, phrases = _sorted_out(tuple(stems))
    words = [word.lower().replace("\u2019", "'") for word in WORD.findall(text)]
    found = [word for word in words if _names(word, exact, beginnings)]
    whole = f" {' '.join(words)} "
    found += [phrase for phrase in phrases if f" {phrase} " in whole]
    return tuple(dict.fromkeys(found))


def _names(word: str, exact: frozenset[str], beginnings: tuple[str, ...]) -> bool:
    parts = [word, *re.split("['-]", word)]
    return any(part in exact or part.startswith(beginnings) for part in parts)


@cache
def _sorted_out(
    stems: Sequence[str],
) -> tuple[frozenset[str], tuple[str, ...], tuple[str, ...]]:
    """Whole words, beginnings of words, and phrases."""
    phrases = tuple(stem for stem in stems if " " in stem)
    exact = frozenset(s for s in stems if not s.endswith("*") and s not in phrases)
    return exact, tuple(s[:-1] for s in stems if s.endswith("*")), phrases
