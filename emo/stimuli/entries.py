"""Stimulus files that are a list of entries with named texts: what is wrong with one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from emo.errors import shown


def entry_problems(
    raw: Any,
    texts: Sequence[str],
    distinct: Collection[str],
    lists: Sequence[str] = (),
    list_problems: Callable[[int, dict[str, Any]], Iterator[str]] | None = None,
) -> Iterator[str]:
    """What is wrong with a list of entries, entry by entry.

    Parameters
    ----------
    raw
        What a YAML file holds.
    texts, distinct
        Fields that must be texts, and those of them in which no two entries may be the same.
    lists, list_problems
        Fields that are something else, and what is wrong with them in an entry of a number from 1.

    Examples
    --------
    >>> list(entry_problems([{"id": "a"}, {"id": "a", "x": "b"}], ["id"], ["id"]))
    ['entry 2: x: no such field', 'entry 2: id: is the same as in entry 1']
    """
    names = (*texts, *lists)
    if not isinstance(raw, list) or not raw:
        yield f"must be a list of entries with {', '.join(names)}"
        return
    seen: dict[str, dict[str, int]] = {name: {} for name in distinct}
    for i, entry in enumerate(raw, 1):
        if not isinstance(entry, dict):
            yield f"entry {i}: must have {', '.join(names)}, not {shown(entry)}"
            continue
        yield from (
            f"entry {i}: {shown(name)[1:-1]}: no such field" for name in entry if name not in names
        )
        for name in texts:
            value = entry.get(name)
            if not isinstance(value, str) or not value.strip():
                yield f"entry {i}: {name}: must be a text, not {shown(value)}"
            elif name in seen and (first := seen[name].setdefault(value.strip(), i)) != i:
                yield f"entry {i}: {name}: is the same as in entry {first}"
        if list_problems:
            yield from list_problems(i, entry)
