"""Commands of launch.py in forked children of one warm process, and the folder they run in.

A command spends seconds on imports; a fork of a process that has imported everything takes none. So
suites of hundreds of commands (killed ones in ``tests/kills``, malformed ones in ``tests/fuzz``) start
one :class:`Warm` process and run each command in a child of it, in a :class:`Project` that is put back
to a saved state before the next.

    with Warm() as warm:
        project = Project(tmp_path)
        warm.learn(project, *COMMAND)          # its modules are imported in the warm process, too
        saved = project.save()
        done = warm.run(project, *COMMAND, timeout=60)
        done.code, done.out, done.err, project.changes(saved)
        project.restore(saved)

The warm process is not the process of the tests: it has run nothing, has no threads and no open
database, so that a child is what ``python launch.py`` would be.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]

Hook = tuple[str, Sequence[Any]]
"""``module:function`` and its arguments (JSON values): called in the child before the command."""

IMPORTED = (
    "emo.cli",
    "emo.tracking",
    "emo.jobs.extract",
    "emo.models.session",
    "hydra._internal.hydra",
)
"""What every command needs; :meth:`Warm.learn` finds the rest."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int | None
    """Exit code, negative for a signal; None: it did not end in time and was killed."""
    out: str
    err: str
    seconds: float

    @property
    def json(self) -> dict[str, Any]:
        """The last line, of a command with ``output=json``."""
        return json.loads(self.out.strip().splitlines()[-1])

    @property
    def traceback(self) -> bool:
        """Whether a traceback was printed."""
        return "Traceback (most recent call last)" in self.out + self.err


# -------------------------------------------------------------------------------------- the folder

State = Mapping[str, tuple[Any, ...]]
"""Relative path -> what is known of the entry there without reading it."""


@dataclass
class Saved:
    """A copy of a project, to put it back to."""

    copy: Path
    state: dict[str, tuple[Any, ...]]
    """The project's own entries as they were when they last equalled the copy."""


