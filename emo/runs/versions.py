"""Versions of the computation: what was computed by another one is not reused or compared."""

PROTOCOL_VERSION = 1
"""Raised when the reading changes; older store entries and runs are then not reused."""
TEXT_VERSION = 1
"""The same for generated texts."""
INT8_READING = 2
"""The same for readings in INT8. 1 read a passage inside another that begins with it."""


def versions(generation: bool, int8: bool) -> str:
    """Versions of the computation that a run's numbers hang on, as a tag to compare runs by."""
    text = f"reading {PROTOCOL_VERSION}"
    if generation:
        text += f", texts {TEXT_VERSION}"
    return f"{text}, int8 {INT8_READING}" if int8 else text
