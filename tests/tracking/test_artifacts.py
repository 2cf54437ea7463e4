"""Files of a run on a server: downloaded once, kept in one folder, and never taken damaged."""

import hashlib
import os
import re
import time
from types import SimpleNamespace

import pytest
from mlflow.exceptions import MlflowException
from requests import HTTPError

from emo.errors import ArtifactError, NotLogged, TrackingError
from emo.files.checksums import NAME, write_checksums
from emo.files.whole import DAY_S, PARTIAL
from emo.tracking import artifacts
from emo.tracking.artifacts import Artifacts
from emo.tracking.record import CHECKSUMS

CONTENT = {"a.json": b"[1, 2]", "b.safetensors": bytes(range(99)), "figures/c.png": b"picture"}


class Server:
    """A client whose runs' files lie in a folder of the server's; counts what it hands out."""

    def __init__(self, folder):
        self.folder, self.asked = folder, []
        for name, content in CONTENT.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        self.digest = write_checksums(folder)

    def download_artifacts(self, run_id, path, dst_path):
        self.asked.append(path)
        if not (self.folder / path).exists():
            raise HTTPError("404 Client Error: NOT FOUND for url")
        target = f"{dst_path}/{path.rpartition('/')[2]}"
        with open(target, "wb") as file:  # noqa: PTH123
            file.write((self.folder / path).read_bytes())
        return target

    def list_artifacts(self, run_id, path=None):
        folder = self.folder / (path or "")
        return [
            SimpleNamespace(path=p.relative_to(self.folder).as_posix(), file_size=p.stat().st_size)
            for p in folder.iterdir()
        ]


@pytest.fixture
def server(tmp_path):
    return Server(tmp_path / "server")


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def run_on(server, listed=True, run_id="r1"):
    tags = {CHECKSUMS: server.digest} if listed else {}
    info = SimpleNamespace(run_id=run_id, artifact_uri=f"mlflow-artifacts:/1/{run_id}/artifacts")
    return SimpleNamespace(info=info, data=SimpleNamespace(tags=tags))


@pytest.mark.parametrize("listed", [True, False])
def test_a_file_is_downloaded_once_whatever_process_asks(server, cache, listed):
    for _ in range(2):
        store = Artifacts(server, cache)
        path = store.path(run_on(server, listed), "b.safetensors")
        assert path.read_bytes() == CONTENT["b.safetensors"]
        assert path.parent == cache
    assert server.asked.count("b.safetensors") == 1


def test_a_file_of_another_run_is_another_file(server, cache):
    one = Artifacts(server, cache).path(run_on(server), "a.json")
    other = Artifacts(server, cache).path(run_on(server, run_id="r2"), "a.json")
    assert one != other


@pytest.mark.parametrize("listed", [True, False])
def test_a_damaged_download_is_downloaded_again(server, cache, listed):
    store, run = Artifacts(server, cache), run_on(server, listed)
    path = store.path(run, "b.safetensors")
    path.write_bytes(b"damage")
    assert store.path(run, "b.safetensors").read_bytes() == CONTENT["b.safetensors"]
    assert len([p for p in cache.iterdir() if not p.name.startswith(".")]) == 1 + listed


def test_what_was_logged_again_is_downloaded_again(server, cache):
    Artifacts(server, cache).path(run_on(server), "a.json")
    (server.folder / "a.json").write_bytes(b"[3]")
    server.digest = write_checksums(server.folder)
    assert Artifacts(server, cache).path(run_on(server), "a.json").read_bytes() == b"[3]"


@pytest.mark.parametrize("name", ["b.safetensors", NAME])
def test_damage_on_the_server_is_one_line(server, cache, name):
    content = bytearray((server.folder / name).read_bytes())
    content[40] ^= 1
    (server.folder / name).write_bytes(content)
    with pytest.raises(ArtifactError) as caught:
        Artifacts(server, cache).path(run_on(server), "b.safetensors")
    assert str(caught.value) == (
        f"run r1: {name} is damaged (its bytes are not those that were logged); "
        "force=true repeats it"
    )


