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


def published_regime_of(model_id: str) -> str | None:
    """The steering regime of a model in Jeong 2026 (arXiv:2604.11050, 2.5); None if it is not there."""
    regimes: dict[str, str] = json.loads(DATA.read_text(encoding="utf-8"))["steering_regime"]
    return regimes.get(model_id.rsplit("/", 1)[-1])
