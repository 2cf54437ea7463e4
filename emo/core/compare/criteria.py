"""How far the geometry at every layer agrees with an RDM of something else: valence, human ratings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int
from scipy.spatial.distance import squareform

from emo.core.choices import DEFAULT_ESTIMATOR
from emo.core.compare.rdms import mantel_matrix
from emo.core.geometry.cells import ItemCells
from emo.core.geometry.cosines import finite_layers
from emo.core.geometry.estimators import estimator as estimator_named
from emo.core.geometry.item_sets import common_emotions
from emo.core.geometry.label_null import label_null, label_orders
from emo.core.geometry.means import prepare
from emo.core.geometry.resampled import ResampledLayer, centred_cosines
from emo.core.records import Activations, LabelNull, Rdm
from emo.core.stats.correlation import spearman
from emo.core.stats.resampling import Resampling, index, stream


@dataclass(frozen=True)
class CriterionCurve:
    """Spearman rho of a model's RDM with a criterion's at every layer; NaN where it is not finite."""

    name: str
    emotions: tuple[str, ...]
    """Those that both know."""
    rho: Float64[np.ndarray, " layer"]
    null: LabelNull
    """rho where the labels of the items are permuted: what items without emotion show."""
    mantel_p: Float64[np.ndarray, " layer"]
    """One-sided, emotions permuted: what a geometry shows that knows the criterion no better."""


def criterion_curve(
    activations: Activations,
    criterion: Rdm,
    name: str,
    resampling: Resampling,
    permutations: int = 10_000,
    remove: str = "none",
    estimator: str = DEFAULT_ESTIMATOR,
) -> CriterionCurve:
    """rho of the RDM at every layer with a criterion's, its null by permuted labels and Mantel's p.

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
    common = common_emotions(names, criterion.emotions)
    theirs = _pairs(criterion.emotions, common)
    model_pairs = _pairs(names, common)
    target = criterion.cosines[theirs]
    _, groups = index(activations.groups)
    cells, method = ItemCells.make(groups, emotions), estimator_named(estimator)
    rng = stream(resampling.seed, "labels")
    orders = label_orders(groups, emotions, resampling.n_permutations, rng)
    values = prepare(activations, remove)

    def rdm(layer: ResampledLayer) -> Float64[np.ndarray, " pair"]:
        return centred_cosines(layer, cells.everything)[0][model_pairs]

    shape = activations.n_layers, len(target)
    rdms, drawn = np.full(shape, np.nan), np.full((len(orders), shape[0]), np.nan)
    for layer in finite_layers(activations.values):
        rdms[layer] = rdm(method.layer(cells, values[layer]))
        exchanged = method.exchanged_layers(cells, values[layer], orders)
        drawn[:, layer] = [float(spearman(rdm(x), target)) for x in exchanged]
    rho = spearman(rdms, target[None])
    mantel = stream(resampling.seed, "mantel", name)
    _, p = mantel_matrix(np.concatenate([target[None], rdms]), permutations, mantel)
    return CriterionCurve(name, common, rho, label_null(rho, drawn), p[0, 1:])


def _pairs(emotions: tuple[str, ...], kept: tuple[str, ...]) -> Int[np.ndarray, " pair"]:
    """Where the pairs of the kept emotions stand among all pairs."""
    place = np.array([emotions.index(e) for e in kept])
    n = len(emotions)
    numbers = squareform(np.arange(n * (n - 1) // 2))
    i, j = np.triu_indices(len(kept), 1)
    return numbers[place[i], place[j]]
