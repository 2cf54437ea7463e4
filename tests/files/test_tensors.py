"""The bytes are those of safetensors itself, whatever is in the header."""

import numpy as np
import pytest
from safetensors.numpy import save

from emo.files.tensors import write_tensors

RNG = np.random.default_rng(0)
SINGLE = RNG.normal(size=(2, 3, 4)).astype(np.float32)


@pytest.mark.parametrize(
    "tensors",
    [
        {"items": SINGLE, "neutral": SINGLE[:, :0]},
        {"neutral": SINGLE[:, :1], "items": SINGLE[:, ::-1]},
        {"vectors": RNG.normal(size=(2, 3, 5))},
        {"b": SINGLE, "a": np.ones((1, 2)), "c": np.ones((2, 1), np.float32)},
    ],
)
@pytest.mark.parametrize("label", ["", 'ünï "x" \n \x01 \x1f \x7f 😀 \\ / \u2028'])
def test_a_file_has_the_bytes_that_safetensors_writes(tmp_path, tensors, label):
    labels, path = {"labels": label}, tmp_path / "x.safetensors"
    write_tensors(path, tensors, labels)
    want = save({name: np.ascontiguousarray(t) for name, t in tensors.items()}, labels)
    assert path.read_bytes() == want
