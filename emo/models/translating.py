"""Errors of transformers as one line of this program, and its output silenced."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from emo.errors import EmoError, ModelError

log = logging.getLogger(__name__)

LONGEST = 300
"""Largest number of characters of another library's message in one of our lines."""
TELLING = (OSError, ValueError, ImportError, RuntimeError)
"""Errors whose message is enough; for others the name of the error is added."""
MEMORY = ("out of memory", "allocate memory", "not enough memory", "alloc_failed")


def quiet() -> None:
    """Silence transformers' warnings and its progress bars, which would stay on a terminal.

    This package reports or refuses what matters in the warnings. TRANSFORMERS_VERBOSITY in the
    environment brings them back.
    """
    from transformers.utils import logging as transformers_logging

    if "TRANSFORMERS_VERBOSITY" not in os.environ:
        transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


@contextmanager
def about_model(subject: str, what: str) -> Iterator[None]:
    """A block in which any error of a library becomes one line about the model.

    ``subject`` is the parameter with its value, ``what`` the part that is loaded, for example "its
    tokenizer". All errors are caught, because the libraries' validation raises errors of any kind.

    Raises
    ------
    ModelError
        With the reason in the library's words, shortened.
    MemoryError
        If memory did not suffice.
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
    """The reason why a model that needs code of its repository is not loaded."""
    import transformers

    return (
        f"{what} needs Python code of the model's own repository, which is never run here; take a "
        f"model whose family is part of transformers (installed: {transformers.__version__})"
    )
