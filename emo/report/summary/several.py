"""What tables of several models have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from emo.core.compare.cross_model import Universality
from emo.core.flags import FLAGGED_ANISOTROPY
from emo.report.table import Table
from emo.summary.assemble import Summary

FLAG_COLUMN = f"anisotropy above {FLAGGED_ANISOTROPY}"
"""The column on the published flag."""
FLAG = "flagged"
"""What the tables say of a model or pair with the published flag of anisotropy."""


def of_several(make: Callable[[Universality], Table]) -> Callable[[Summary], list[Table]]:
    """Makes the table of a summary that has a cross-model study; a table without rows is left out."""

    @wraps(make)
    def tables(s: Summary) -> list[Table]:
        return [] if s.cross_model is None else with_rows(make(s.cross_model))

    return tables


def with_rows(table: Table) -> list[Table]:
    """The table, unless it has no rows."""
    return [table] if table.rows else []


def flag(flagged: bool) -> str:
    """The entry of the column on the published flag."""
    return FLAG if flagged else "no"
