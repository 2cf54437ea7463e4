"""Versions of the computations: a run of another version is neither reused nor compared."""

PROTOCOL_VERSION = 1
"""Raise it when the reading of texts changes what is read."""
TEXT_VERSION = 1
"""Raise it when the writing of texts changes what is written."""
DESCRIPTOR_VERSION = 2
"""Raise it when the descriptors of passages are computed otherwise. 1 had no nulls of permuted labels,
and read neutral sentences at the last token whatever the readout."""
VALENCE_VERSION = 1
"""Raise it when valence is computed otherwise, or the bundled poles change. Runs before 1 had none;
whatever else they have is compared as before."""
INT8_READING = 2
"""Raise it when reading in INT8 changes. 1 read a passage inside another that begins with it."""
MEAN_READING = 2
"""Raise it when ``method.readout=mean`` reads other tokens. 1 read position 0, as mean_all does."""
ABLATION_VERSION = 3
"""Raise it when job=ablate computes otherwise. 1 could take the best layer under ``vectors.remove``; 2
compared with matched on the same prompts, so that the texts' noise counted as effect."""
STUDY_VERSION = 2
"""Raise it when job=sensitivity evaluates otherwise; older studies are then not continued. 1 knew no
agreement with replicates."""
STEER_VERSION = 3
"""Raise it when job=steer adds something else, or judges texts otherwise.

2 had position 0 in the unit of strength, and limits from greedy and sampled texts together.
"""
AXES_VERSION = 1
"""Raise it when job=axes computes otherwise."""
READ_VERSION = 1
"""Raise it when job=read computes otherwise."""
VALIDATE_VERSION = 1
"""Raise it when job=validate computes otherwise."""
FOLDER_VERSION = 2
"""Raise it when the digest of a folder changes. 1 looked at a sample of the weights and at all files."""


def versions(generation: bool, int8: bool, mean: bool = False) -> str:
    """Versions of the computation that a run's numbers hang on, as a tag to compare runs by.

    ``mean`` is for a run that reads passages with ``method.readout=mean``.
    """
    text = f"reading {PROTOCOL_VERSION}"
    if mean:
        text += f", mean {MEAN_READING}"
    text += f", texts {TEXT_VERSION}" if generation else f", descriptors {DESCRIPTOR_VERSION}"
    return f"{text}, int8 {INT8_READING}" if int8 else text
