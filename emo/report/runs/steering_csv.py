"""CSV files of a steering run: doses, emotions and scenarios, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emo.core.steering.dose_response import (
    DoseCell,
    DoseSweep,
    Mean,
    Proportion,
    by_emotion,
    by_scenario,
)
from emo.core.steering.regimes import edge
from emo.core.steering.unsteered import all_cells, unsteered_texts
from emo.files.csv_files import csv_text
from emo.report.table import records_csv


def named_shares(shares: Mapping[str, float]) -> str:
    """Shares per script as one entry of a table: ``LATIN 0.95, CJK 0.05``."""
    return ", ".join(f"{name} {share:.3g}" for name, share in shares.items())


def cells_csv(swept: DoseSweep) -> str:
    """CSV with one row per direction, site and strength, 0 first: every number with its interval."""
    return records_csv([_flat(c) for c in all_cells(swept)])


def emotions_csv(swept: DoseSweep) -> str:
    """CSV with one row per emotion, direction, site and strength: the judge's shift, its interval."""
    head = ("emotion", "direction", "site", "strength", "n_texts")
    rows = [
        [*(getattr(d, name) for name in head), *vars(d.shift).values()]
        for d in by_emotion([*unsteered_texts(swept), *swept.steered])
    ]
    return csv_text([*head, "shift", "shift_low", "shift_high"], rows)


def scenarios_csv(swept: DoseSweep) -> str:
    """CSV with one row per scenario, emotion and direction: successes over all sites and strengths.

    The column ``trials`` says that the trials are doses of one prompt.
    """
    head = ["scenario", "emotion", "direction", "k", "n", "low", "high", "trials"]
    rows = []
    for s in by_scenario(swept.steered):
        p = s.success
        counts = (p.k, p.n, p.low, p.high)
        rows.append([s.scenario, s.emotion, s.direction, *counts, "doses of one prompt"])
    return csv_text(head, rows)


def _flat(c: DoseCell) -> dict[str, Any]:
    row: dict[str, Any] = {
        "direction": c.direction,
        "site": c.site,
        "strength": c.strength,
        "n_texts": c.n_texts,
        "n_scenarios": c.n_scenarios,
        "robust": c.robust.name,
        "robust_sure": c.robust.sure,
        "published": c.published.name,
        "disagree": c.disagree,
        "named": c.named,
        "scripts": named_shares(c.scripts),
    }
    row |= {f"robust_share_{k}": v for k, v in c.robust.shares.items()}
    row |= {f"published_share_{k}": v for k, v in c.published.shares.items()}
    nearest = edge(c.published)
    row |= {"published_texts_from": nearest.n_texts, "published_nearest": nearest.name}
    for name, value in vars(c).items():
        if isinstance(value, Proportion):
            row |= {f"{name}_{k}": v for k, v in vars(value).items()}
        elif isinstance(value, Mean):
            row |= {name if k == "value" else f"{name}_{k}": v for k, v in vars(value).items()}
    return row
