"""Oracle: rsatoolbox (Schütt et al. 2023), which compares RDMs of its own making."""

import numpy as np
import pytest

from emo.core.geometry.cosines import cosine_matrix, upper
from emo.core.stats.correlation import pearson, spearman
from emo.core.stats.many_correlations import spearman_matrix
from emo.core.stats.reliability import noise_ceiling

pytestmark = pytest.mark.filterwarnings("ignore")  # of the oracle, about its own dependencies


@pytest.fixture(scope="module")
def rsa():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "agg")
        toolbox = pytest.importorskip("rsatoolbox")
        pytest.importorskip("rsatoolbox.inference.noise_ceiling")
    return toolbox


def fake(rng, n_models, n_emotions=9, ties=False):
    shared = rng.normal(size=(n_emotions, 12))
    own = rng.normal(size=(n_models, n_emotions, 12))
    rdms = np.stack([1 - upper(cosine_matrix(shared + x)) for x in own])
    return rdms.round(1) if ties else rdms


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(spearman, "spearman"), (pearson, "corr")],
)
def test_comparisons_of_rdms(rsa, rng, ours, theirs, ties):
    a, b = fake(rng, 4, ties=ties), fake(rng, 3, ties=ties)
    want = rsa.rdm.compare(rsa.rdm.RDMs(a), rsa.rdm.RDMs(b), method=theirs)
    assert ours(a[:, None], b[None]) == pytest.approx(want)


def test_matrix_of_models(rsa, rng):
    a = fake(rng, 5)
    want = rsa.rdm.compare_spearman(rsa.rdm.RDMs(a), rsa.rdm.RDMs(a))
    assert spearman_matrix(a[:, None], a[:, None])[..., 0] == pytest.approx(want)


def test_noise_ceiling(rsa, rng):
    a = fake(rng, 6)
    lower, upper_bound = rsa.inference.noise_ceiling.boot_noise_ceiling(
        rsa.rdm.RDMs(a), method="spearman", rdm_descriptor="index"
    )
    assert noise_ceiling(a) == pytest.approx((float(lower), float(upper_bound)))


def test_rdm_of_vectors(rsa, rng):
    """Correlation distance of rows is 1 - cosine of rows less their own mean."""
    x = rng.normal(size=(7, 30))
    data = rsa.data.Dataset(x)
    want = rsa.rdm.calc_rdm(data, method="correlation").dissimilarities[0]
    assert 1 - upper(cosine_matrix(x - x.mean(axis=1, keepdims=True))) == pytest.approx(want)
