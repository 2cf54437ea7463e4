"""What a check of an answer says, and what every check is spared: no answer, a refusal."""

from __future__ import annotations

import re
from dataclasses import dataclass

from emo.core.behaviour.sentences import sentences
from emo.core.behaviour.wording import plain, unmarked, without_thinking


@dataclass(frozen=True)
class Check:
    """Whether an answer complies, and the count or the place that decided it."""

    passed: bool
    why: str


_OPENING = (
    r"(?:i'm sorry|i am sorry|sorry|i apologi[sz]e|unfortunately)?[,.]?(?: but)? ?"
    r"(?:as an ai[^,.]*,? ?)?"
)
_CANNOT = (
    r"(?:i(?:'m| am) (?:not able|unable) to|i (?:cannot|can't|can not|won't|will not|must decline)|"
    r"i (?:don't|do not) feel comfortable)\b"
)
_WHAT = (
    r"(?: (?:to )?(?:\w+ ){0,3}?(?:help|assist|comply|fulfil+|answer|provide|do|continue|write|create|"
    r"that|generate|respond|engage|discuss|so)\b|[.!]?\Z)"
)
_REFUSAL = re.compile(
    _OPENING + _CANNOT + _WHAT + r"|죄송(?:합니다|하지만)[^.]{0,20}(?:수 없|못)|"
    r"(?:抱歉|对不起)[^。]{0,12}(?:无法|不能)"
)
_REFUSING_WORDS = 40
"""A text with more words than this does something besides refusing."""


def said(answer: str) -> Check | None:
    """Why nothing was said that could comply; None if something was."""
    text = without_thinking(answer).strip()
    if not any(char.isalnum() for char in text):
        return Check(False, "no text")
    words = plain(answer)
    if _REFUSAL.match(words) and len(words.split()) <= _REFUSING_WORDS:
        return Check(False, "a refusal")
    return None


def sentences_of(answer: str) -> list[str]:
    """The sentences of an answer without thinking, markup, and the marks of lists."""
    return [s.lstrip("•").strip() for s in sentences(unmarked(answer))]


def words_of(text: str) -> list[str]:
    """The words of a text: what stands between blanks and holds a letter or digit.

    Every Chinese character or kana is a word, since nothing stands between them.

    Example
    -------
    >>> words_of("A well-known cat — isn't it?")
    ['A', 'well-known', 'cat', "isn't", 'it?']
    """
    spaced = re.sub(r"([\u3040-\u30ff\u3400-\u9fff])", r" \1 ", text)
    return [word for word in spaced.split() if any(char.isalnum() for char in word)]
