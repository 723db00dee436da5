"""Serves the simulated providers on loopback for as long as an engine needs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from semantest_iac.infrastructure.simulated_provider.servicer import CloudForRegion, SimulatedProvider

_THREADS = 16  # as many operations as the engine does at once, where it is not told otherwise
_MESSAGE_LIMIT_BYTES = 400 * 1024 * 1024  # what the engine itself allows
_OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", _MESSAGE_LIMIT_BYTES),
    ("grpc.max_send_message_length", _MESSAGE_LIMIT_BYTES),
]


@asynccontextmanager
async def serve_simulated_providers(
    clouds: CloudForRegion, default_region: str, packages: Sequence[str] = ("aws",)
) -> AsyncIterator[str]:
    """Serve while the block runs; gives the value for PULUMI_DEBUG_PROVIDERS.

    The providers work in threads: a cloud may wait for another process's transaction, and the loop must not.
    """
    with ThreadPoolExecutor(_THREADS, "simulated-provider") as pool:
        servers = {package: grpc.server(pool, options=_OPTIONS) for package in packages}
        try:
            yield ",".join(f"{name}:{_start(server, name, clouds, default_region)}" for name, server in servers.items())
        finally:
            for server in servers.values():
                await asyncio.to_thread(server.stop(grace=None).wait)


def _start(server: grpc.Server, package: str, clouds: CloudForRegion, default_region: str) -> int:
    servicer = SimulatedProvider(package, clouds, default_region)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return int(port)
