"""The constraint that a lexicon decides: negative aspects only."""

from __future__ import annotations

import re

from emo.core.behaviour.constraints.checks import Check, sentences_of
from emo.core.behaviour.wording import plain

_NEGATIVE = """
addict addictive afraid aggressive annoying anxiety awful awkward bad boring broken burden
burdensome chaos clumsy complicated confusing conflict costly cramped cruel damage damaging danger
dangerous dangers death debt delay delays depressing destroy destroys difficult difficulty dirty
disadvantage disadvantages disappointing disease disgusting disrupt disrupts distract distraction
drain drains drawback drawbacks dull exhausting expensive exploit exploitation fail failing fails
failure fear fraud frustrating frustration harm harmful harms harsh hassle hazard hazards headache
hurt hurts inconvenient inefficient inequality injury injuries isolate isolated isolating isolation
jealousy lack lacking lacks limited limits lonely loneliness lose loses losing loss losses mess
messy misinformation mistake mistakes monotonous nasty nausea negative neglect noise noisy obesity
outage outages overpriced overwhelming pain painful pollute pollutes polluting pollution poor poorly
poverty problem problems ruin ruins sad scam scams severe shortage sick smelly stale stress
stressful strain struggle suffer suffers suffering tedious terrible tired tiresome tiring toxic
traffic ugly uncomfortable unfair unhealthy unpleasant unreliable unsafe useless vulnerable waste
wasteful wastes weak weakness worry worse worst wrong
"""
_POSITIVE = """
advantage advantages affordable amazing attractive awesome beautiful beneficial benefit benefits
best brilliant calming charming cheerful clean comfortable convenient convenience cosy cozy creative
delicious delight delightful easy effective efficient efficiently enjoy enjoyable enjoys enriching
excellent exciting fantastic fascinating flexible flexibility friendly fulfilling fun generous glad
good gorgeous great handy happy happiness healthy healthier helpful ideal impressive improve
improves improvement inspiring interesting joy joyful love lovely loves loyal magnificent nice
opportunity opportunities peaceful perfect pleasant pleasure popular positive praised productive
pros reliable relaxing rewarding safe satisfying success successful superb tasty terrific thrive
treasure upside upsides useful valuable vibrant wonderful worthwhile
"""
NEGATIVE, POSITIVE = frozenset(_NEGATIVE.split()), frozenset(_POSITIVE.split())
_WORD = re.compile(r"[^\W\d_]+(?:'[a-z]+)?")
_NEGATION = re.compile(
    r"(?:not|no|never|nor|without|hardly|barely|little|less|lacks?|lacking|nothing|few|\w+n't)\Z"
)
_REACH = 3
"""Words before a word within which a negation turns it."""


def negative_only(answer: str) -> Check:
    """Nothing is praised, and at least half of the sentences hold something bad.

    A weak rule: about 160 negative and 100 positive English words of this project's own, turned by a
    negation up to three words before. It sees no irony, no word outside its lists ("floods",
    "bargain"), no comparison ("better than nothing"), and no other language: such a text fails.
    """
    marks = [_marks(sentence) for sentence in sentences_of(answer)]
    if praise := next((word for sentence in marks for word, good in sentence if good), None):
        return Check(False, f"praise: {praise}")
    bad = sum(bool(sentence) for sentence in marks)
    return Check(bad > 0 and 2 * bad >= len(marks), f"{bad} of {len(marks)} sentences are negative")


def _marks(sentence: str) -> list[tuple[str, bool]]:
    """The words of a sentence that praise (true) or find fault (false), negations heeded.

    A fault that is denied ("not bad") praises.
    """
    words = _WORD.findall(plain(sentence))
    found = []
    for i, word in enumerate(words):
        turned = any(_NEGATION.match(w) for w in words[max(i - _REACH, 0) : i])
        if word in POSITIVE:
            found.append((word, not turned))
        elif word in NEGATIVE:
            found.append((word, turned and word not in ("lack", "lacks", "lacking")))
    return found
