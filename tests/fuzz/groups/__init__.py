"""The groups of cases: each a function that makes them for a place."""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.case import Case
from tests.fuzz.groups import (
    api,
    artifacts,
    command_line,
    export,
    imports,
    models,
    norms,
    overrides,
    passages,
    requests,
    spool,
    store,
    studies,
    sweeps,
    tracking,
    yaml_files,
)
from tests.fuzz.place import Place

GROUPS: dict[str, Callable[[Place], list[Case]]] = {
    "overrides": overrides.cases,
    "requests": requests.cases,
    "command_line": command_line.cases,
    "passages": passages.cases,
    "yaml_files": yaml_files.cases,
    "models": models.cases,
    "store": store.cases,
    "artifacts": artifacts.cases,
    "norms": norms.cases,
    "spool": spool.cases,
    "studies": studies.cases,
    "tracking": tracking.cases,
    "export": export.cases,
    "imports": imports.cases,
    "sweeps": sweeps.cases,
    "api": api.cases,
}
