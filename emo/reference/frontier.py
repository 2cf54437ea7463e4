"""What Sofroniew et al. 2026 (arXiv:2604.07729) and its replications publish of emotion vectors.

None of the figures has an interval or a test where they were read. Replications are read second hand:
only what their readers report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SOFRONIEW = "Sofroniew et al. 2026, arXiv:2604.07729"


@dataclass(frozen=True)
class PublishedFigure:
    """What is published of one number."""

    published: str
    """Of the paper's model."""
    replications: str = ""
    """Of open models, as their readers report; empty where nothing is known."""


FRONTIER: Mapping[str, PublishedFigure] = {
    "lens_words": PublishedFigure("by eye: top five tokens of 12 emotions"),
    "lens_random": PublishedFigure("by eye: top five tokens of 12 emotions"),
    "scenarios": PublishedFigure("strong diagonal, 12 scenarios", "yes in several"),
    "scenarios_held_out": PublishedFigure("one battery only"),
    "numbers": PublishedFigure("monotonic in six of six", "yes on Gemma-2-9B"),
    "user_colon": PublishedFigure("r .11", ".63 to .77 (Llama-70B)"),
    "colon_answer": PublishedFigure("r .87"),
    "colon_beyond_user": PublishedFigure("r .87 against .59: .28"),
    "preference": PublishedFigure("not given", ".86 for one emotion (Llama-70B)"),
    "preference_blissful": PublishedFigure("r .71"),
    "preference_hostile": PublishedFigure("r -.74"),
    "preference_steered": PublishedFigure("r .85 over 35 vectors"),
    "preference_moved": PublishedFigure("+212 for one emotion, -303 for another"),
    "pc1_share": PublishedFigure("26 to 27 %"),
    "pc2_share": PublishedFigure("14 to 15 %"),
    "pc1_valence": PublishedFigure(
        "r .81 with rated valence",
        ".83 (Gemma-4-E4B), .76 (Apertus); on the third component in one",
    ),
    "layers": PublishedFigure("stable from early-middle layers on (14 layers)"),
    "feels": PublishedFigure("strong diagonal, 12 x 12", "one null: random controls did the same"),
}
"""By the name of the number in job=validate."""
