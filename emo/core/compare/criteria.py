"""How far the geometry at every layer agrees with an RDM of something else, such as human ratings.

Valence goes the same way inside :func:`emo.core.geometry.comprehension.describe`, with the draws that
the other descriptors have already.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from emo.core.choices import DEFAULT_ESTIMATOR
from emo.core.criterion_search import CriterionSearch
from emo.core.geometry.cells import ItemCells
from emo.core.geometry.cosines import finite_layers
from emo.core.geometry.criterion_rdm import CriterionRdm
from emo.core.geometry.estimators import estimator as estimator_named
from emo.core.geometry.label_null import label_null, label_orders
from emo.core.geometry.means import prepare
from emo.core.geometry.nested_layers import random_halves
from emo.core.geometry.resampled import centred_cosines
from emo.core.geometry.valence import PERMUTATIONS, everything_and_halves
from emo.core.records import Activations, LabelNull, Rdm
from emo.core.stats.resampling import Resampling, index, stream


@dataclass(frozen=True)
class CriterionCurve:
    """Spearman rho of a model's RDM with a criterion's at every layer; NaN where it is not finite."""

    name: str
    rho: Float64[np.ndarray, " layer"]
    null: LabelNull
    """rho where the labels of the items are permuted: what items without emotion show."""
    search: CriterionSearch | None
    """The best layer against permuted emotions, and Mantel's p of every layer; None without a value."""


def criterion_curve(
    activations: Activations,
    criterion: Rdm,
    name: str,
    resampling: Resampling,
    permutations: int = PERMUTATIONS,
    remove: str = "none",
    estimator: str = DEFAULT_ESTIMATOR,
) -> CriterionCurve:
    """rho of the RDM at every layer with a criterion's, its null by permuted labels, and the search.

    The two p answer two questions. Under permuted labels there is no emotion geometry at all, so a
    small ``null.p`` needs a geometry that agrees with the criterion. Mantel's test (Mantel 1967) keeps
    the geometry and permutes the emotions, so it also holds where a strong geometry agrees by chance.

    Parameters
    ----------
    activations
        Items of at least three emotions of the criterion.
    criterion
        Similarities of emotions, larger is more alike, as in the model's own RDM. Its layer is not used.
    name
        What the criterion is called.
    resampling
        ``n_permutations`` of the labels, and the seed.
    permutations
        Of the emotions, for Mantel's test.

    Raises
    ------
    LabelMismatch
        If fewer than three emotions are common to both.
    UnknownChoice
        If the removal or the estimator is unknown.

    Example
    -------
    >>> rng = np.random.default_rng(0)
    >>> labels = np.tile(np.arange(4), 6)
    >>> values = (9 * np.eye(4)[[0, 0, 1, 2]][labels] + rng.normal(size=(24, 4))).astype(np.float32)
    >>> emotions = ("sad", "gloomy", "calm", "proud")
    >>> items = Activations(
    ...     values[None], tuple(map(str, range(24))), tuple(emotions[i] for i in labels),
    ...     tuple(f"s{i // 4}" for i in range(24)), values[None, :0], "last",
    ... )
    >>> alike = Rdm(np.array([1.0, 0, 0, 0, 0, 0]), emotions, 0)
    >>> curve = criterion_curve(items, alike, "sadness", Resampling(n_permutations=19), 99)
    >>> round(float(curve.rho[0]), 1), bool(curve.null.p[0] <= 0.5)
    (0.7, True)
    """
    names, emotions = index(activations.emotions)
    _, groups = index(activations.groups)
    held = CriterionRdm.make(
        names, criterion, permutations, stream(resampling.seed, "mantel", name)
    )
    cells, method = ItemCells.make(groups, emotions), estimator_named(estimator)
    half = random_halves(cells, stream(resampling.seed, "nested"))
    rng = stream(resampling.seed, "labels")
    orders = label_orders(groups, emotions, resampling.n_permutations, rng)
    values, finite = prepare(activations, remove), finite_layers(activations.values)
    rho = np.full(activations.n_layers, np.nan)
    drawn = np.full((len(orders), activations.n_layers), np.nan)
    layers = []
    for layer in finite:
        items = method.layer(cells, values[layer])
        layers.append(held.agreement(centred_cosines(items, everything_and_halves(cells, half))))
        rho[layer] = layers[-1].rho[0]
        exchanged = method.exchanged_layers(cells, values[layer], orders)
        drawn[:, layer] = [held.rho(centred_cosines(x, cells.everything))[0] for x in exchanged]
    search = held.search(layers, finite, activations.n_layers) if layers else None
    return CriterionCurve(name, rho, label_null(rho, drawn), search)
