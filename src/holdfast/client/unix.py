"""Calls to a node on this host, over its Unix socket.

    node = UnixClient("/var/lib/holdfast/holdfast.sock")
    node.call("node.status")
    for change in node.stream("tree.watch", prefix="nodes.r1"):
        …
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Generator
from typing import Any, Final, Self

from holdfast.errors import Unavailable, restored

from .holder import holder_behind

__all__ = ["Items", "UnixClient"]

_CONNECT_S: Final = 5.0
_BEGINS_S: Final = 2.0
"""So long a node that is not there yet is waited for."""
_YOUNG_S: Final = 10.0
"""Whoever has had the file for longer and does not listen is no node that begins."""
_AGAIN_S: Final = 0.02
_GONE: Final = "the node ended meanwhile"


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_CONNECT_S)
        self.sock.connect(self._path)
        self.sock.settimeout(None)  # how long a call takes is the verb's business


class Items:
    """What a verb streams: iterate it. `close` ends the verb, from any thread: who waits in `next` then gets the end."""

    def __init__(self, items: Generator[Any, None, None], sock: socket.socket) -> None:
        self.closed = False
        self._items = items
        self._socket = sock

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._items)
        except Unavailable:
            if self.closed:
                raise StopIteration from None
            raise

    def close(self) -> None:
        self.closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes a reader in another thread
        with contextlib.suppress(ValueError):  # that reader has the generator, and ends it
            self._items.close()


class UnixClient:
    """Calls verbs of the node that listens at `path`. Each call is a connection of its own: any thread may call."""

    def __init__(self, path: str) -> None:
        self.path = path

    def call(self, verb: str, **arguments: Any) -> Any:
        """The result, as JSON has it. Raises: Unavailable - there is no node (one that begins is waited for), or it ended meanwhile;
        what the verb raises."""
        connection, answer = self._ask(verb, arguments)
        try:
            shape = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._gone() from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise restored(shape)
        return shape["result"]

    def stream(self, verb: str, **arguments: Any) -> Items:
        """The items, as they come; closing it ends the verb. When this returns the node has begun: nothing later is missed.

        Raises: as `call`.
        """
        connection, answer = self._ask(verb, arguments)
        if answer.status != http.client.OK:
            try:
                raise restored(json.loads(answer.read()))
            finally:
                connection.close()
        return Items(self._items(connection, answer), connection.sock)

    def _items(self, connection: _Connection, answer: http.client.HTTPResponse) -> Generator[Any, None, None]:
        try:
            while line := answer.readline():
                shape = json.loads(line)
                if "item" in shape:
                    yield shape["item"]
                elif "error" in shape:
                    raise restored(shape["error"])
                else:
                    return
        except (OSError, http.client.HTTPException) as error:
            raise self._gone() from error
        finally:
            answer.close()  # it holds the socket as well
            connection.close()
        raise self._gone()

    def _ask(self, verb: str, arguments: dict[str, Any]) -> tuple[_Connection, http.client.HTTPResponse]:
        connection = _Connection(self.path)
        try:
            self._connect(connection)
            connection.request("POST", f"/v1/verbs/{verb}", json.dumps(arguments).encode(), {"Content-Type": "application/json"})
            return connection, connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._gone() from error

    def _connect(self, connection: _Connection) -> None:
        """A node that has just begun is waited for: it has its file before it has its socket."""
        deadline = time.monotonic() + _BEGINS_S
        while True:
            try:
                return connection.connect()
            except (FileNotFoundError, ConnectionRefusedError) as error:
                connection.close()
                behind = holder_behind(self.path)
                if behind is None:
                    raise Unavailable(f"no node listens at `{self.path}`", hint="`holdfast run` starts one", path=self.path) from error
                holder, since = behind
                tree = holder.get("purpose") == "tree"
                if tree or time.monotonic() >= deadline or not 0 <= time.time() - since < _YOUNG_S:
                    raise self._deaf(holder) from error
                time.sleep(_AGAIN_S)

    def _deaf(self, holder: dict[str, Any]) -> Unavailable:
        who = f"process {holder['pid']} ({holder['command']})" if holder else "a process that does not say its number"
        sentence = f"no node listens at `{self.path}`, and {who} has its database"
        hint = "a program that uses the file itself, or a node without `holdfast[server]` or at its end: wait for it, or stop it"
        return Unavailable(sentence, hint=hint, path=self.path, **holder)

    def _gone(self) -> Unavailable:
        return Unavailable(f"{_GONE}: `{self.path}`", hint="whether the call was carried out is not known: look", path=self.path)
