"""job=extract: texts -> activations -> emotion vectors -> geometry -> one logged run."""

from emo.pipeline.extraction import run

__all__ = ["run"]
