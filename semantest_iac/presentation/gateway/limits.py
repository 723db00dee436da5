"""What clients may use of the gateway: connections, time and memory, whichever stack they call."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

KIB = 1024
RESERVED_DESCRIPTORS = 256
"""Files that remain for function processes, packages and the ledger when every connection is used."""


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """The gateway's own limits; those of payloads and messages are of the stack's cloud.

    `head_s` is the time for a request line with its headers (30 s: RequestHeadersTimeout of Kestrel, the server of
    Azure Functions; API Gateway names none). `idle_s` is how long a connection may wait for its next request. `stall_s`
    is how long a client may send or take nothing in the middle of a body. `head_bytes` is more than any cloud takes,
    whose own limits are answered as the cloud does: 10,240 bytes on AWS, 64 KB on Azure.

    Of a WebSocket client, reading stops while `pending_messages` or `pending_bytes` of its messages wait; all clients
    together have `messages_bytes`. No further message is sent to a client before it has read all but `unsent_bytes`.
    After a fault of a client, `discarded_bytes` of it are discarded while it may read the reason.
    """

    connections: int = 768
    connections_per_client: int = 640
    head_bytes: int = 128 * KIB
    head_lines: int = 2 * KIB
    head_s: float = 30
    idle_s: float = 75
    stall_s: float = 30
    receive_buffer_bytes: int = 64 * KIB
    pending_messages: int = 16
    pending_bytes: int = 64 * KIB
    messages_bytes: int = 32 * KIB * KIB
    unsent_bytes: int = 16 * KIB
    discarded_bytes: int = 16 * KIB * KIB

    def fit_to_descriptors(self, files: int | None = None) -> GatewayLimits:
        """Return limits for which so many open files suffice; without a number, as many as the system allows."""
        files = _find_allowed_files() if files is None else files
        in_all = files - min(RESERVED_DESCRIPTORS, files // 4)
        if in_all >= self.connections:
            return self
        return replace(self, connections=in_all, connections_per_client=min(self.connections_per_client, in_all))


def _find_allowed_files() -> int:
    try:
        from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit
    except ModuleNotFoundError:  # a system without such limits
        return sys.maxsize
    files = getrlimit(RLIMIT_NOFILE)[0]
    return sys.maxsize if files == RLIM_INFINITY else files
