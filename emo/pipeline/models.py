"""The model that a plan names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emo.runs.plan import Plan

if TYPE_CHECKING:
    from emo.models.loading import LoadedModel


def load_model(plan: Plan) -> LoadedModel:
    """The plan's model in its precision, on its device: the one of the job before, if it is that."""
    from emo.models import session
    from emo.models.placement import Room

    config = plan.config
    return session.get(
        config.model,
        plan.weights,
        config.precision,
        config.backend.attention,
        plan.device,
        config.path(config.paths.weights),
        config.backend.label,
        Room.of(config.backend),
    )
