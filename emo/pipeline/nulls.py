"""What permuted labels give, as curves that are logged."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from emo.core.records import LabelNull


def null_curves(nulls: Mapping[str, LabelNull]) -> dict[str, np.ndarray]:
    """The central 95 % and p of each descriptor at every layer, by the name of its metric."""
    curves: dict[str, np.ndarray] = {}
    for name, null in nulls.items():
        curves |= {f"curve_{name}_null_low": null.low, f"curve_{name}_null_high": null.high}
        curves[f"curve_{name}_p"] = null.p
    return curves
