"""Starts the gateway, or says what to install if aiohttp is missing."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from tempfile import gettempdir

from semantest_iac.domain.errors import ExtraMissingError
from semantest_iac.presentation.gateway.limits import GatewayLimits
from semantest_iac.presentation.gateway.services import GatewayServices, ListenAddress, RunningGateway
from semantest_iac.presentation.request_log import LogRequest


def open_gateway(
    services: GatewayServices,
    address: ListenAddress,
    log_request: LogRequest,
    host_names: Collection[str] = (),
    limits: GatewayLimits | None = None,
    body_folder: Path | None = None,
) -> RunningGateway:
    """Return the context in which the gateway runs; raises ExtraMissingError without aiohttp.

    `host_names` may stand in Host headers beside the names of the loopback address. Large bodies are kept in
    `body_folder` as long as they are needed.
    """
    try:
        from semantest_iac.presentation.gateway.server import run_gateway
    except ModuleNotFoundError as error:
        raise ExtraMissingError("serve", str(error.name), "gateway") from error
    return run_gateway(
        services, address, log_request, host_names, limits or GatewayLimits(), body_folder or Path(gettempdir())
    )
