"""The gateway from its first line to Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from semantest_iac.application.queries.stacks import simulated_releases
from semantest_iac.domain.errors import Fault, RefusedError
from semantest_iac.presentation.cli.failures import OK
from semantest_iac.presentation.cli.formatting import DEFAULT_PORT, local_endpoint

if TYPE_CHECKING:
    from semantest_iac.application.intake.deployment_specs import DeploymentSpec
    from semantest_iac.presentation.cli.application import GatewayLogEntry
    from semantest_iac.presentation.cli.session import Session

port_option = click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULT_PORT, show_default=True, help="0 takes a free one."
)


def serve(session: Session, variables: Mapping[str, str], host: str, port: int) -> int:
    """Answer until a person or a supervisor stops it, which is not a failure."""
    asyncio.run(_served(session, variables, (host, port)))
    return OK


def require_played(orders: Iterable[DeploymentSpec]) -> None:
    """Raise RefusedError for what will not be on this machine."""
    real = [Fault(str(order.stack), "will be in a real cloud") for order in orders if not order.engine.is_played]
    if real:
        hint = "Leave --serve out, or deploy with --cloud sandbox."
        raise RefusedError("Cannot serve what is not on this machine.", "NOT_LOCAL", hint=hint, faults=real)


async def _served(session: Session, variables: Mapping[str, str], address: tuple[str, int]) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)

    def tell(entry: GatewayLogEntry) -> None:
        session.answer(_as_dict(entry), [_line(entry)])

    async with session.application.gateway(variables, address, tell) as url:
        session.answer(*_greeting(url, sorted(simulated_releases(session.application.ledger))))
        await stopped.wait()
        for number in (signal.SIGINT, signal.SIGTERM):  # a second one ends it at once
            with suppress(ValueError):
                loop.remove_signal_handler(number)


def _greeting(url: str, stacks: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    endpoints = {stack: local_endpoint(stack, url) for stack in stacks}
    shown = [f"  {endpoint}" for endpoint in endpoints.values()] or ["  nothing yet: what is deployed meanwhile is"]
    return {"url": url, "endpoints": endpoints}, [f"Serving on {url}; Ctrl-C stops it.", *shown]


def _line(entry: GatewayLogEntry) -> str:
    moment = datetime.now(UTC).strftime("%H:%M:%S")
    note = f"  {entry.note}" if entry.note else ""
    return f"{moment} {entry.stack or '-'} {entry.method} {entry.path} {entry.status} {_ms(entry):.1f} ms{note}"


def _as_dict(entry: GatewayLogEntry) -> dict[str, Any]:
    told = {"time": datetime.now(UTC).isoformat(), "stack": entry.stack, "method": entry.method, "path": entry.path}
    return told | {"status": entry.status, "ms": round(_ms(entry), 1)} | ({"note": entry.note} if entry.note else {})


def _ms(entry: GatewayLogEntry) -> float:
    return entry.seconds * 1000