@pytest.mark.parametrize("listed", [True, False])
def test_a_file_that_is_missing_is_told_from_one_that_cannot_be_had(
    server, cache, monkeypatch, listed
):
    (server.folder / "a.json").unlink()
    run, kind = run_on(server, listed), ArtifactError if listed else NotLogged
    with pytest.raises(ArtifactError, match=r"run r1: a\.json is missing in mlflow-art") as caught:
        Artifacts(server, cache).path(run, "a.json")
    assert type(caught.value) is kind

    def away(*_args):
        raise MlflowException("Connection refused\nand more")

    monkeypatch.setattr(server, "list_artifacts", away)
    monkeypatch.setattr(server, "download_artifacts", away)
    with pytest.raises(TrackingError) as caught:
        Artifacts(server, cache).path(run_on(server, False), "b.safetensors")
    assert not isinstance(caught.value, ArtifactError)
    assert str(caught.value).splitlines() == [str(caught.value)]
    assert "Connection refused" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("b.safetensors", b"", "b.safetensors is damaged (it has another size)"),
        ("a.json", None, "a.json is missing"),
        ("figures/c.png", b"", None),
        ("figures/c.png", None, None),
    ],
)
def test_a_check_on_a_server_downloads_nothing_but_the_list(server, cache, name, content, message):
    path = server.folder / name
    path.unlink() if content is None else path.write_bytes(content)
    store, run = Artifacts(server, cache), run_on(server)
    if message is None:
        store.check(run)
    else:
        with pytest.raises(ArtifactError, match=re.escape(f"run r1: {message}")):
            store.check(run)
    assert server.asked == [NAME]


def test_readers_that_break_are_damage_of_the_file(server, cache):
    store, run = Artifacts(server, cache), run_on(server)
    assert store.read(run, "a.json", lambda path: path.stat().st_size) == 6

    def breaks(error):
        def reader(path):
            raise error

        return reader

    for error in (
        KeyError("x"),
        RecursionError("deep"),
        UnicodeDecodeError("utf-8", b"", 0, 1, ""),
    ):
        with pytest.raises(ArtifactError, match=r"run r1: a\.json is damaged \("):
            store.read(run, "a.json", breaks(error))
    with pytest.raises(TrackingError, match=r"a\.json cannot be read \(Too many open"):
        store.read(run, "a.json", breaks(OSError(24, "Too many open files")))


def test_downloads_keep_to_their_limit(server, cache, monkeypatch):
    """What was used longest ago goes first; what was used within the hour stays."""
    monkeypatch.setattr(artifacts, "CACHE_BYTES", 300)
    store = Artifacts(server, cache)
    paths = [store.path(run_on(server, False, f"r{i}"), "b.safetensors") for i in range(3)]
    assert all(path.exists() for path in paths)  # all in use
    now = time.time()
    for i, path in enumerate(paths):
        os.utime(path, (now - 9999 + i,) * 2)
    store.path(run_on(server, False, "r0"), "b.safetensors")  # used again
    last = store.path(run_on(server, False, "r3"), "b.safetensors")
    assert [path.exists() for path in paths] == [True, False, True]
    assert last.exists()


def test_what_a_killed_download_left_is_removed(server, cache):
    remaining = cache / f"{PARTIAL}left"
    remaining.mkdir(parents=True)
    os.utime(remaining, (0, DAY_S))
    Artifacts(server, cache).path(run_on(server), "a.json")
    assert not any(p.name.startswith(PARTIAL) for p in cache.iterdir())


def test_names_in_the_cache_are_digests(server, cache):
    Artifacts(server, cache).path(run_on(server, False, "../../x"), "figures/c.png")
    (path,) = cache.iterdir()
    key, _, digest = path.name.partition("-")
    assert int(key, 16)
    assert digest == hashlib.sha256(CONTENT["figures/c.png"]).hexdigest()
