"""Which emotion each item is read as, at every layer, by the rest of the items."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from emo.core.choices import DEFAULT_ESTIMATOR, Removal
from emo.core.geometry.cells import ItemCells
from emo.core.geometry.cosines import finite_layers
from emo.core.geometry.estimators import estimator as estimator_named
from emo.core.geometry.means import prepared_layers
from emo.core.records import Activations
from emo.core.stats.resampling import index

UNREAD = -1
"""Label of an item of which nothing can be said.

No other group has its emotion, or the layer is not finite.
"""


def read_as(
    activations: Activations,
    remove: str = Removal.none.value,
    estimator: str = DEFAULT_ESTIMATOR,
) -> Int[np.ndarray, "layer item"]:
    """The number of the emotion that each item is read as, at every layer.

    It is the emotion of the nearest (Euclidean) vector, estimated without the item's whole situation (or
    without the item, where no situations are declared). The share of items that are read as what they
    are written as is the curve ``accuracy`` of :class:`emo.core.records.Descriptors`.

    Parameters
    ----------
    activations
        Labelled items; projected, if vectors are made of projected items.
    remove
        ``none``, or ``situation`` to subtract the situation means from the items first.
    estimator
        Name in :data:`emo.core.geometry.estimators.ESTIMATORS`.

    Returns
    -------
    numpy.ndarray
        Numbers of the emotions in order of first appearance; :data:`UNREAD` for none.

    Example
    -------
    >>> values = np.eye(3, dtype=np.float32)[None, [0, 1, 2] * 2]
    >>> emotions, situations = ("calm", "happy", "sad") * 2, ("quay",) * 3 + ("shop",) * 3
    >>> ids = tuple("abcdef")
    >>> read_as(Activations(values, ids, emotions, situations, values[:, :2], "last")).tolist()
    [[0, 1, 2, 0, 1, 2]]
    """
    cells = ItemCells.make(index(activations.groups)[1], index(activations.emotions)[1])
    method, values = estimator_named(estimator), prepared_layers(activations, remove)
    out = np.full(activations.values.shape[:2], UNREAD)
    for layer in finite_layers(activations.values, activations.neutral):
        labels = method.layer(cells, values(layer)).left_out_labels(cells.everything)[0]
        out[layer] = np.where(np.isfinite(labels), labels, UNREAD)
    return out
