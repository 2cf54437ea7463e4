"""Progress bars on standard error, silent where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from emo.stopping import stoppable


@stoppable
def track(items: Iterable[Any], title: str) -> Iterable[Any]:
    """The items, with a progress bar if standard error is a terminal."""
    from tqdm import tqdm

    return tqdm(items, desc=title, leave=False, disable=not sys.stderr.isatty(), unit="step")
