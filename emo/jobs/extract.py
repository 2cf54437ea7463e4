"""job=extract: texts -> activations -> emotion vectors -> geometry -> one logged run."""

from emo.config.schema import RunConfig
from emo.pipeline.extraction import ensure_extraction
from emo.runs.outcome import Outcome


def run(config: RunConfig) -> Outcome:
    """Extract, or find the finished run with the same fingerprint."""
    return ensure_extraction(config).outcome
