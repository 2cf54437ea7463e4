"""Published results on steering."""

import json
from dataclasses import dataclass

from emo.reference.jeong2026 import DATA


@dataclass(frozen=True)
class SteeringSuccess:
    """Number of scenarios in which an external classifier found the emotion that was steered to."""

    source: str
    successes: int
    scenarios: int


STEERING_SUCCESS = SteeringSuccess(
    source="Jeong 2026a, arXiv:2604.04064", successes=37, scenarios=40
)


KNIFE_EDGES = (
    "two of the five regimes of Jeong 2026 (arXiv:2604.11050, 2.5) sit exactly on a cut-off and are "
    "one text from another (0.50 looping texts where more than 0.5 are asked, 0.30 short ones where "
    "more than 0.3 are), and the one explosive regime, of Gemma-3 1B base, is six empty texts, three "
    "loops and one fragment of a model that is not finite in fp16 from layer 12"
)
"""How near the published regimes are to others: the study's rule on its published steering texts, ten a
model, counted again by this project."""


def published_regime_of(model_id: str) -> str | None:
    """The steering regime of a model in Jeong 2026 (arXiv:2604.11050, 2.5); None if it is not there."""
    regimes: dict[str, str] = json.loads(DATA.read_text(encoding="utf-8"))["steering_regime"]
    return regimes.get(model_id.rsplit("/", 1)[-1])
