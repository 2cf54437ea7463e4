"""British and American spellings of one word: either names a group, an option or a parameter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from emo.config.groups import Groups
from emo.config.parameters import all_names, hint_of, options_of

TWINS = (
    (re.compile(r"is(e|es|ed|er|ing|ation)(?![a-z])"), r"iz\1"),
    (re.compile(r"ys(e|es|ed|er|ing)(?![a-z])"), r"yz\1"),
    (re.compile(r"(?<=[a-z]{2})our(s|ed|ing)?(?![a-z])"), r"or\1"),
    (re.compile(r"entre(?![a-z])"), r"enter"),
    (re.compile(r"entr(ed|ing)(?![a-z])"), r"enter\1"),
    (re.compile(r"ell(ed|ing)(?![a-z])"), r"el\1"),
)
"""A British ending -> the American one, at the end of a word or before ``_``, ``.`` or ``/``."""


def same_word(word: str, known: Iterable[str]) -> str:
    """The known word that is spelt otherwise in Britain or America; the word itself where none is.

    Example
    -------
    >>> same_word("summarise", ["extract", "summarize"]), same_word("x", ["y"])
    ('summarize', 'x')
    """
    words = list(known)
    if word in words:
        return word
    plain = _american(word)
    return next((each for each in words if _american(each) == plain), word)


def _american(word: str) -> str:
    for british, american in TWINS:
        word = british.sub(american, word)
    return word


def respelt(text: str, groups: Groups) -> str:
    """An override in the spelling of the schema; what is unknown in both spellings stays as it is."""
    key, equals, value = text.partition("=")
    name = key.lstrip("+~")
    prefix = key[: len(key) - len(name)]
    if name not in groups and hint_of(name) is None:
        name = same_word(name, [*all_names(), *groups.names()])
    options = groups.options(name) if name in groups else options_of(hint_of(name))
    if options:
        value = re.sub(r"[\w-]+", _in(options), value)
    return f"{prefix}{name}{equals}{value}"


def _in(options: Iterable[str]) -> Callable[[re.Match[str]], str]:
    known = list(options)
    return lambda word: same_word(word[0], known)
