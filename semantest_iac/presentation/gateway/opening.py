"""The way to the server, where what it needs is installed."""

from __future__ import annotations

from semantest_iac.domain.errors import RefusedError
from semantest_iac.presentation.gateway.services import Address, Listening, Services, Tell


def opened(services: Services, address: Address, tell: Tell) -> Listening:
    """The gateway's URL for as long as the block; raises RefusedError where it cannot be had."""
    try:
        from semantest_iac.presentation.gateway.server import listening
    except ModuleNotFoundError as error:
        hint = "Run: pip install --no-deps --require-hashes -r requirements/deploy.txt"
        raise RefusedError(f"Cannot serve: {error.name} is not installed.", "GATEWAY_MISSING", hint=hint) from error
    return listening(services, *address, tell)
