"""Planted mixtures of a text part and a model part: the share of the first is found again."""

from dataclasses import replace

import numpy as np
import pytest

from emo.core.compare import text_share
from emo.core.compare.text_maps import Learning, text_kernel
from emo.core.compare.text_products import HalvesOfTexts
from emo.core.compare.text_share import MOST_ITEMS, text_shares
from emo.core.geometry.cosines import cosine_matrix, upper
from emo.core.records import LabelMismatch
from emo.core.stats.correlation import spearman
from emo.core.stats.resampling import Resampling
from tests.core.planted import crossed, nested, record

FEW = Resampling(n_splits=6, seed=3)
EMOTIONS, SITUATIONS, HIDDEN = 12, 24, 50


class World:
    """Texts of a few features, and activations made of them, of the emotion, and of noise.

    ``share`` of the squared length of the true emotion vectors is a linear function of the texts' mean
    features; the rest is the model's own. ``noise`` is the variance of the vectors' error over theirs, so that
    0.1 and 0.5 make reliabilities of 0.91 and 0.67. Texts of one emotion differ, by the same function.
    ``apart`` makes the model's own part one that no function of the texts' means is. ``spread`` makes the
    directions of the vectors unlike in size.
    """

    def __init__(self, rng, share, noise, features=8, apart=False, spread=0.0, design=None):
        self.emotions, self.groups = design or crossed(EMOTIONS, SITUATIONS)
        n_e, n_i = self.emotions.max() + 1, len(self.emotions)
        known = rng.normal(size=(n_e, features)) * np.exp(-spread * np.arange(features))
        known -= known.mean(axis=0)
        place = 0.7 * rng.normal(size=(self.groups.max() + 1, features))[self.groups]
        self.texts = known[self.emotions] + place + 1.5 * rng.normal(size=(n_i, features))
        function = rng.normal(size=(features, HIDDEN))
        function /= np.linalg.norm(known @ function)
        own = rng.normal(size=(n_e, HIDDEN)) * np.exp(-spread * np.arange(HIDDEN))
        own -= own.mean(axis=0)
        if apart:
            basis = np.linalg.qr(known)[0]
            own -= basis @ (basis.T @ own)
        own *= np.sqrt(1 - share) / np.linalg.norm(own)
        error = np.sqrt(noise * n_i / n_e / n_e / HIDDEN) * rng.normal(size=(n_i, HIDDEN))
        told = np.sqrt(share) * self.texts @ function
        self.activations = told + own[self.emotions] + error
        self.told, self.vectors = np.sqrt(share) * known @ function, 0
        self.vectors = self.told + own

    @property
    def share(self):
        """Of the squared length; the two parts may be alike by chance."""
        left = ((self.vectors - self.told) ** 2).sum()
        return 1 - left / (self.vectors**2).sum()

    @property
    def rdm(self):
        """The squared rho of the RDMs of the text part and of the whole."""
        told, whole = (upper(cosine_matrix(x)) for x in (self.told, self.vectors))
        return float(np.abs(rho := spearman(told, whole)) * rho)

    def records(self, declared=True):
        rows = self.texts, self.activations
        return [record(x, self.emotions, self.groups, declared) for x in rows]

    def products(self, learning):
        design = HalvesOfTexts.make(self.emotions, self.groups, FEW)
        inner = self.activations - self.activations.mean(axis=0)
        (made,) = design.products(text_kernel([self.texts]), [inner @ inner.T], learning)
        return made

    def shares(self, learning):
        """Of the vectors and of the RDM, without intervals."""
        made = self.products(learning)
        top, bottom = made.parts(made.axes).T
        return (top / bottom)[:2]


def worlds(n, *args, **kwargs):
    return [World(np.random.default_rng((k, *map(ord, repr(args)))), *args, **kwargs) for k in range(n)]
