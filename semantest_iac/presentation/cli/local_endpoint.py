"""Where a simulated stack answers while `serve` runs."""

from __future__ import annotations

HOST, PORT = "127.0.0.1", 4180
DEFAULT = f"http://{HOST}:{PORT}"
_SCHEMES = {"websocket": "ws"}


def local_endpoint(stack: str, gateway: str = DEFAULT) -> str:
    """The address by the stack's name; whether anything listens there is another question."""
    scheme = _SCHEMES.get(stack.partition(".")[0], "http")
    return f"{scheme}://{gateway.removeprefix('http://')}/{stack}/"
