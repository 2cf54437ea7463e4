"""The examples in the docstrings of the core run and give what they say."""

import doctest
import importlib
import pkgutil
import warnings

import numpy as np
import pytest

import emo.core

MODULES = sorted(m.name for m in pkgutil.walk_packages(emo.core.__path__, "emo.core."))
EXEMPLARY = {
    "emo.core.compare.rdms": ("mantel", "compare_vectors"),
    "emo.core.geometry.comprehension": ("describe",),
    "emo.core.geometry.cosines": ("cosine_matrix", "rdm", "upper"),
    "emo.core.geometry.item_sets": ("ItemSet.make",),
    "emo.core.geometry.style": ("style_counts",),
    "emo.core.geometry.surface": ("surface_of",),
    "emo.core.geometry.vectors": ("emotion_vectors",),
    "emo.core.stats.correlation": ("pearson", "spearman"),
}


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    module = importlib.import_module(name)
    with warnings.catch_warnings(), np.printoptions(legacy=False):
        warnings.simplefilter("error")
        result = doctest.testmod(module, extraglobs={"np": np})
    assert result.failed == 0
    assert result.attempted > 0 or name not in EXEMPLARY


@pytest.mark.parametrize(
    ("module", "name"), [(m, n) for m, names in EXEMPLARY.items() for n in names]
)
def test_what_the_documentation_names_has_an_example(module, name):
    documented = importlib.import_module(module)
    for part in name.split("."):
        documented = getattr(documented, part)
    assert ">>>" in (documented.__doc__ or "")
