"""The runs of conditions A to D, found or made."""

from __future__ import annotations

from emo.conditions import planned
from emo.config.schema import RunConfig
from emo.generation.stories import check_templates
from emo.pipeline.extraction import ensure_extraction
from emo.pipeline.generation import read_prompting
from emo.process.progress import steps


def make(config: RunConfig) -> set[str]:
    """Run the conditions of ``job.summarize.make``; what is finished already is only looked up.

    Returns
    -------
    set of str
        Ids of their runs.

    Raises
    ------
    EmoError
        If one of them fails; before any is made, if the prompts do not have what one of them needs.
    """
    made = planned(config)
    if not made:
        return set()
    for name, each in made.items():
        if name != "A":
            check_templates(read_prompting(each), each.subparams)
    return {
        ensure_extraction(each).run_id
        for _, each in steps(made.items(), "condition", lambda pair: _title(*pair))
    }


def _title(name: str, config: RunConfig) -> str:
    return f"{name}, {config.model.label} in {config.precision.label}"
