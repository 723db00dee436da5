"""Serves the simulated providers on loopback for as long as an engine needs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from semantest_iac.infrastructure.simulated_provider.servicer import CloudForRegion, SimulatedProvider

_THREADS = 16  # as many as the engine's parallel operations by default
_MESSAGE_LIMIT_BYTES = 400 * 1024 * 1024  # the engine's own limit
_OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", _MESSAGE_LIMIT_BYTES),
    ("grpc.max_send_message_length", _MESSAGE_LIMIT_BYTES),
]


@asynccontextmanager
async def serve_simulated_providers(
    cloud_for_region: CloudForRegion, default_region: str, packages: Sequence[str] = ("aws",)
) -> AsyncIterator[str]:
    """Serve the providers until the end of the block; gives the value of PULUMI_DEBUG_PROVIDERS.

    The providers run in threads, because a cloud may wait for another process's transaction.
    """
    with ThreadPoolExecutor(_THREADS, "simulated-provider") as pool:
        servers = {package: grpc.server(pool, options=_OPTIONS) for package in packages}
        try:
            yield ",".join(
                f"{name}:{_start(server, name, cloud_for_region, default_region)}" for name, server in servers.items()
            )
        finally:
            for server in servers.values():
                await asyncio.to_thread(server.stop(grace=None).wait)


def _start(server: grpc.Server, package: str, cloud_for_region: CloudForRegion, default_region: str) -> int:
    servicer = SimulatedProvider(package, cloud_for_region, default_region)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return int(port)
