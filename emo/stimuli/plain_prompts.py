"""Plain texts without emotion, on which damage by steering is measured."""

from __future__ import annotations

from functools import cache

from emo.errors import StimuliError
from emo.stimuli.loading import DATA
from emo.stimuli.yaml_files import read_yaml

PLAIN_PROMPTS = DATA / "plain_prompts.yaml"


@cache
def plain_prompts() -> tuple[str, ...]:
    """The bundled plain texts, in the file's order.

    Raises
    ------
    StimuliError
        If the file is no list of texts.
    """
    texts, problems = read_yaml(PLAIN_PROMPTS)
    if problems or not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
        raise StimuliError(PLAIN_PROMPTS, problems or ["must be a list of texts"])
    return tuple(texts)
