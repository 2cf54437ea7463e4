"""What the study of extraction methods prints of separation. Source: Jeong 2026a (arXiv:2604.04064) [M].

None of its figures has an interval. Units are models; separation is the mean pairwise cosine.
"""

from __future__ import annotations

MANN_WHITNEY_P = 0.007
"""Generation against comprehension, models as units."""
COHEN_D = -107.5
"""Of the same comparison: values that centring pins have next to no spread to divide by."""
NEUTRAL_CENTRED_COSINE = 0.41
"""Mean pairwise cosine of one model's neutral-centred vectors; globally centred ones are near -0.05."""
GLOBAL_CENTRED_COSINE = -0.05
DEPTH = "about half of the depth, a U"
"""Where the mean pairwise cosine is lowest."""
SOURCE = "Jeong 2026a (arXiv:2604.04064)"
