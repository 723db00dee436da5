"""Relays the CLI's connections to a provider in the parent process, so that the CLI never sees the provider die.

The CLI takes a lost connection for a refusal and forgets that it asked for a create; the next run would create the
resource twice. So the relay keeps the connection open and has the CLI killed: its state then has a pending create."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

_READ_BYTES = 64 * 1024
_HOST = "127.0.0.1"


class ProviderRelay:
    """Relays connections to providers given as `name:port,…`; calls `on_lost` if a provider closes one first."""

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self._on_lost = on_lost
        self._connections: list[socket.socket] = []  # the garbage collector would close them
        self._listeners: list[socket.socket] = []

    def serve(self, providers: str) -> str:
        """Start a listener per provider and return the list with the listeners' ports."""
        pairs = (provider.split(":") for provider in providers.split(",") if provider)
        return ",".join(f"{name}:{self._listen(int(port))}" for name, port in pairs)

    def close(self) -> None:
        """Accept no more connections, once the CLI has ended."""
        for listener in self._listeners:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts, as closing alone would not
            listener.close()

    def _listen(self, port: int) -> int:
        listener = socket.create_server((_HOST, 0))
        self._listeners.append(listener)
        threading.Thread(target=self._accept, args=(listener, port), daemon=True).start()
        return int(listener.getsockname()[1])

    def _accept(self, listener: socket.socket, port: int) -> None:
        while True:
            try:
                cli, _ = listener.accept()
            except OSError:  # closed
                return
            self._connections.append(cli)
            try:
                provider = socket.create_connection((_HOST, port))
            except OSError:
                self._on_lost()
                return
            for end in (cli, provider):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._relay_requests, args=(cli, provider), daemon=True).start()
            threading.Thread(target=self._relay_responses, args=(provider, cli), daemon=True).start()

    def _relay_requests(self, cli: socket.socket, provider: socket.socket) -> None:
        """Relay until the CLI closes the connection."""
        _copy_bytes(cli, provider)
        with suppress(OSError):
            cli.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            provider.shutdown(socket.SHUT_WR)

    def _relay_responses(self, provider: socket.socket, cli: socket.socket) -> None:
        """Relay until the provider closes the connection: after the CLI, or first."""
        _copy_bytes(provider, cli)
        provider.close()
        if _is_open(cli):
            self._on_lost()


def _copy_bytes(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_READ_BYTES):
            target.sendall(data)


def _is_open(connection: socket.socket) -> bool:
    try:
        connection.getpeername()
    except OSError:
        return False
    return True
