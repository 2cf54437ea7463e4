"""Hooks for a child: count its file and database events, or kill it at one of them."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from pathlib import Path

CHANGES = {
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
    "shutil.copyfile",
    "shutil.rmtree",
}
"""Audit events that change a folder, besides a file that is opened to be written."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def count(path: str, *folders: str) -> None:
    """Write the number of events below the folders to a file when the process ends."""
    seen = 0

    def one_more() -> None:
        nonlocal seen
        seen += 1

    _watch(folders, one_more)
    atexit.register(lambda: Path(path).write_text(str(seen)))


def kill_at(number: int, signal: int, *folders: str) -> None:
    """Send this process a signal before its ``number``-th event, counted from 1."""
    left = number

    def one_more() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal)

    _watch(folders, one_more)


def plain_figures() -> None:
    """Figures are named, not drawn: drawing takes half of a small job's time and writes nothing."""
    from matplotlib.figure import Figure

    def savefig(self: Figure, target: object, *_args: object, **_kwargs: object) -> None:
        text = f"{len(self.axes)} axes"
        if isinstance(target, (str, Path)):
            Path(target).write_text(text)
        else:
            target.write(text.encode() if "b" in getattr(target, "mode", "b") else text)  # pyright: ignore

    Figure.savefig = savefig  # pyright: ignore[reportAttributeAccessIssue]


def _watch(folders: tuple[str, ...], on_event: Callable[[], None]) -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def audited(name: str, args: tuple[object, ...]) -> None:
        writing = name == "open" and isinstance(args[2], int) and args[2] & WRITING
        if (writing or name in CHANGES) and _below(args[0], folders):
            on_event()

    sys.addaudithook(audited)
    event.listen(Engine, "before_cursor_execute", lambda *_: on_event())
    event.listen(Engine, "commit", lambda *_: on_event())


def _below(path: object, folders: tuple[str, ...]) -> bool:
    if not isinstance(path, (str, bytes, os.PathLike)):
        return False
    whole = os.path.abspath(os.fsdecode(path))  # noqa: PTH100  (an audit hook must not open anything)
    return whole.startswith(folders)