@dataclass(frozen=True)
class Project:
    """A project folder as a user has it, with a temporary folder of its own beside it."""

    folder: Path
    root: Path = field(init=False)
    temporary: Path = field(init=False)
    """TMPDIR of its commands: what is left there is left behind."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", self.folder / "project")
        object.__setattr__(self, "temporary", self.folder / "temporary")
        for folder in (self.root, self.temporary):
            folder.mkdir(parents=True, exist_ok=True)
        for name in ("launch.py", "conf", "emo"):
            if not (self.root / name).is_symlink():
                (self.root / name).symlink_to(ROOT / name)

    def save(self) -> Saved:
        """A copy of everything in the root and in the temporary folder as it is now."""
        copy = Path(tempfile.mkdtemp(prefix="saved-", dir=self.folder))
        for name in (self.root.name, self.temporary.name):
            shutil.copytree(self.folder / name, copy / name, symlinks=True)
        return Saved(copy, dict(self._state()))

    def changes(self, saved: Saved, ignore: Sequence[str] = ("*.lock",)) -> list[str]:
        """Paths that are new, gone or written since, from the project's folder, in order.

        Folders count when they are new or gone. ``ignore`` has patterns of file names.
        """
        now = self._state()
        paths = sorted(
            p for p in now.keys() | saved.state.keys() if now.get(p) != saved.state.get(p)
        )
        names = [p for p in paths if not any(fnmatch(Path(p).name, i) for i in ignore)]
        return [p for p in names if not (_folder(now, p) and _folder(saved.state, p))]

    def restore(self, saved: Saved) -> None:
        """Put back what is new, gone or written; the rest is left alone, which is what is quick."""
        now = self._state()
        different = [p for p in now.keys() | saved.state.keys() if now.get(p) != saved.state.get(p)]
        for path in sorted(
            different
        ):  # a folder before what is inside: another thing may stand there
            if not (_folder(now, path) and _folder(saved.state, path)):
                _remove(self.folder / path)
        for path in sorted(different):
            if path not in saved.state:
                continue
            source, target = saved.copy / path, self.folder / path
            if source.is_dir() and not source.is_symlink():
                target.mkdir(exist_ok=True)
            else:
                shutil.copy2(source, target, follow_symlinks=False)
        for path in sorted(different, reverse=True):  # a folder's times change with what is put in
            if path in saved.state:
                shutil.copystat(saved.copy / path, self.folder / path, follow_symlinks=False)
        saved.state.clear()
        saved.state.update(self._state())

    def _state(self) -> State:
        tops = (self.root, self.temporary)
        return {str(p.relative_to(self.folder)): _known(p) for top in tops for p in _below(top)}


def _below(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            yield Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                yield from _below(Path(entry.path))


def _known(path: Path) -> tuple[Any, ...]:
    known = path.lstat()
    if stat.S_ISDIR(known.st_mode):
        return ("folder", known.st_mode)
    # The time of the last change of the inode cannot be set back by who writes into the file.
    return ("file", known.st_mode, known.st_size, known.st_ino, known.st_ctime_ns)


def _folder(state: State, path: str) -> bool:
    return path in state and state[path][0] == "folder"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.chmod(0o700)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


# -------------------------------------------------------------------------------- the warm process


class Warm:
    """A process that has everything imported and runs commands in forked children, one at a time."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        quiet = {
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",  # threads that were started before a fork are not in the child
            "CUDA_VISIBLE_DEVICES": "",
            "HF_HUB_OFFLINE": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.forked"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, **quiet, **(env or {})},
            text=True,
        )
        self._answer()

    def __enter__(self) -> Warm:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=30)

    def learn(
        self, project: Project, *args: str, timeout: float = 300, hooks: Sequence[Hook] = ()
    ) -> Done:
        """Run a command and import in the warm process what it has imported: later ones are quick.

        Raises
        ------
        AssertionError
            If the command fails.
        """
        done = self.run(project, *args, timeout=timeout, hooks=hooks, learn=True)
        assert done.code == 0, done.err
        return done

    def run(
        self,
        project: Project,
        *args: str,
        timeout: float = 120,
        env: Mapping[str, str] | None = None,
        hooks: Sequence[Hook] = (),
        kill: tuple[float, int] | None = None,
        learn: bool = False,
    ) -> Done:
        """Run ``launch.py args`` in the project's root.

        ``kill``: seconds from the fork and the signal that is sent then, to the command alone. A
        command that is not done after ``timeout`` seconds is killed with all processes of its own.
        """
        with tempfile.TemporaryDirectory(prefix="forked-") as folder:
            request = {
                "args": args,
                "root": str(project.root),
                "env": {"TMPDIR": str(project.temporary), **(env or {})},
                "hooks": hooks,
                "kill": kill,
                "timeout": timeout,
                "folder": folder,
                "learn": learn,
            }
            outputs = [Path(folder, name) for name in ("out", "err")]
            for path in outputs:
                path.touch()  # a child may be killed before it has made them
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer = self._answer()
            out, err = (p.read_text(encoding="utf-8", errors="replace") for p in outputs)
        return Done(answer["code"], out, err, answer["seconds"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the warm process has ended"
        return json.loads(line)


def _serve() -> None:
    """Read requests from stdin, run each in a child, write answers to what was stdout."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # what a library prints while it is imported is no answer
        for name in IMPORTED:
            importlib.import_module(name)
        print("{}", file=answers, flush=True)
        while line := _readline():
            request = json.loads(line)
            gc.freeze()  # a child need not look through what is there for what is garbage
            start = time.monotonic()
            pid = os.fork()
            if pid == 0:
                _child(request)
            code = _wait(pid, request["timeout"], request["kill"], start)
            seconds = time.monotonic() - start
            if request["learn"] and code == 0:
                _import(Path(request["folder"], "modules"))
            print(json.dumps({"code": code, "seconds": seconds}), file=answers, flush=True)


def _readline() -> str:
    """A line of stdin, read without a buffer that a child would share."""
    line = bytearray()
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line.decode()


def _wait(pid: int, timeout: float, kill: Sequence[float] | None, start: float) -> int | None:
    """The child's exit code; it gets its signal, or is killed with its group when its time is over."""
    waiting = kill is not None
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with suppress(ProcessLookupError):  # processes that a killed command has left
                os.killpg(pid, signal.SIGKILL)
            return os.waitstatus_to_exitcode(status)
        elapsed = time.monotonic() - start
        if waiting and kill is not None and elapsed >= kill[0]:
            os.kill(pid, int(kill[1]))
            waiting = False
        if elapsed > timeout:
            os.kill(pid, signal.SIGKILL)
            with suppress(ProcessLookupError):  # it had no group of its own yet
                os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return None
        time.sleep(0.001)


def _child(request: dict[str, Any]) -> NoReturn:
    """Be ``python launch.py`` in the request's root."""
    import atexit

    code = 70
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        folder = Path(request["folder"])
        for number, name, flags in (
            (0, Path(os.devnull), os.O_RDONLY),
            (1, folder / "out", os.O_WRONLY | os.O_APPEND),
            (2, folder / "err", os.O_WRONLY | os.O_APPEND),
        ):
            os.dup2(os.open(name, flags), number)
        os.environ.update(request["env"])
        tempfile.tempdir = None
        os.chdir(request["root"])
        sys.argv = ["launch.py", *request["args"]]
        for name, arguments in request["hooks"]:
            _function(name)(*arguments)
        code = _exit_code(request["root"])
        if request["learn"]:
            names = [n for n, m in sys.modules.items() if getattr(m, "__spec__", None) is not None]
            (folder / "modules").write_text("\n".join(names))
        atexit._run_exitfuncs()
    finally:
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _exit_code(root: str) -> int:
    """Run the command; what the interpreter would make of how it ended."""
    import traceback

    from emo.cli import main

    try:
        main(str(Path(root, "anchor.py")))  # launch.py is a link: its own folder is not the root
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1


def _function(name: str) -> Callable[..., object]:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def _import(names: Path) -> None:
    for name in names.read_text().split("\n"):
        if name not in sys.modules:
            with suppress(Exception):  # a script that a library has given a name
                importlib.import_module(name)


if __name__ == "__main__":
    _serve()
