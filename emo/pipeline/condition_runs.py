"""The runs of conditions A to D, found or made."""

from __future__ import annotations

from emo.conditions import planned
from emo.config.schema import RunConfig
from emo.errors import EmoError
from emo.generation.stories import check_templates
from emo.pipeline import extraction
from emo.pipeline.generation import read_prompts
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
            check_templates(read_prompts(each), each.subparams)
    runs: set[str] = set()
    for name, each in steps(made.items(), "condition", lambda pair: _title(*pair)):
        outcome = extraction.run(each)
        if outcome.failed or outcome.run_id is None:
            raise EmoError(f"condition {name}: {outcome.error}")
        runs.add(outcome.run_id)
    return runs


def _title(name: str, config: RunConfig) -> str:
    return f"{name}, {config.model.label} in {config.precision.label}"
