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
    """Passes connections on to providers given as `name:port,…`; `lost` is called when a provider hangs up first."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost = lost
        self._open: list[socket.socket] = []  # kept from being collected, which would close them

    def in_front_of(self, providers: str) -> str:
        """The same list with ports of our own, which are served from now on."""
        pairs = (provider.split(":") for provider in providers.split(",") if provider)
        return ",".join(f"{name}:{self._serve(int(port))}" for name, port in pairs)

    def _serve(self, port: int) -> int:
        listener = socket.create_server((_HOST, 0))
        threading.Thread(target=self._accept, args=(listener, port), daemon=True).start()
        return int(listener.getsockname()[1])

    def _accept(self, listener: socket.socket, port: int) -> None:
        while True:
            theirs, _ = listener.accept()
            self._open.append(theirs)
            try:
                provider = socket.create_connection((_HOST, port))
            except OSError:
                self._lost()
                return
            for end in (theirs, provider):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._ask, args=(theirs, provider), daemon=True).start()
            threading.Thread(target=self._answer, args=(provider, theirs), daemon=True).start()

    def _ask(self, cli: socket.socket, provider: socket.socket) -> None:
        """Until the CLI hangs up, which it may."""
        _copy_bytes(cli, provider)
        with suppress(OSError):
            cli.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            provider.shutdown(socket.SHUT_WR)

    def _answer(self, provider: socket.socket, cli: socket.socket) -> None:
        """Until the provider hangs up: in answer to the CLI, or first."""
        _copy_bytes(provider, cli)
        provider.close()
        if _is_open(cli):
            self._lost()


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
