"""Things that listen and are no MLflow server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.fuzz.case import Case
from tests.fuzz.place import SMALL

OK = b"HTTP/1.1 200 OK\r\nContent-Type: "
ANSWERS = {
    "says nothing": b"",
    "says hello": b"hello\r\n",
    "answers with a web page": OK
    + b"text/html\r\nContent-Length: 21\r\n\r\n<html>Welcome</html>\n",
    "answers with half a page": OK + b"application/json\r\nContent-Length: 999\r\n\r\n{",
    "answers with a list": OK + b"application/json\r\nContent-Length: 2\r\n\r\n[]",
    "answers with an error": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "forbids it": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    "leads in a circle": b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
}


def servers() -> list[Case]:
    """A project that is to log to each of them."""
    found = []
    for name, answer in [*ANSWERS.items(), ("never answers", None)]:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        args = (*SMALL, "seed=11", f"tracking.uri=http://127.0.0.1:{port}", "tracking.timeout_s=1")
        found.append(
            Case(f"a server that {name}", args, ("tracking.uri",), _listening(port, answer))
        )
    return found


def _listening(port: int, answer: bytes | None) -> Callable[[Path], Callable[[], None]]:
    """A server that gives one answer to whatever is asked; ``None``: it keeps the line open."""

    def start(_: Path) -> Callable[[], None]:
        listener = socket.create_server(("127.0.0.1", port))
        kept: list[socket.socket] = []

        def serve() -> None:
            with suppress(OSError):
                while True:
                    line, _ = listener.accept()
                    kept.append(line)
                    if answer is None:
                        continue
                    with suppress(OSError):
                        line.settimeout(2)
                        line.recv(65536)
                        line.sendall(answer)
                        line.close()

        threading.Thread(target=serve, daemon=True).start()

        def stop() -> None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            for line in kept:
                line.close()

        return stop

    return start
