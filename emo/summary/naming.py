"""Names for the models of a summary: one name per set of weights."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from emo.core.compare.cross_model import ModelRun
from emo.runs.listing import RunListing


def named(runs: Sequence[RunListing]) -> list[RunListing]:
    """The runs (newest first, as given), each with a name that no other weights have.

    The name is the label of the newest run with these weights. If other weights have that label, too,
    the end of the hub id or path that differs is put before it, then the revision behind it.
    """
    newest: dict[str, RunListing] = {}
    for run in runs:
        newest.setdefault(run.weights, run)
    names = {weights: run.label for weights, run in newest.items()}
    for longer in (_with_place, _with_revision, _with_weights):
        for group in _alike(names):
            names |= longer({weights: newest[weights] for weights in group}, names)
    return [replace(run, name=names[run.weights]) for run in runs]


def _alike(names: dict[str, str]) -> list[list[str]]:
    """Groups of weights with one name, in tables or as parts of file names."""
    groups: dict[str, list[str]] = {}
    for weights, name in names.items():
        groups.setdefault(re.sub(r"\W", "_", name).lower(), []).append(weights)
    return [group for group in groups.values() if len(group) > 1]


def _with_place(runs: dict[str, RunListing], names: dict[str, str]) -> dict[str, str]:
    """Names with the end of the hub id or path by which these models differ."""
    places = {
        w: PurePosixPath(run.tags.get("model_id", "unknown")).parts for w, run in runs.items()
    }
    longer = {}
    for weights, parts in places.items():
        others = [p for p in places.values() if p != parts]
        if not others:
            continue
        n = next((n for n in range(1, len(parts)) if all(p[-n:] != parts[-n:] for p in others)), 0)
        place = str(PurePosixPath(*parts[-n:]))
        name = names[weights]
        longer[weights] = place if parts[-1] == name else f"{name} ({place})"
    return longer


def _with_revision(runs: dict[str, RunListing], names: dict[str, str]) -> dict[str, str]:
    """Names with the configured revision, or with that of the weights if several have the same."""
    asked = {w: run.config.model.revision for w, run in runs.items()}
    count = Counter(asked.values())
    return {
        weights: f"{names[weights]}@{asked[weights]}"
        if asked[weights] is not None and count[asked[weights]] == 1
        else f"{names[weights]}@{_short(run.tags.get('revision', 'unknown'))}"
        for weights, run in runs.items()
    }


def _short(revision: str) -> str:
    """The first seven characters of a commit or digest; any other revision as it is."""
    digest = revision.rsplit("-", 1)[-1]
    return digest[:7] if re.fullmatch(r"[0-9a-f]{12,}", digest) else revision


def _with_weights(runs: dict[str, RunListing], names: dict[str, str]) -> dict[str, str]:
    """Names with a digest of the weights, the last resort."""
    digests = {w: hashlib.sha256(w.encode()).hexdigest()[:8] for w in runs}
    return {weights: f"{names[weights]} {digests[weights]}" for weights in runs}


def other_names(runs: Iterable[RunListing]) -> list[str]:
    """One sentence per set of weights that was logged under several names."""
    labels_of: dict[str, dict[str, None]] = {}
    for run in runs:
        labels_of.setdefault(run.model, {})[run.label] = None
    return [
        f"{model} was logged as {' and '.join(labels)}: the same weights, one model here."
        for model, labels in labels_of.items()
        if len(labels) > 1
    ]


def twins(models: Sequence[ModelRun]) -> list[str]:
    """One sentence per group of models whose activations are the same numbers."""
    groups: dict[str, list[str]] = {}
    for model in models:
        values = model.activations.values
        digest = hashlib.sha256(repr(values.shape).encode() + values.tobytes()).hexdigest()
        groups.setdefault(digest, []).append(model.name)
    return [
        f"{' and '.join(names)} have the same activations to the bit: one model under several names, "
        f"counted {len(names)} times."
        for names in groups.values()
        if len(names) > 1
    ]
