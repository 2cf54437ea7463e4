"""What the published studies report of steering."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SteeringSuccess:
    """Scenarios in which an external classifier found the emotion that was steered to."""

    source: str
    successes: int
    scenarios: int


STEERING_SUCCESS = SteeringSuccess(
    source="Jeong 2026a, arXiv:2604.04064", successes=37, scenarios=40
)
