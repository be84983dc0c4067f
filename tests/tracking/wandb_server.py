"""A W&B server on loopback for one test: enough GraphQL, file stream and uploads for the real
client to believe in it.

An operation it does not know is answered with an error (the client would otherwise retry for
minutes) and remembered in `book.unknown_operations`, so that a test can say what a new client
version asks for.
"""

import contextlib
import gzip
import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from wandb_graphql import Json, ServedRun, WandbBook


class WandbServer:
    """Serve W&B's protocol on a free loopback port from `start` (or `with`) to `stop`."""

    def __init__(self) -> None:
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self.book = self._http.book = WandbBook(upload_url=lambda name: f"{self.url}/upload/{name}")
        self.uploads = self._http.uploads = {}
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def runs(self) -> dict[str, ServedRun]:
        """The runs by id."""
        return self.book.runs

    @property
    def run(self) -> ServedRun:
        """The only run there is."""
        (run,) = self.runs.values()
        return run

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Refuse connections from now on, as a server that has died."""
        if self._thread.is_alive():
            self._http.shutdown()
            self._http.server_close()
            self._http.drop_connections()
            self._thread.join(5)

    def start_again(self) -> Self:
        """Serve at the same address again, with all that was told before."""
        book, uploads = self.book, self.uploads
        self._http = _Http(("127.0.0.1", int(self.url.rpartition(":")[2])), _Handler)
        self._http.book, self._http.uploads = book, uploads
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        return self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    book: WandbBook
    uploads: dict[str, bytes]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._connections: list[socket.socket] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.append(request)
        super().process_request(request, client_address)

    def drop_connections(self) -> None:
        """End the connections that clients keep alive."""
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that leave in the middle."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output clean."""

    def do_POST(self) -> None:
        book = self.server.book
        request = self._body()
        stream = re.match(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", self.path)
        with book.lock:
            if stream:
                book.stream(stream[1], json.loads(request))
                self._send({"exitCode": None, "limits": {}})
            elif self.path.endswith("/graphql"):
                query = json.loads(request)
                operation = (
                    query.get("operationName")
                    or re.findall(r"(?:query|mutation)\s+(\w+)", query["query"])[0]
                )
                data = book.answer(operation, query.get("variables") or {})
                self._send(
                    {"data": data} if data is not None else {"errors": [{"message": operation}]},
                    200 if data else 400,
                )
            else:
                self._send({}, 404)

    def do_PUT(self) -> None:
        self.server.uploads[self.path.removeprefix("/upload/")] = self._body()
        self._send({})

    def do_GET(self) -> None:
        self._send({}, 404)

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _send(self, answer: Json, status: int = 200) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
