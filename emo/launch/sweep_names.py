"""What a sweep is called: by what its points differ in."""

from __future__ import annotations

from collections.abc import Sequence

SPELT = 3
"""Most values of a parameter that a name spells; more are counted."""
LONGEST = 160
"""Most characters of a name, as of the names of runs."""


def axes(varied: Sequence[Sequence[str]]) -> str:
    """What the points differ in: ``precision=fp32,bf16 seed x 8``.

    Parameters
    ----------
    varied
        Per point its overrides that not all points share.
    """
    values: dict[str, list[str]] = {}
    for words in varied:
        for word in words:
            name, _, value = word.partition("=")
            known = values.setdefault(name, [])
            if value not in known:
                known.append(value)
    return " ".join(
        f"{name}={','.join(each)}" if len(each) <= SPELT else f"{name} x {len(each)}"
        for name, each in values.items()
    )


def sweep_name(varied: Sequence[Sequence[str]]) -> str:
    """The name of a sweep's parent run."""
    name = f"sweep {axes(varied) or 'of one point'}"
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."
