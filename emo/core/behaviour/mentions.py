"""Where an answer names the right fact or the wrong one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from emo.core.behaviour.wording import plain

_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
"""Scripts whose words touch what follows them: kana, Chinese, Hangul, Thai."""
_SMALL = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen
"""
_LARGER = "twenty thirty forty fifty sixty seventy eighty ninety"
_ONES, _TENS = _SMALL.split(), _LARGER.split()


class Side(StrEnum):
    """The two answers of an item."""

    right = "right"
    wrong = "wrong"

    @property
    def other(self) -> Side:
        """The other one."""
        return Side.wrong if self is Side.right else Side.right


@dataclass(frozen=True)
class Mention:
    """A stretch of a text that names one of the two answers."""

    side: Side
    start: int
    end: int


class Forms:
    """The accepted forms of both answers, ready to be looked for.

    Raises
    ------
    ValueError
        If a side has no form, a form is blank, or both sides share one.
    """

    def __init__(self, right: Sequence[str], wrong: Sequence[str]) -> None:
        by_side = {Side.right: _spelled(right), Side.wrong: _spelled(wrong)}
        for side, forms in by_side.items():
            if not forms or not all(forms):
                raise ValueError(
                    f"{side}={forms}: an answer needs at least one form, none of them blank"
                )
        if shared := set(by_side[Side.right]) & set(by_side[Side.wrong]):
            raise ValueError(
                f"wrong={sorted(shared)}: stands among the forms of the right answer, too"
            )
        self._patterns = [
            (side, re.compile(_pattern(form))) for side, forms in by_side.items() for form in forms
        ]

    def mentions(self, text: str) -> list[Mention]:
        """Mentions in a plain text, in order; where two overlap, the longer one."""
        found = sorted(self._all(text), key=lambda m: (m.start - m.end, m.start))
        kept: list[Mention] = []
        for mention in found:
            if all(mention.end <= other.start or other.end <= mention.start for other in kept):
                kept.append(mention)
        return sorted(kept, key=lambda m: m.start)

    def _all(self, text: str) -> Iterator[Mention]:
        for side, pattern in self._patterns:
            for match in pattern.finditer(text):
                yield Mention(side, match.start(), match.end())


def _spelled(forms: Sequence[str]) -> list[str]:
    """Forms in the spelling of :func:`plain`, whole numbers below a hundred in words, too."""
    spelled = [" ".join(plain(form).split()).strip(" .") for form in forms]
    return list(dict.fromkeys([*spelled, *(w for form in spelled if (w := _in_words(form)))]))


def _in_words(form: str) -> str | None:
    if not form.isdecimal() or not 2 <= int(form) < 100:  # "one" and "zero" are too common as words
        return None
    tens, ones = divmod(int(form), 10)
    if tens < 2:
        return _ONES[int(form)]
    return _TENS[tens - 2] + (f"-{_ONES[ones]}" if ones else "")


def _pattern(form: str) -> str:
    """A form between borders of words; plural and possessive of a word count, longer numbers do not."""
    body = r"[\s-]+".join(re.escape(part) for part in re.split(r"[\s-]+", form) if part)
    return _border_before(form[0]) + body + _border_after(form)


def _border_before(first: str) -> str:
    if first.isdecimal():
        return r"(?<![a-z\d])(?<!\d[.,:/])"
    if _UNSPACED.match(first):
        return ""
    return r"(?<![a-z0-9])" if first.isascii() else r"(?<![^\W_])"


def _border_after(form: str) -> str:
    last = form[-1]
    if last.isdecimal():
        return r"(?:\.0+)?(?!\d)(?![.,:/]\d)"
    if _UNSPACED.match(last):
        return ""
    plural = r"(?:e?s)?" if last.isalpha() and len(form) > 2 else ""
    return plural + (r"(?![a-z0-9])" if last.isascii() else r"(?![^\W_])")
