"""Messages between a worker and its trials: one JSON object a line over a socket."""

import json
import socket
from typing import Any


def plain_value(value: Any) -> Any:
    """Return the number in a NumPy or torch scalar; the text of any other value."""
    return value.item() if hasattr(value, "item") else str(value)


class WorkerGoneError(ConnectionError):
    """Raised in a trial whose worker has died; the trial ends as `killed` and can be retried."""

    kind = "killed"


class Channel:
    """One end of a connection.

    Args:
        sock: A connected stream socket, owned by the channel.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._rest = b""

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; if the peer is gone, nothing happens: `receive` notices that."""
        try:
            self.sock.sendall(json.dumps(message, default=plain_value).encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            pass

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send a message and wait for the answer.

        Raises:
            WorkerGoneError: The peer is gone.
        """
        self.send(message)
        while True:
            answers, is_open = self.receive()
            if answers:
                return answers[0]
            if not is_open:
                raise WorkerGoneError("the worker of this trial is gone")

    def receive(self) -> tuple[list[dict[str, Any]], bool]:
        """Wait for data; return the complete messages and whether the connection is still open."""
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines], bool(data)

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()
