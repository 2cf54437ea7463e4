"""What is wrong with how a command took a malformed input, as short phrases; nothing if all is well."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

from tests.forked import Done
from tests.fuzz.case import Case, May

MOST_FINDINGS = 20
"""Lines below the error line of a stimulus file."""
MOST_OTHER = 6
"""Lines on stderr beside log lines and the error: a library's own words, but not a page of them."""
LONGEST = 1500
"""Characters of an error line."""
LOG = re.compile(r"^\d\d:\d\d:\d\d (INFO|WARNING|ERROR) ")
ERROR = re.compile(r"^(launch\.py: )?error:")
RAW = re.compile(
    r"^(\S+[=:] ?\S*: )?([A-Z]\w*(Error|Exception)\b|Expecting |Extra data|Unterminated|'utf-8' codec"
    r"|'?\w+'? object |unhashable type|list ind|string ind)"
)
"""Python's own words for a break, which say nothing to a user, in front or instead of words of ours."""
WORDS = 2
"""So many words besides the parameter and its value are the least that say what is wrong."""
EFFORT = re.compile(r"^(seconds_|texts_|tokens_|forward_)")
"""Metrics of what it took, which are others where something is made again."""


@dataclass(frozen=True)
class Seen:
    """What a command did besides what it printed."""

    changed: tuple[str, ...]
    """Paths of the project and of the temporary folder that are new, gone or written, but locks."""
    runs: Mapping[str, str]
    """New runs, and runs with another status -> status."""
    code_ran: bool = False


@dataclass(frozen=True)
class Result:
    """What a finished command has: its metrics, and its files that hold numbers."""

    metrics: Mapping[str, Any]
    files: Mapping[str, Any]
    left_out: str = ""
    """What its table of runs that were left out says."""


def refusal_faults(case: Case, done: Done, seen: Seen) -> list[str]:
    """What is wrong with a refusal; the exit code is known not to be 0."""
    faults = [*_ending_faults(done), *said_faults(case, done.err)]
    written = [p for p in seen.changed if not any(fnmatch(p, known) for known in case.writes)]
    if written and case.may in (May.refuse, May.finish):
        faults.append(f"wrote {', '.join(written[:3])}" + (" ..." if len(written) > 3 else ""))
    return faults + run_faults(case, seen)


def run_faults(case: Case, seen: Seen) -> list[str]:
    """Runs that nobody asked for or that nobody closed, and code that ran."""
    unwanted = {"RUNNING", "KILLED"} | (set() if case.may in (May.stay, May.fail) else {"FAILED"})
    faults = [f"left a {status} run" for status in sorted(set(seen.runs.values()) & unwanted)]
    return faults + ["CODE RAN"] * seen.code_ran


def _ending_faults(done: Done) -> list[str]:
    if done.code is not None and done.code < 0:
        return [f"ended by signal {-done.code}"]
    return []


def said_faults(case: Case, err: str) -> list[str]:
    """What is wrong with the words of a refusal."""
    lines = [line for line in re.split(r"[\r\n]", err) if line.strip()]
    if any("Traceback (most recent call last)" in line for line in lines):
        return [f"traceback: {lines[-1][:120]}"]
    at = [i for i, line in enumerate(lines) if ERROR.match(line)]
    if not at:
        return ["no error line"] + ([f"but: {lines[-1][:100]}"] if lines else [])
    if len(at) > 1 and case.may is not May.stay:  # of a sweep each failed point has its own
        return [f"{len(at)} error lines"]
    before, error, below = lines[: at[0]], lines[at[-1]], lines[at[-1] + 1 :]
    findings = [line for line in below if not LOG.match(line)]
    faults = []
    listed = case.listing and all(line.startswith("  ") for line in findings)
    if findings and not (listed and len(findings) <= MOST_FINDINGS):
        faults.append(f"error of {1 + len(findings)} lines")
    other = [line for line in before if not LOG.match(line)]
    if len(other) > MOST_OTHER:
        faults.append(f"{len(other)} lines before the error")
    whole = " ".join([*(lines[i] for i in at), *findings])
    if not any(word in whole for word in case.named):
        faults.append(f"does not name {' or '.join(case.named[:2])}: {error[:140]}")
    said = re.sub(r"^(launch\.py: )?error:\s*", "", whole)
    if RAW.search(said):
        faults.append(f"raw words: {said[:140]}")
    elif len(said.partition(" ")[2].split()) < WORDS:
        faults.append(f"does not say what is wrong: {said[:140]}")
    if len(error) > LONGEST:
        faults.append(f"error line of {len(error)} characters")
    return faults


def finished_faults(
    case: Case, done: Done, seen: Seen, found: Result | None, wanted: Result | None
) -> list[str]:
    """What is wrong with exit code 0."""
    faults = run_faults(case, seen)
    if "Traceback (most recent call last)" in done.err:
        faults.append("traceback, yet exit code 0")
    match case.may:
        case May.refuse | May.stay | May.fail:
            return ["accepted", *faults]
        case May.finish:
            return faults + (["no result"] if found is None else [])
        case May.repair | May.leave_out:
            if found is None or wanted is None:
                return [*faults, "no result"]
            other = difference(found, wanted)
            said = done.out + done.err + found.left_out
            if case.may is May.leave_out and any(word in said for word in case.named):
                return faults
            return faults + ([f"other result: {other}"] if other else [])


def difference(found: Result, wanted: Result) -> str:
    """The first number in which two results differ, in words; empty if they are equal."""
    for kind in ("metrics", "files"):
        one, other = (
            {k: v for k, v in getattr(result, kind).items() if not EFFORT.search(k)}
            for result in (found, wanted)
        )
        if one.keys() != other.keys():
            return f"{kind} {', '.join(sorted(one.keys() ^ other.keys())[:3])}"
        for name, value in other.items():
            if not _same(one[name], value):
                return f"{name} {str(one[name])[:40]} instead of {str(value)[:40]}"
    return ""


def _same(one: Any, other: Any) -> bool:
    import numpy as np

    if isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[k], v) for k, v in other.items())
    if isinstance(other, np.ndarray):
        return one.shape == other.shape and np.allclose(one, other, 1e-6, 1e-8, equal_nan=True)
    if isinstance(other, float) and isinstance(one, (int, float)):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)
    return one == other


def outcome_word(done: Done, faults: Sequence[str]) -> str:
    """failed, refused, or repaired."""
    if faults:
        return "failed"
    return "repaired" if done.code == 0 else "refused"
