"""The image cannot be built in the tests; what it copies and calls can be checked."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[1]


def lines():
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.split(maxsplit=1) for line in text.splitlines() if line and line[0] not in "# "]


def test_copied_files_exist_and_the_whole_program_is_copied():
    copied = set()
    for word, rest in lines():
        if word == "COPY":
            *sources, _target = [p for p in shlex.split(rest) if not p.startswith("--")]
            copied.update(sources)
    assert all((ROOT / name).exists() for name in copied)
    assert {"emo", "conf", "launch.py", "pyproject.toml", "constraints.txt"} <= copied
    links = [p.resolve() for p in (ROOT / "emo").rglob("*") if p.is_symlink()]
    wanted = {str(p.relative_to(ROOT.resolve())) for p in links}
    assert wanted and wanted <= copied  # what a link in the program leads to
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert not copied & set(ignored)


def test_same_install_path_and_entry_and_no_root():
    words = [w for w, _ in lines()]
    text = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^RUN make install", text, re.M)
    assert "install:" in (ROOT / "Makefile").read_text()
    assert '["' + '.venv/bin/python", "launch.py"]' in text
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert ["ARG", "BASE=python:3.11-slim-bookworm"] in lines()
    assert words[0] == "ARG"
