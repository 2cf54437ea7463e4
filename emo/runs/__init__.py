"""What every logged run shares: plan, identity, reuse, files, outcome.

The package can be called: ``emo.runs(...)`` is :func:`emo.api.runs`, the public function of that name.

Examples
--------
>>> len(emo.runs(job="extract"))
2
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    """A package that is called like the function of its name."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return importlib.import_module("emo.api").runs(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
