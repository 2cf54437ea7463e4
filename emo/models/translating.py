"""What transformers raises, as one line of ours; what it prints, not at all."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from emo.errors import EmoError, ModelError

log = logging.getLogger(__name__)

LONGEST = 300
"""Characters of a library's own words in one of our lines."""
TELLING = (OSError, ValueError, ImportError, RuntimeError)
"""Errors whose words say what is wrong; others need their name beside them."""
MEMORY = ("out of memory", "allocate memory", "not enough memory", "alloc_failed")


def quiet() -> None:
    """Keep transformers' warnings and, where nobody looks, its progress bars to itself.

    What matters of its warnings is refused or said by this package. TRANSFORMERS_VERBOSITY in the
    environment brings them back.
    """
    from transformers.utils import logging as transformers_logging

    if "TRANSFORMERS_VERBOSITY" not in os.environ:
        transformers_logging.set_verbosity_error()
    if not sys.stderr.isatty():
        transformers_logging.disable_progress_bar()


@contextmanager
def about_model(subject: str, what: str) -> Iterator[None]:
    """One line about a model for whatever is raised while a part of it is loaded.

    ``subject`` is the parameter with its value, ``what`` the part, for example "its tokenizer". The
    libraries' validation raises errors of any kind, so all are caught here; a lack of memory goes
    through as MemoryError.

    Raises
    ------
    ModelError
        With the reason in the library's own words, cut.
    MemoryError
        If there was no room.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except (EmoError, MemoryError):
        raise
    except Exception as error:
        words = " ".join(str(error).split())
        if isinstance(error, RuntimeError) and any(m in words.lower() for m in MEMORY):
            raise MemoryError(words) from error
        log.debug("%s: %s", subject, what, exc_info=True)
        raise ModelError(f"{subject}: {_sentence(error, what, words)}") from error


def _sentence(error: Exception, what: str, words: str) -> str:
    if "trust_remote_code" in words:
        return needs_code(what)
    telling = isinstance(error, TELLING) or type(error).__module__.startswith("huggingface_hub")
    if not words or not telling:
        words = f"{type(error).__name__}{f': {words}' if words else ''}"
    return f"{what} cannot be loaded: {words[:LONGEST]}"


def needs_code(what: str) -> str:
    """Why a model whose repository brings its own code is not loaded."""
    import transformers

    return (
        f"{what} needs Python code of the model's own repository, which is never run here; take a "
        f"model whose family is part of transformers (installed: {transformers.__version__})"
    )
