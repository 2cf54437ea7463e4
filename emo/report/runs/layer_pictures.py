"""Small pictures of the RDM of every layer, for the slider over layers on a run's page in MLflow."""

from __future__ import annotations

import io
import logging
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emo.core.geometry.cosines import cosine_matrix
from emo.core.records import EmotionVectors
from emo.report.drawing import Failure, attempt
from emo.report.style import SIGNED

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)

KEY = "by layer~rdm"
"""The key ``by layer/rdm`` as MLflow writes it: the picture ``rdm`` in a section that stands first."""
FOLDER = "images"
"""Where MLflow's page looks for pictures that have a step."""
SIDE = 420
"""Pixels of the matrix; the page shows at most 256 until a picture is clicked."""
HEAD = 22
"""Pixels of the line above it."""


def write_rdm_pictures(vectors: EmotionVectors, folder: Path) -> None:
    """Write one picture per layer, named as by MLflow's own ``log_image(step=layer)``.

    The emotions keep their order and the colours their scale over the layers, so that layers can be
    compared. Pictures that cannot be drawn cost a line in the log.
    """
    drawn = attempt(lambda: list(_pictures(vectors)))
    if isinstance(drawn, Failure):
        log.warning("the RDMs of single layers could not be drawn: %s", drawn.reason)
        return
    (folder / FOLDER).mkdir(exist_ok=True)
    now = int(time.time() * 1000)
    for layer, files in enumerate(drawn):
        name = f"{KEY}+step+{layer}+timestamp+{now}+{uuid.uuid4()}"
        for ending, data in files.items():
            (folder / FOLDER / f"{name}{ending}").write_bytes(data)


def _pictures(vectors: EmotionVectors) -> Iterator[dict[str, bytes]]:
    """The files of each layer's picture by the ending of their names."""
    cosines = np.stack([cosine_matrix(layer) for layer in vectors.values])
    limit = _limit(cosines)
    for layer, matrix in enumerate(cosines):
        words = f"layer {layer}, colours from -{limit:g} to {limit:g}"
        yield dict(_files(_picture(matrix, words, limit)))


def _limit(cosines: np.ndarray) -> float:
    """The largest size of a cosine of two emotions at any layer, rounded up to a tenth."""
    n = cosines.shape[-1]
    others = np.abs(cosines[:, ~np.eye(n, dtype=bool)])
    largest = others[np.isfinite(others)].max(initial=0.1)
    return float(np.ceil(largest * 10 - 1e-9) / 10)


def _picture(matrix: np.ndarray, words: str, limit: float) -> Image:
    import matplotlib as mpl
    from PIL import Image, ImageDraw

    shades = np.nan_to_num(np.clip((matrix / limit + 1) / 2, 0, 1), nan=0.5)
    colours = mpl.colormaps[SIGNED](shades)
    pixels = (255 * colours[..., :3]).astype(np.uint8)
    np.einsum("iij->ij", pixels)[:] = 200  # a cosine of an emotion with itself says nothing
    cell = max(2, SIDE // len(matrix))
    side = cell * len(matrix)
    square = Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST)
    image = Image.new("RGB", (square.width, square.height + HEAD), "white")
    image.paste(square, (0, HEAD))
    ImageDraw.Draw(image).text((4, 4), words, fill="black")
    return image


def _files(image: Image) -> Iterator[tuple[str, bytes]]:
    """The picture, and the smaller one that the page shows first."""
    whole, small = io.BytesIO(), io.BytesIO()
    image.quantize(64).save(whole, "png", optimize=True)
    yield ".png", whole.getvalue()
    image.resize((256, round(256 * image.height / image.width))).save(small, "webp")
    yield "+compressed.webp", small.getvalue()
